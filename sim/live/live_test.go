package live_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes"
	_ "forklore/runtimes/cgi" // the roles
	_ "forklore/runtimes/eventloop"
	_ "forklore/runtimes/prefork"
	"forklore/sim"
	"forklore/sim/live"
	"forklore/sim/traffic"
)

// These tests give commands to the real source over real processes.

type lab struct {
	*live.Lab
	t    *testing.T
	last *sim.Snapshot
	seen []sim.Event
}

var models = sim.Models(0).With(sim.CGI).With(sim.Prefork).With(sim.EventLoop)

func open(t *testing.T, change func(*live.Config)) *lab {
	t.Helper()
	w, err := traffic.ParseWorkload("cpu 100us, io 50ms")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := live.Config{
		Models: models, Seed: 1, RatePerS: 20, Even: true, Workload: w, Timeout: 20 * time.Second,
		// With the race detector a call takes 22 MiB.
		Spec: runtimes.Spec{MemoryBytes: 448 << 20, Pids: 512, CallTimeout: 20 * time.Second, MaxCalls: 16, Queue: 64,
			Workers: 4, RestartDelay: 100 * time.Millisecond, Log: log},
	}
	if change != nil {
		change(&cfg)
	}
	l, err := live.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		log.Close()
	})
	return &lab{Lab: l, t: t}
}

// until reads snapshots until one is as it should be.
func (l *lab) until(what string, ok func(*sim.Snapshot) bool) *sim.Snapshot {
	l.t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		select {
		case s := <-l.Snapshots():
			l.last = s
			l.seen = append(l.seen, s.Events...)
			for m := range sim.NModels {
				if r := s.Model[m].Requests; r.Sent != r.OK+r.Failed()+r.InFlight {
					l.t.Fatalf("%s: %+v doesn't add up", m, r)
				}
			}
			if ok(s) {
				return s
			}
		case <-deadline:
			l.t.Fatalf("not in 60 s: %s; incidents %+v, load %+v", what, l.last.Current, l.last.Load)
		}
	}
}

func (l *lab) do(c sim.Command) {
	l.t.Helper()
	if err := l.Do(c); err != nil {
		l.t.Fatalf("%+v: %v", c, err)
	}
}

func (l *lab) serving() *sim.Snapshot {
	l.t.Helper()
	return l.until("all serve", func(s *sim.Snapshot) bool {
		for m := range sim.NModels {
			if models.Has(m) && s.Model[m].Requests.OK < 5 {
				return false
			}
		}
		return true
	})
}

// leak is the one of injection 2.
func leak(s *sim.Snapshot) (found sim.Incident) {
	for _, i := range s.Current {
		if i.Fault == sim.FaultLeak {
			found = i
		}
	}
	return found
}

func (l *lab) saw(what sim.EventKind) bool {
	for _, e := range l.seen {
		if e.What == what {
			return true
		}
	}
	return false
}

func TestPauseAndRate(t *testing.T) {
	l := open(t, nil)
	l.do(sim.Command{Pause: true}) // before anything serves: it holds all the same
	l.until("paused from the start", func(s *sim.Snapshot) bool { return s.At > time.Second && s.Load.Paused })
	if n := l.last.Load.Arrivals; n != 0 {
		t.Errorf("%d arrivals while paused", n)
	}
	l.do(sim.Command{Pause: true})
	l.serving()
	l.do(sim.Command{Pause: true})
	quiet := l.until("nothing in flight", func(s *sim.Snapshot) bool {
		return s.Load.Paused && s.Model[sim.CGI].InFlight+s.Model[sim.Prefork].InFlight+s.Model[sim.EventLoop].InFlight == 0
	})
	later := l.until("half a second later", func(s *sim.Snapshot) bool { return s.At > quiet.At+500*time.Millisecond })
	if later.Load.Arrivals != quiet.Load.Arrivals {
		t.Errorf("%d arrivals while paused", later.Load.Arrivals-quiet.Load.Arrivals)
	}
	if cgi, pool := later.Model[sim.CGI].ProcsNow, later.Model[sim.Prefork].ProcsNow; cgi != 0 || pool != 4 {
		t.Errorf("without traffic cgi has %d processes and prefork %d, want 0 and 4", cgi, pool)
	}
	for _, rate := range []float64{-1, 0.01, 1e9} {
		if err := l.Do(sim.Command{Rate: rate}); !errors.Is(err, sim.ErrUnsupported) {
			t.Errorf("rate %v: %v, want ErrUnsupported", rate, err)
		}
	}
	l.do(sim.Command{Rate: 40})
	l.until("the new rate", func(s *sim.Snapshot) bool { return s.Load.RatePerS == 40 })
}

// TestCrashUndoReset: a crash is armed at once, strikes in every model, is
// recovered from; undo ends a leak; reset forgets it all.
func TestCrashUndoReset(t *testing.T) {
	l := open(t, nil)
	if err := l.Do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultCrash, Models: models}}); !errors.Is(err, sim.ErrNotSteady) {
		t.Errorf("before anything serves: %v, want ErrNotSteady", err)
	}
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultCrash, Models: models, Arm: true}})
	s := l.until("three incidents, all over", func(s *sim.Snapshot) bool {
		closed := 0
		for _, i := range s.Current {
			if i.Recovered {
				closed++
			}
		}
		return closed == 3
	})
	for _, i := range s.Current {
		if i.Fault != sim.FaultCrash || i.N != 1 || i.Carriers != 1 || i.Proof != "exit status 2" || i.Carrier != s.Current[0].Carrier {
			t.Errorf("%+v, want injection 1, one carrier, the same in all", i)
		}
		if i.Model != sim.EventLoop && i.Collateral() != 0 {
			t.Errorf("%+v, want nobody else lost", i)
		}
	}
	if !l.saw(sim.EventOpened) || !l.saw(sim.EventClosed) || !l.saw(sim.EventReady) {
		t.Errorf("events %+v: no incident, or no end of it, or no start", l.seen)
	}
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultLeak, Models: sim.Models(0).With(sim.Prefork), Arm: true}})
	l.until("leaks", func(s *sim.Snapshot) bool {
		return len(s.Active) == 1 && leak(s).Leaks > 0
	})
	l.do(sim.Command{Undo: true})
	l.until("the leak's end", func(s *sim.Snapshot) bool {
		i := leak(s)
		return len(s.Active) == 0 && i.Undone && i.Recovered
	})
	l.do(sim.Command{Reset: true})
	s = l.until("a new beginning", func(s *sim.Snapshot) bool {
		return s.At > 0 && s.At < 3*time.Second && s.Model[sim.EventLoop].Requests.OK > 0
	})
	if len(s.Current) != 0 || s.Model[sim.Prefork].ProcsStarted != 4 || s.Model[sim.EventLoop].ProcsStarted != 1 || s.Model[sim.EventLoop].Restarts != 0 {
		t.Errorf("after the reset: incidents %+v, started %d and %d, restarts %d", s.Current,
			s.Model[sim.Prefork].ProcsStarted, s.Model[sim.EventLoop].ProcsStarted, s.Model[sim.EventLoop].Restarts)
	}
}

// TestKilledFromOutside: whoever is killed from a shell opens an incident too;
// a model that is down has nothing to crash; the backend comes back.
func TestKilledFromOutside(t *testing.T) {
	l := open(t, func(c *live.Config) { c.Spec.NeverRestart = true })
	s := l.serving()
	syscall.Kill(s.Model[sim.Prefork].Procs[2].Pid, syscall.SIGKILL)
	s = l.until("a worker's death", func(s *sim.Snapshot) bool { return len(s.Current) == 1 && s.Current[0].Recovered })
	if i := s.Current[0]; i.Fault != sim.FaultOutside || i.Model != sim.Prefork || i.Carriers != 0 || i.Proof != "signal 9 (SIGKILL)" {
		t.Errorf("%+v, want a death from outside", i)
	}
	syscall.Kill(s.Model[sim.EventLoop].Procs[0].Pid, syscall.SIGKILL)
	l.until("the loop down", func(s *sim.Snapshot) bool {
		return s.Model[sim.EventLoop].State == sim.Down && s.Model[sim.EventLoop].Requests.Refused > 3 && s.Current[len(s.Current)-1].Refused > 3
	})
	only := sim.Models(0).With(sim.EventLoop)
	if err := l.Do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultCrash, Models: only, Arm: true}}); !errors.Is(err, sim.ErrDown) {
		t.Errorf("crash of what is down: %v, want ErrDown", err)
	}
	if i := l.last.Current[1]; i.Refused == 0 || i.Refused != i.Lost-i.Reset {
		t.Errorf("%+v, want refusals and resets alone", i)
	}
}
