package prefork_test

import (
	"testing"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
)

// The parent tells how a worker ended, and what it held: a signal 11, a status
// of its own choosing. The place is filled again.
func TestDeadlyFaults(t *testing.T) {
	p := start(t, "WORKERS=2")
	for i, query := range []string{"segv=1", "exit=9"} {
		if r := p.get(i+1, query); r.Err == nil {
			t.Errorf("%s was answered: %+v", query, r)
		}
		eventually(t, "told of", func() bool { return len(p.deaths()) == i+1 })
		d := p.deaths()[i]
		if d.Request != uint64(i+1) || d.Flags != board.CarriesFault|board.ExecutingFault {
			t.Errorf("%s: %+v", query, d)
		}
		eventually(t, "two idle workers", func() bool { return p.count(board.Idle) == 2 })
	}
	d := p.deaths()
	if d[0].Status.Signal() != 11 || d[1].Status.ExitStatus() != 9 {
		t.Errorf("%+v, want signal 11 and exit status 9", d)
	}
}

// Two halves of the table, and the worker can do nothing for which it needs a
// descriptor, again and again: it doesn't die. What it has left is the one that
// the connection of the fault gave back, so it goes on to accept.
func TestDescriptorsExhausted(t *testing.T) {
	p := start(t, "WORKERS=1", "BACKEND=/nowhere")
	for i, c := range []struct {
		query string
		want  int
		says  string
	}{
		{"fds_pct=50", 200, app.Body},
		{"io_us=1", 502, "backend: no such file or directory"},
		{"fds_pct=50", 200, app.Body},
		{"io_us=1", 502, "backend: too many open files"},
		{"", 200, app.Body},
	} {
		if r := p.get(i+1, c.query); r.Status != c.want || r.Body != len(c.says) {
			t.Errorf("request %d, %s: %+v, want %d and %q", i+1, c.query, r, c.want, c.says)
		}
	}
	if len(p.deaths()) != 0 {
		t.Errorf("deaths: %+v", p.deaths())
	}
}
