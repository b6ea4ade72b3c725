package live_test

import (
	"strings"
	"testing"
	"time"

	"forklore/sim"
	"forklore/sim/live"
	"forklore/sim/traffic"
)

var (
	loopOnly    = sim.Models(0).With(sim.EventLoop)
	preforkOnly = sim.Models(0).With(sim.Prefork)
)

// wait lets so much of the run pass.
func (l *lab) wait(what string, d time.Duration) *sim.Snapshot {
	l.t.Helper()
	at := l.last.At
	return l.until(what, func(s *sim.Snapshot) bool { return s.At > at+d })
}

// TestCloseDuringProbe: the lab's end waits for no probe.
func TestCloseDuringProbe(t *testing.T) {
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultSlowBackend, Strength: int64(time.Minute), Models: loopOnly}})
	l.wait("the probe", 500*time.Millisecond)
	began := time.Now()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestUndoIsFinal: what an undone crash has not yet done it does no more, also if
// its carriers found nobody to kill and were to be followed by others.
func TestUndoIsFinal(t *testing.T) {
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultCrash, Strength: 10, Models: loopOnly}})
	l.until("the first death", func(s *sim.Snapshot) bool { return len(s.Current) > 0 })
	l.wait("those that are refused", 300*time.Millisecond)
	l.do(sim.Command{Undo: true})
	s := l.wait("a moment", 300*time.Millisecond)
	carried := func(s *sim.Snapshot) (n int) {
		for _, i := range s.Current {
			n += i.Carried
		}
		return n
	}
	died := func() (n uint64) {
		for _, e := range l.seen {
			if e.What == sim.EventDied {
				n++
			}
		}
		return n
	}
	inFlight, deaths, before := s.Model[sim.EventLoop].Requests.InFlight, died(), carried(s)
	s = l.wait("what would be next", 5*time.Second)
	if after := carried(s); after != before {
		t.Errorf("%d more requests carried it after the undo: %+v", after-before, l.seen)
	}
	// Of those that were on their way when the undo came, each may still strike.
	if more := died() - deaths; more > inFlight {
		t.Errorf("%d deaths after the undo, with %d requests in flight: %+v", more, inFlight, l.seen)
	}
}

// TestBesideBurst: a fault that no longer waits for steady state strikes a model
// that a burst in another leaves out of most arrivals.
func TestBesideBurst(t *testing.T) {
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultBurst, Strength: 5, Duration: 10 * time.Second, Models: loopOnly}})
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultCrash, Models: preforkOnly, Arm: true}})
	l.until("the crash", func(s *sim.Snapshot) bool {
		for _, i := range s.Current {
			if i.Fault == sim.FaultCrash {
				return true
			}
		}
		return false
	})
}

// TestTwoOfAKind: the end of one fault leaves another of its kind at work.
func TestTwoOfAKind(t *testing.T) {
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultDeadBackend, Duration: 5 * time.Second, Models: loopOnly}})
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultDeadBackend, Duration: 10 * time.Second, Models: loopOnly, Arm: true}})
	l.until("both", func(s *sim.Snapshot) bool { return len(s.Active) == 2 })
	l.until("one", func(s *sim.Snapshot) bool { return len(s.Active) == 1 })
	s := l.wait("a moment", time.Second)
	before := s.Model[sim.EventLoop].Requests.OK
	s = l.wait("more", 2*time.Second)
	if n := s.Model[sim.EventLoop].Requests.OK - before; n > 3 {
		t.Errorf("%d answers while the backend is to be dead: active %+v", n, s.Active)
	}
}

// TestOldProof: a probe of before a reset proves nothing after it.
func TestOldProof(t *testing.T) {
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultSlowBackend, Strength: int64(4 * time.Second), Models: loopOnly}})
	l.wait("the probe", 500*time.Millisecond)
	l.do(sim.Command{Reset: true})
	l.until("anew", func(s *sim.Snapshot) bool { return s.At < time.Second && s.Model[sim.EventLoop].Requests.OK > 0 })
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultCrash, Models: loopOnly}})
	s := l.wait("the end of the probe", 5*time.Second)
	for _, i := range s.Current {
		if strings.Contains(i.Proof, "backend") {
			t.Errorf("%+v", i)
		}
	}
}

// TestHangBesideHang: the end of one hang doesn't end those who hang of another.
func TestHangBesideHang(t *testing.T) {
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultHang, Duration: 4 * time.Second, Models: preforkOnly}})
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultHang, Duration: 20 * time.Second, Models: preforkOnly, Arm: true}})
	l.until("both", func(s *sim.Snapshot) bool { return len(s.Active) == 2 })
	l.until("one", func(s *sim.Snapshot) bool { return len(s.Active) == 1 })
	s := l.wait("a moment", 2*time.Second)
	before := s.Model[sim.Prefork].Requests.OK
	l.seen = nil
	s = l.wait("more", 3*time.Second)
	died := 0
	for _, e := range l.seen {
		if e.What == sim.EventDied {
			died++
		}
	}
	if died > 0 {
		t.Errorf("%d workers ended while they are to hang; %d answers", died, s.Model[sim.Prefork].Requests.OK-before)
	}
}

// TestArmedAgain: a key that is pressed again and again does what it is to do
// after the usual time, and one that another takes the place of isn't lost unseen.
func TestArmedAgain(t *testing.T) {
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultHang, Duration: 20 * time.Second, Models: preforkOnly}})
	arm := func(f sim.Fault) { l.do(sim.Command{Inject: &sim.Inject{Fault: f, Models: preforkOnly, Arm: true}}) }
	arm(sim.FaultLeak)
	arm(sim.FaultCrash)
	begun := l.last.At
	s := l.until("the crash, or long after", func(s *sim.Snapshot) bool {
		if s.Armed != nil && s.Armed.Waits == sim.WaitsSteady {
			arm(sim.FaultCrash)
		}
		return s.Armed == nil && s.At > begun+time.Second || s.At > begun+8*time.Second
	})
	if s.Armed != nil && s.Armed.Waits == sim.WaitsSteady {
		t.Errorf("after %v it still waits: %+v", s.At-begun, s.Armed)
	}
	if !l.saw(sim.EventRefused) {
		t.Error("nobody was told of the leak")
	}
}

// TestResetBooks: what ends while a reset cuts it off is in no new book.
func TestResetBooks(t *testing.T) {
	w, err := traffic.ParseWorkload("cpu 0us")
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, func(c *live.Config) { c.Workload, c.RatePerS, c.Models = w, 500, loopOnly })
	for range 15 { // it takes an answer within the moment that the reset takes
		l.until("requests", func(s *sim.Snapshot) bool { return s.Model[sim.EventLoop].Requests.OK > 20 }) // and the sums, see there
		pid := l.last.Model[sim.EventLoop].Procs[0].Pid
		l.do(sim.Command{Reset: true})
		l.until("anew", func(s *sim.Snapshot) bool {
			loop := &s.Model[sim.EventLoop]
			return len(loop.Procs) == 1 && loop.Procs[0].Pid != pid && loop.State == sim.OK
		})
	}
	l.until("requests", func(s *sim.Snapshot) bool { return s.Model[sim.EventLoop].Requests.OK > 20 })
	if l.saw(sim.EventBroken) {
		t.Errorf("the books don't add up: %+v", l.seen)
	}
}
