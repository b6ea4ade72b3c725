package runtimes_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes"
)

// backendEvent waits for one of that kind and model.
func backendEvent(t *testing.T, h *runtimes.House, what runtimes.EventKind, model string) runtimes.Event {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e := <-h.Backend():
			if e.What == what && e.Model == model {
				return e
			}
		case <-deadline:
			t.Fatalf("no event %v of the backend of %s", what, model)
		}
	}
}

// TestSlowBackend: for one model alone, also after the process was replaced,
// until it is undone.
func TestSlowBackend(t *testing.T) {
	const extra = 300 * time.Millisecond
	h := open(t, spec(), runtimes.Prefork, runtimes.EventLoop)
	r := begin(t, h, runtimes.EventLoop)
	probe := func(model string) time.Duration {
		t.Helper()
		took, err := h.ProbeBackend(t.Context(), model, 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return took
	}
	if err := h.SlowBackend(runtimes.EventLoop, extra); err != nil {
		t.Fatal(err)
	}
	for probe(runtimes.EventLoop) < extra { // it is told by a line, which takes its time
	}
	began := time.Now()
	if status, _, err := get(r, "io_us=1000", "", 1); status != 200 || time.Since(began) < extra {
		t.Errorf("%d %v after %v", status, err, time.Since(began))
	}
	if slow, other := probe(runtimes.EventLoop), probe(runtimes.Prefork); other >= slow {
		t.Errorf("the other's backend takes %v, this one's %v", other, slow)
	}
	for _, do := range []func(string) error{h.KillBackend, h.ReviveBackend} {
		if err := do(runtimes.EventLoop); err != nil {
			t.Fatal(err)
		}
	}
	if took := probe(runtimes.EventLoop); took < extra {
		t.Errorf("after a restart it takes %v", took)
	}
	if err := h.SlowBackend(runtimes.EventLoop, 0); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); probe(runtimes.EventLoop) >= extra; {
		if time.Now().After(end) {
			t.Fatal("it stays slow")
		}
	}
	for _, bad := range []time.Duration{-1, time.Hour} {
		if h.SlowBackend(runtimes.EventLoop, bad) == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if err := h.SlowBackend(runtimes.CGI, extra); err == nil || !strings.Contains(err.Error(), "no such model") {
		t.Errorf("a model that isn't there: %v", err)
	}
}

// TestLetGo: who has been held up for ever gets the answer, and who asked for a
// time of his own waits for just that.
func TestLetGo(t *testing.T) {
	h := open(t, spec(), runtimes.EventLoop)
	r := begin(t, h, runtimes.EventLoop)
	slow := func(by time.Duration) {
		t.Helper()
		if err := h.SlowBackend(runtimes.EventLoop, by); err != nil {
			t.Fatal(err)
		}
	}
	slow(5 * time.Minute)
	for {
		if _, err := h.ProbeBackend(t.Context(), runtimes.EventLoop, 300*time.Millisecond); err != nil {
			break // it has been told
		}
	}
	const own = time.Second
	began := time.Now()
	type answer struct {
		status int
		took   time.Duration
	}
	answers := make(chan answer, 2)
	for i, us := range []string{"io_us=1000", "io_us=1000000"} {
		go func() {
			status, _, _ := get(r, us, "", i+1)
			answers <- answer{status, time.Since(began)}
		}()
	}
	for !holds(r, 1) || !holds(r, 2) {
		time.Sleep(time.Millisecond)
	}
	slow(0)
	if err := h.LetGo(runtimes.EventLoop); err != nil {
		t.Fatal(err)
	}
	first, second := <-answers, <-answers
	if first.status != 200 || second.status != 200 || second.took < own || second.took > time.Minute {
		t.Errorf("%+v, then %+v; want 200 at once, and after its second", first, second)
	}
}

// TestDeadBackend: whoever asks fails, and doesn't wait; others are fine. Each
// order may be given twice.
func TestDeadBackend(t *testing.T) {
	for _, model := range all {
		t.Run(model, func(t *testing.T) {
			other := runtimes.EventLoop
			if model == other {
				other = runtimes.Prefork
			}
			h := open(t, spec(), model, other)
			r, o := begin(t, h, model), begin(t, h, other)
			held := make(chan int, 1)
			go func() {
				status, _, _ := get(r, "io_us=60000000", "", 1)
				held <- status
			}()
			for !holds(r, 1) {
				time.Sleep(time.Millisecond)
			}
			for range 2 {
				if err := h.KillBackend(model); err != nil {
					t.Fatal(err)
				}
			}
			if e := backendEvent(t, h, runtimes.Died, model); !e.ByLab || !e.Status.Signaled() || e.Status.Signal() != syscall.SIGKILL {
				t.Errorf("died: %+v, want signal 9 by the lab", e)
			}
			if status := <-held; status != 502 {
				t.Errorf("who waited for it got %d", status)
			}
			for range 5 {
				if status, body, err := get(r, "io_us=1000", "", 2); status != 502 || !strings.HasPrefix(body, "backend: ") {
					t.Errorf("%d %q %v, want 502", status, body, err)
				}
			}
			if _, err := h.ProbeBackend(t.Context(), model, 20*time.Second); err == nil {
				t.Error("the dead one answers")
			}
			if status, _, err := get(o, "io_us=1000", "", 3); status != 200 {
				t.Errorf("%s, whose backend lives: %d %v", other, status, err)
			}
			for range 2 {
				if err := h.ReviveBackend(model); err != nil {
					t.Fatal(err)
				}
			}
			backendEvent(t, h, runtimes.Ready, model)
			if status, _, err := get(r, "io_us=1000", "", 4); status != 200 {
				t.Errorf("revived: %d %v", status, err)
			}
		})
	}
}

// holds reports whether the board has the request.
func holds(r *runtimes.Runtime, id uint64) bool {
	for i := range r.Board().Row {
		if r.Board().Row[i].Request.Load() == id {
			return true
		}
	}
	return false
}

// TestBackendIsKilledFromOutside: it is started again, and who asks meanwhile waits.
func TestBackendIsKilledFromOutside(t *testing.T) {
	h := open(t, spec(), runtimes.EventLoop)
	r := begin(t, h, runtimes.EventLoop)
	for _, do := range []func(string) error{h.KillBackend, h.ReviveBackend} {
		if err := do(runtimes.EventLoop); err != nil {
			t.Fatal(err)
		}
	}
	pid := backendEvent(t, h, runtimes.Ready, runtimes.EventLoop).Pid
	syscall.Kill(pid, syscall.SIGKILL)
	if e := backendEvent(t, h, runtimes.Died, runtimes.EventLoop); e.ByLab || e.Pid != pid {
		t.Errorf("died: %+v", e)
	}
	if status, _, err := get(r, "io_us=1000", "", 1); status != 200 {
		t.Errorf("%d %v", status, err)
	}
	if e := backendEvent(t, h, runtimes.Ready, runtimes.EventLoop); e.Pid == pid {
		t.Errorf("%+v", e)
	}
}
