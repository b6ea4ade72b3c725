package runtimes_test

import (
	"syscall"
	"testing"
	"time"

	"forklore/runtimes"
)

// TestEngines: the container model on OCI runtimes serves, shows a crash, and
// leaves nothing, not even if its host is killed with a call in flight.
func TestEngines(t *testing.T) {
	for _, engine := range runtimes.Engines {
		t.Run(engine, func(t *testing.T) {
			if _, err := runtimes.EnginePath(engine); err != nil {
				t.Skip("needs ", engine)
			}
			s := spec()
			s.Engine = engine
			h := open(t, s, runtimes.Container)
			r := begin(t, h, runtimes.Container)
			next(t, r, runtimes.Ready)
			if status, body, err := get(r, "cpu_us=100&io_us=1000", "", 1); status != 200 || body != "hello\n" {
				t.Fatalf("%d %q %v", status, body, err)
			}
			get(r, "crash=1", h.Token(), 3)
			if e := next(t, r, runtimes.Died); !e.Status.Exited() || e.Status.ExitStatus() != 2 || len(e.Held) != 1 || e.Held[0].Request != 3 {
				t.Errorf("died: %+v, want exit status 2 of the one that held request 3", e)
			}
			killed := make(chan struct{})
			go func() { get(r, "io_us=60000000", "", 9); close(killed) }()
			for !holds(r, 9) {
				time.Sleep(time.Millisecond)
			}
			pid, request, err := r.KillOne(func(int) int { return 0 })
			if err != nil {
				t.Fatal(err)
			}
			if e := next(t, r, runtimes.Died); request != 9 || e.Pid != pid || e.Status.Signal() != syscall.SIGKILL {
				t.Errorf("killed %d with request %d; died %+v", pid, request, e)
			}
			<-killed
			cut := make(chan struct{})
			go func() { get(r, "io_us=60000000", "", 4); close(cut) }()
			for !holds(r, 4) {
				time.Sleep(time.Millisecond)
			}
			syscall.Kill(r.Top(), syscall.SIGKILL)
			<-cut
			if e := next(t, r, runtimes.Died); !e.Top || len(e.Held) != 1 || e.Held[0].Request != 4 {
				t.Errorf("died: %+v, want the host, holding request 4", e)
			}
			next(t, r, runtimes.Ready)
			if status, _, err := get(r, "", "", 5); status != 200 {
				t.Errorf("after the restart: %d %v", status, err)
			}
		})
	}
}
