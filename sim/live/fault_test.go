package live_test

import (
	"testing"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
	"forklore/sim/live"
)

// gently: an emulated processor, where these tests are short, starts some ten
// processes a second.
func gently(c *live.Config) {
	if testing.Short() {
		c.RatePerS = 5
		c.Spec.MemoryBytes = 96 << 20 // page by page, a hog is slow there
	}
}

// TestUndo: each fault, undone while it is at work or has just struck, leaves
// models that are steady again: the next fault is let in without waiting.
func TestUndo(t *testing.T) {
	l := open(t, gently)
	l.serving()
	last := 0
	some := map[sim.Fault]bool{sim.FaultCrash: true, sim.FaultOOM: true, sim.FaultForkBomb: true}
	for _, k := range fault.Catalogue {
		if k.Fault == sim.FaultOOM && l.last.Lab.Why != "" || testing.Short() && !some[k.Fault] {
			continue
		}
		for _, m := range []sim.Model{sim.Prefork, sim.EventLoop} {
			in := &sim.Inject{Fault: k.Fault, Models: sim.Models(0).With(m)}
			if err := l.Do(sim.Command{Inject: in}); err != nil {
				t.Fatalf("%s in %s: %v; want it let in, all is steady", k.Fault, m, err)
			}
			mine := func(s *sim.Snapshot) *sim.Incident {
				for i := range s.Current {
					if s.Current[i].N > last && s.Current[i].Fault == k.Fault {
						return &s.Current[i]
					}
				}
				return nil
			}
			s := l.until(string(k.Fault)+" in "+m.String(), func(s *sim.Snapshot) bool { return mine(s) != nil })
			at := s.At
			l.until("some more of it", func(s *sim.Snapshot) bool { return s.At > at+300*time.Millisecond })
			l.do(sim.Command{Undo: true})
			s = l.until("the end of "+string(k.Fault)+" in "+m.String(), func(s *sim.Snapshot) bool { return !mine(s).Open() })
			i := mine(s)
			if i.Model != m || !i.Recovered || len(s.Active) > 0 || s.Armed != nil {
				t.Errorf("%s: %+v, active %+v, armed %+v; want it over in %s", k.Fault, i, s.Active, s.Armed, m)
			}
			if i.Lost != i.Carriers+i.Collateral() {
				t.Errorf("%s in %s: %d lost are not %d and %d", k.Fault, m, i.Lost, i.Carriers, i.Collateral())
			}
			// Of a backend that answers late it is a round trip, which the undo ends.
			l.until("its proof", func(s *sim.Snapshot) bool { return mine(s).Proof != "" })
			last = i.N
		}
	}
	if l.saw(sim.EventBroken) {
		t.Errorf("the books didn't add up: %+v", l.seen)
	}
}

// TestTurns: a fault that presses on the machine strikes one model after the
// other, as one injection; each when the one before is steady again.
func TestTurns(t *testing.T) {
	l := open(t, gently)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultSpin, Strength: int64(300 * time.Millisecond), Models: models}})
	waited := false
	s := l.until("three incidents", func(s *sim.Snapshot) bool {
		open, closed := 0, 0
		for _, i := range s.Current {
			if i.Open() {
				open++
			} else {
				closed++
			}
		}
		if open > 1 {
			t.Fatalf("at once in %d models: %+v", open, s.Current)
		}
		waited = waited || s.Armed != nil && s.Armed.Waits == sim.WaitsTurn && !s.Armed.Models.Has(sim.CGI)
		return closed == 3
	})
	for _, i := range s.Current {
		if i.N != 1 || i.Fault != sim.FaultSpin {
			t.Errorf("%+v, want injection 1", i)
		}
	}
	if !waited {
		t.Error("nothing said that it waits for its turn in the others")
	}
}

// TestRenew: all processes are new, nobody is lost, the figures stay.
func TestRenew(t *testing.T) {
	l := open(t, gently)
	s := l.serving()
	before, loop := s.Model[sim.Prefork].Requests.OK, s.Model[sim.EventLoop].Procs[0].Pid
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultHang, Models: models}}) // somebody has to be given up on
	at := s.At
	l.until("some hang", func(s *sim.Snapshot) bool { return s.At > at+time.Second })
	l.do(sim.Command{Renew: true})
	l.until("renewed", func(*sim.Snapshot) bool { return l.saw(sim.EventRenewed) })
	s = l.until("it serves again", func(s *sim.Snapshot) bool {
		return s.Model[sim.Prefork].Requests.OK > before+10 && len(s.Model[sim.EventLoop].Procs) == 1 && s.Model[sim.EventLoop].Requests.InFlight < 10
	})
	if s.Model[sim.EventLoop].Procs[0].Pid == loop {
		t.Error("the event loop is the same process")
	}
	for _, i := range s.Current {
		if i.Collateral() != 0 {
			t.Errorf("%+v, want nobody lost but who hung", i)
		}
	}
	if s.Unattributed != 0 {
		t.Errorf("unattributed %d, want none", s.Unattributed)
	}
}

// TestBurst: ten times the requests for one model, the same as ever for the others.
func TestBurst(t *testing.T) {
	if testing.Short() {
		t.Skip("asks for more than an emulated processor has")
	}
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultBurst, Strength: 5, Duration: 2 * time.Second, Models: sim.Models(0).With(sim.EventLoop)}})
	s := l.until("its end", func(s *sim.Snapshot) bool { return len(s.Current) == 1 && !s.Current[0].Open() })
	loop, cgi := s.Model[sim.EventLoop].Requests.Sent, s.Model[sim.CGI].Requests.Sent
	if loop < 2*cgi || s.Current[0].Arrivals < 120 {
		t.Errorf("event loop %d requests, cgi %d, incident %+v; want some 200 in the burst, 40 for the other", loop, cgi, s.Current[0])
	}
}
