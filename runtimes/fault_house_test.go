package runtimes_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes"
	"forklore/runtimes/app"
)

// TestDeadlyFaults: each kind of end is told for what it was, of whoever held
// the request, in every model.
func TestDeadlyFaults(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a signal 11 that Go lets through, and cgroups")
	}
	s := spec()
	s.MemoryBytes = 64 << 20
	for _, model := range all {
		t.Run(model, func(t *testing.T) {
			h := open(t, s, model)
			r := begin(t, h, model)
			next(t, r, runtimes.Ready)
			for i, c := range []struct {
				query  string
				is     func(syscall.WaitStatus) bool
				byOOM  bool
				status string
			}{
				{"segv=1", func(w syscall.WaitStatus) bool { return w.Signaled() && w.Signal() == syscall.SIGSEGV }, false, "signal 11"},
				{"exit=7", func(w syscall.WaitStatus) bool { return w.Exited() && w.ExitStatus() == 7 }, false, "exit status 7"},
				{"hog_bytes=68719476736", func(w syscall.WaitStatus) bool { return w.Signaled() && w.Signal() == syscall.SIGKILL }, true, "signal 9 by the OOM killer"},
			} {
				if c.byOOM && h.Yard().Mode() == "none" {
					t.Log("no OOM kill without cgroups: " + h.Yard().Why())
					continue
				}
				id := i + 1
				status, _, err := get(r, c.query, h.Token(), id)
				if byHost := model == runtimes.CGI || model == runtimes.Container; byHost && status != 500 || !byHost && err == nil {
					t.Errorf("%s: %d %v", c.query, status, err)
				}
				e := next(t, r, runtimes.Died)
				if !c.is(e.Status) || c.byOOM != (e.OOMKills > 0) || len(e.Held) != 1 || e.Held[0].Request != uint64(id) || !e.Held[0].Executing {
					t.Errorf("%s: died %+v, want %s of the one that held request %d", c.query, e, c.status, id)
				}
				if e.Top {
					next(t, r, runtimes.Ready)
				}
				if status, _, err := get(r, "io_us=1000", "", 99); status != 200 {
					t.Errorf("after %s: %d %v", c.query, status, err)
				}
			}
		})
	}
}

// full waits until a fork bomb has taken all processes of the cage, or of the
// sandbox in it.
func full(t *testing.T, r *runtimes.Runtime, most int64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); r.Memory().PidsPeak < most; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v, want %d processes", r.Memory(), most)
		}
	}
}

// TestForkBomb: the limit that stops it is that of the processes, not of the
// memory. While it lasts nobody can start a process beside it, and no host dies
// of that; after it the model serves as before.
func TestForkBomb(t *testing.T) {
	s := spec()
	s.MemoryBytes = 128 << 20
	for _, model := range all {
		t.Run(model, func(t *testing.T) {
			h := open(t, s, model)
			if h.Yard().Mode() == "none" {
				t.Skip("needs cgroups: " + h.Yard().Why())
			}
			r := begin(t, h, model)
			next(t, r, runtimes.Ready)
			top, most := r.Top(), s.Pids
			if model == runtimes.Container {
				most = 64 // a sandbox's own
			}
			type reply struct {
				status int
				body   string
				err    error
			}
			done := make(chan reply, 1)
			began := time.Now()
			go func() {
				status, body, err := get(r, "forks=4096", h.Token(), 1)
				done <- reply{status, body, err}
			}()
			full(t, r, most)
			if model == runtimes.Prefork {
				get(r, "exit=1", h.Token(), 2) // its place can't be filled
			}
			status, body, err := get(r, "io_us=1000", "", 3)
			if model == runtimes.CGI {
				if status != 503 || !strings.Contains(body, "EAGAIN") || r.Board().Rejected.Load() == 0 {
					t.Errorf("another call: %d %q %v, %d rejected", status, body, err, r.Board().Rejected.Load())
				}
			} else if status != 200 {
				t.Errorf("another request: %d %q %v", status, body, err)
			}
			b := <-done
			var forked int64
			if _, scan := fmt.Sscanf(b.body, "forked %d processes, then EAGAIN\n", &forked); b.status != 200 || scan != nil {
				t.Fatalf("%+v", b)
			}
			if forked < most-100 || forked >= most {
				t.Errorf("%d processes, want nearly %d", forked, most)
			}
			if took := time.Since(began); took < app.ForkHoldUS*time.Microsecond {
				t.Errorf("it was over after %v", took)
			}
			if status, body, err := get(r, "io_us=1000", "", 4); status != 200 {
				t.Errorf("after it: %d %q %v", status, body, err)
			}
			if f := r.Memory(); f.OOMKills > 0 || r.Top() != top {
				t.Errorf("%d OOM kills, top process %d, was %d", f.OOMKills, r.Top(), top)
			}
		})
	}
}

// TestForkBombLosesItsProcess: the top process is killed while the bomb lasts.
// The next one finds the cage empty, of zombies too.
func TestForkBombLosesItsProcess(t *testing.T) {
	for _, model := range []string{runtimes.CGI, runtimes.Prefork, runtimes.EventLoop} {
		t.Run(model, func(t *testing.T) {
			h := open(t, spec(), model)
			if h.Yard().Mode() == "none" {
				t.Skip("needs cgroups: " + h.Yard().Why())
			}
			r := begin(t, h, model)
			next(t, r, runtimes.Ready)
			go get(r, "forks=4096", h.Token(), 1)
			full(t, r, spec().Pids)
			syscall.Kill(r.Top(), syscall.SIGKILL)
			next(t, r, runtimes.Died)
			next(t, r, runtimes.Ready)
			if n := r.Memory().PidsNow; n > 200 {
				t.Errorf("%d processes are there", n)
			}
			if status, body, err := get(r, "io_us=1000", "", 2); status != 200 {
				t.Errorf("%d %q %v", status, body, err)
			}
		})
	}
}
