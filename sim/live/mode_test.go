package live_test

import (
	"errors"
	"os"
	"testing"
	"time"

	_ "forklore/runtimes/container" // the role
	"forklore/sim"
	"forklore/sim/live"
)

// The container's modes, changed while traffic flows: nothing is lost, and the
// figures say what each of them costs.
func TestModes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: for cgroups and sandboxes")
	}
	l := open(t, func(c *live.Config) {
		c.Models = sim.Models(0).With(sim.Container)
		c.Spec.Pool, c.Spec.Idle = 3, 300*time.Millisecond
		c.RatePerS = 8 // with more, a slow processor or the race detector never has a calm moment
	})
	box := func(s *sim.Snapshot) *sim.ModelState { return &s.Model[sim.Container] }
	l.until("it serves", func(s *sim.Snapshot) bool {
		if box(s).State == sim.Unavailable {
			t.Skip(box(s).Why)
		}
		return box(s).Requests.OK >= 5
	})
	if m := box(l.last); m.Mode != sim.ModeFresh || m.ColdShare != 1 || m.WarmStartMS.N != 0 {
		t.Errorf("at first: mode %q, cold share %v, %d warm starts; want fresh, 1, 0", m.Mode, m.ColdShare, m.WarmStartMS.N)
	}
	if err := l.Do(sim.Command{Mode: "hot"}); !errors.Is(err, sim.ErrUnsupported) {
		t.Errorf("mode hot: %v", err)
	}
	for _, mode := range []string{sim.ModeWarm, sim.ModePrewarmed} {
		before := box(l.last).WarmStartMS.N
		l.do(sim.Command{Mode: mode})
		l.until(mode, func(s *sim.Snapshot) bool { return box(s).Mode == mode && box(s).WarmStartMS.N >= before+10 })
	}
	l.do(sim.Command{Mode: sim.ModeWarm})
	l.do(sim.Command{Pause: true})
	l.until("all have ended", func(s *sim.Snapshot) bool { return box(s).ProcsNow == 0 })
	l.do(sim.Command{Pause: true})
	l.until("one waits, frozen", func(s *sim.Snapshot) bool {
		for _, p := range box(s).Procs {
			if p.State == 'z' {
				return true
			}
		}
		return false
	})
	before, anew := l.last.At, false
	l.do(sim.Command{Reset: true}) // the mode outlives it
	l.until("warm again", func(s *sim.Snapshot) bool {
		anew = anew || s.At < before
		return anew && box(s).WarmStartMS.N >= 3
	})
	m := box(l.last)
	if m.Mode != sim.ModeWarm || m.Requests.Failed() > 0 || len(l.last.Current) > 0 {
		t.Errorf("mode %q, requests %+v, incidents %+v; want warm, and none failed", m.Mode, m.Requests, l.last.Current)
	}
	if m.CallMS.N == 0 || m.StartMS.N == 0 || m.ColdShare <= 0 || m.ColdShare >= 1 {
		t.Errorf("%d calls, %d cold starts, cold share %v", m.CallMS.N, m.StartMS.N, m.ColdShare)
	}
	if !l.saw(sim.EventMode) || l.saw(sim.EventDied) {
		t.Errorf("events: %+v; want changes of the mode, and no deaths", l.seen)
	}
}
