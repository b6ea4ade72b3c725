package runtimes_test

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes"
	"forklore/runtimes/board"
)

// TestKillOne: it is one that serves, it dies of it, and the death is told with
// what it held. Where none serves, nobody is killed.
func TestKillOne(t *testing.T) {
	s := spec()
	s.Workers = 1
	for _, model := range all {
		t.Run(model, func(t *testing.T) {
			h := open(t, s, model)
			r := begin(t, h, model)
			next(t, r, runtimes.Ready)
			if model == runtimes.CGI || model == runtimes.Container {
				if pid, _, err := r.KillOne(rand.IntN); !errors.Is(err, runtimes.ErrNobody) {
					t.Errorf("without a call: pid %d, %v", pid, err)
				}
			}
			for id := 1; id <= 3; id++ {
				cut := make(chan int, 1)
				go func() {
					status, _, _ := get(r, "io_us=60000000", "", id)
					cut <- status
				}()
				for !holds(r, uint64(id)) {
					time.Sleep(time.Millisecond)
				}
				pid, request, err := r.KillOne(rand.IntN)
				if err != nil {
					t.Fatal(err)
				}
				if want := uint64(id); model == runtimes.EventLoop && request != 0 || model != runtimes.EventLoop && request != want {
					t.Errorf("it held %d, want %d", request, want)
				}
				e := next(t, r, runtimes.Died)
				if e.Pid != pid || !e.Status.Signaled() || e.Status.Signal() != syscall.SIGKILL || e.Hung || e.OOMKills != 0 || len(e.Held) != 1 || e.Held[0].Request != uint64(id) {
					t.Errorf("died %+v, want signal 9 of process %d, holding %d", e, pid, id)
				}
				if e.Top {
					next(t, r, runtimes.Ready)
				}
				if status := <-cut; status == 200 {
					t.Error("it was answered")
				}
			}
		})
	}
}

// TestRelease: a pool's hung workers are replaced at once, and that is no death
// from outside; the others go on. The other models take no notice.
func TestRelease(t *testing.T) {
	for _, model := range all {
		t.Run(model, func(t *testing.T) {
			h := open(t, spec(), model)
			r := begin(t, h, model)
			next(t, r, runtimes.Ready)
			slow := make(chan int, 1)
			go func() {
				status, _, _ := get(r, "io_us=500000", "", 1)
				slow <- status
			}()
			go get(r, "hang=1", h.Token(), 2)
			for !holds(r, 1) || !executing(r, 2) {
				if model == runtimes.CGI || model == runtimes.Container {
					break // the host doesn't know how far a call has come
				}
				time.Sleep(time.Millisecond)
			}
			r.Release()
			if model == runtimes.Prefork {
				e := next(t, r, runtimes.Died)
				if !e.Hung || len(e.Held) != 1 || e.Held[0].Request != 2 || !e.Held[0].Executing {
					t.Errorf("died %+v, want the one that hung with request 2", e)
				}
			}
			if status := <-slow; status != 200 {
				t.Errorf("a request without a fault: %d", status)
			}
		})
	}
}

// executing reports whether the request is at its fault.
func executing(r *runtimes.Runtime, id uint64) bool {
	for i := range r.Board().Row {
		row := &r.Board().Row[i]
		if row.Request.Load() == id && row.Flags.Load()&board.ExecutingFault != 0 {
			return true
		}
	}
	return false
}
