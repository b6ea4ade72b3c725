package live_test

import (
	"errors"
	"testing"

	"forklore/sim"
	"forklore/sim/live"
)

// Another weight, while traffic flows: nothing is lost, no figure is, and what
// a start costs is told anew.
func TestWeight(t *testing.T) {
	l := open(t, func(c *live.Config) { c.RatePerS, c.WeightName = 4, "function" })
	if err := l.Do(sim.Command{Weight: "monolith"}); !errors.Is(err, sim.ErrNotSteady) {
		t.Errorf("before it serves: %v, want ErrNotSteady", err)
	}
	l.serving()
	if err := l.Do(sim.Command{Weight: "feather"}); !errors.Is(err, sim.ErrUnsupported) {
		t.Errorf("an unknown weight: %v", err)
	}
	before := l.last
	l.do(sim.Command{Weight: "monolith"})
	if err := l.Do(sim.Command{Weight: "function"}); !errors.Is(err, sim.ErrNotSteady) {
		t.Errorf("in the middle of a change: %v, want ErrNotSteady", err)
	}
	l.until("the monolith serves", func(s *sim.Snapshot) bool {
		ok := s.Load.Weight == "monolith" && l.saw(sim.EventRenewed)
		for m := range sim.NModels {
			v, was := &s.Model[m], &before.Model[m]
			ok = ok && (!models.Has(m) || v.Requests.OK >= was.Requests.OK+5 && v.StartMS.N > 0)
		}
		return ok
	})
	for m := range sim.NModels {
		v, was := &l.last.Model[m], &before.Model[m]
		if !models.Has(m) {
			continue
		}
		// 60 ms of work and 8 MiB, which the machine may be slow at, but not fast.
		if v.StartMS.P50 < 40 {
			t.Errorf("%s: a start took %.1f ms as a function and %.1f ms as a monolith", m, was.StartMS.P50, v.StartMS.P50)
		}
		if v.Requests.Failed() > 0 || v.ProcsStarted < was.ProcsStarted {
			t.Errorf("%s: %+v, %d processes started; there were %d before", m, v.Requests, v.ProcsStarted, was.ProcsStarted)
		}
	}
	if l.saw(sim.EventDied) || len(l.last.Current) > 0 {
		t.Errorf("events %+v, incidents %+v; want none of deaths", l.seen, l.last.Current)
	}
}
