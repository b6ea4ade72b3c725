package eventloop_test

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

// Without descriptors a client is told at once, and those that are connected
// are served on.
func TestNoDescriptorsLeft(t *testing.T) {
	s := start(t)
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Prlimit(s.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Skip("needs prlimit(2) on a child: ", err)
	}
	var served, closed int
	var alive *conn
	for id := uint64(1); id <= 100; id++ {
		c := s.dial()
		io.WriteString(c, get("", id))
		if b, err := c.r.Peek(1); err == nil && b[0] == 'H' {
			c.receive("GET")
			served, alive = served+1, c
		} else {
			closed++
		}
	}
	if served < 40 || closed < 36 {
		t.Errorf("%d served, %d closed; want about 56 and 44", served, closed)
	}
	alive.send(get("", 101))
	if status, _, _ := alive.receive("GET"); status != 200 {
		t.Errorf("a connection from before: status %d", status)
	}
	alive.Close()
	eventually(t, "room for a new one", func() bool {
		c := s.dial()
		io.WriteString(c, get("", 102, "Connection: close"))
		b, err := c.r.Peek(1)
		return err == nil && b[0] == 'H'
	})
}
