package prefork_test

import "testing"

// TestQueueIsTheBacklog: who finds no worker waits in the listen backlog, and
// the board says how many they are.
func TestQueueIsTheBacklog(t *testing.T) {
	b, open := startGated(t)
	p := start(t, "WORKERS=2", b.setting())
	var waiting []<-chan reply
	for id := 1; id <= 7; id++ {
		waiting = append(waiting, p.begin(id, "io_us=1000"))
	}
	eventually(t, "five of seven wait for two workers", func() bool { return p.board.QueueNow.Load() == 5 })
	open()
	for _, c := range waiting {
		<-c
	}
	eventually(t, "nobody waits", func() bool { return p.board.QueueNow.Load() == 0 && p.board.QueueMax.Load() >= 5 })
}
