package live

import (
	"fmt"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// armed is a fault that waits for steady state.
type armed struct {
	sim.Inject
	since time.Time
}

// patience is how long an armed fault waits; then it fires all the same: on a
// stage, a key that was pressed does something.
const patience = 3 * time.Second

// do carries a command out.
func (l *Lab) do(c sim.Command) error {
	switch {
	case c.Reset:
		return l.reset()
	case l.stopped:
		return fmt.Errorf("%w: the traffic has ended", sim.ErrUnsupported)
	case c.Rate != 0:
		if !(c.Rate >= sim.MinRate && c.Rate <= sim.MaxRate) {
			return fmt.Errorf("%w: a rate from %v to %v a second", sim.ErrUnsupported, sim.MinRate, sim.MaxRate)
		}
		l.rate, l.rateWhy = c.Rate, ""
		if l.generator != nil {
			return l.generator.SetRate(c.Rate)
		}
	case c.Pause:
		l.paused = !l.paused
		l.applyPause()
	case c.Mode != "":
		return l.setMode(c.Mode)
	case c.Undo:
		l.undo()
	case c.Inject != nil:
		return l.inject(*c.Inject)
	case c.Stop:
		l.stop()
	}
	return nil
}

// setMode changes what becomes of the container's sandboxes.
func (l *Lab) setMode(mode string) error {
	s := &l.models[sim.Container]
	if s.rt == nil {
		return fmt.Errorf("%w: the container model doesn't run", sim.ErrUnsupported)
	}
	if err := s.rt.SetMode(mode); err != nil {
		return fmt.Errorf("%w: %w", sim.ErrUnsupported, err)
	}
	l.mode = mode
	s.book.Mode(mode)
	l.event(sim.Container, sim.EventMode, 0, mode)
	return nil
}

// stop ends the arrivals, and with them whatever faults they carry.
func (l *Lab) stop() {
	l.stopped = true
	if l.generator != nil {
		l.stopTraffic()
	}
	l.active = nil
	for m := range sim.NModels {
		l.models[m].book.Stop(l.at(time.Now()))
	}
	if l.armed != nil || l.plan.Waiting() {
		l.event(sim.NModels, sim.EventRefused, 0, "a fault was armed, and no request came that could carry it")
	}
	l.armed = nil
	l.plan.Undo()
}

func (l *Lab) applyPause() {
	switch {
	case l.generator == nil:
	case l.paused:
		l.generator.Pause()
	default:
		l.generator.Resume()
	}
}

// inject puts a fault in, now or when the models are steady.
func (l *Lab) inject(in sim.Inject) error {
	kind, ok := fault.Find(in.Fault)
	if !ok {
		return fmt.Errorf("%w: unknown fault %q", sim.ErrUnsupported, in.Fault)
	}
	if l.served.IsZero() && !in.Arm {
		return fmt.Errorf("%w: not all models serve yet", sim.ErrNotSteady)
	}
	for m, program := range map[sim.Model]string{sim.CGI: l.cfg.Spec.Script, sim.Container: l.cfg.Spec.Function} {
		if !kind.FromInside || program == "" || !in.Models.Has(m) {
			continue
		}
		why := fmt.Sprintf("%s runs %s, which can't be asked for a %s; kill one of its processes from a shell instead", m, program, in.Fault)
		if in.Models &^= 1 << m; in.Models == 0 {
			return fmt.Errorf("%w: %s", sim.ErrUnsupported, why)
		}
		l.event(m, sim.EventRefused, 0, why)
	}
	up := sim.Models(0)
	for m := range sim.NModels {
		if in.Models.Has(m) && l.models[m].rt != nil && (l.models[m].rt.Top() != 0 || in.Arm && l.served.IsZero()) {
			up = up.With(m)
		}
	}
	if up == 0 && !(in.Arm && l.served.IsZero()) {
		return sim.ErrDown
	}
	if !l.served.IsZero() {
		for m := range sim.NModels {
			if in.Models.Has(m) && !up.Has(m) && l.cfg.Models.Has(m) {
				l.event(m, sim.EventRefused, 0, fmt.Sprintf("%s in %s: %v", in.Fault, m, sim.ErrDown))
			}
		}
		in.Models = up
	}
	if why := l.unsteady(in.Models); why != "" {
		if !in.Arm {
			return fmt.Errorf("%w: %s", sim.ErrNotSteady, why)
		}
		l.armed = &armed{in, time.Now()}
		return nil
	}
	l.fire(in)
	return nil
}

// unsteady says why these models are not in steady state, "" if they are.
func (l *Lab) unsteady(models sim.Models) string {
	if l.served.IsZero() {
		return "not all models serve yet"
	}
	if l.plan.Waiting() {
		return "another crash waits for its carrier"
	}
	for m := range sim.NModels {
		if !models.Has(m) || l.models[m].rt == nil {
			continue
		}
		switch {
		case l.models[m].book.Expecting():
			return "another crash is on its way in " + m.String()
		case l.models[m].rt.Top() == 0:
			return m.String() + " is down"
		case l.models[m].book.Open():
			return m.String() + " has not recovered from the last incident"
		case !l.whole(m):
			return m.String() + " lacks processes"
		}
	}
	return ""
}

// fire puts the fault in. Its end, by time or undo, is registered with it.
func (l *Lab) fire(in sim.Inject) {
	now := time.Now()
	l.injections++
	kind, _ := fault.Find(in.Fault)
	switch in.Fault {
	case sim.FaultCrash:
		l.plan.Crash(l.injections, in.Models)
	case sim.FaultLeak:
		if in.Duration == 0 {
			in.Duration = kind.Duration
		}
		until := l.at(now) + in.Duration
		l.active = append(l.active, sim.Active{Fault: in.Fault, Models: in.Models, Since: l.at(now), Until: until})
		l.plan.Leak(in.Models)
		for m := range sim.NModels {
			if in.Models.Has(m) && l.models[m].rt != nil {
				l.models[m].book.Inject(l.injections, in.Fault, l.at(now), until)
			}
		}
	}
	l.event(sim.NModels, sim.EventInjected, 0, string(in.Fault))
}

// faultsDue fires what is armed, and ends what has lasted long enough.
func (l *Lab) faultsDue(now time.Time) {
	if a := l.armed; a != nil && (l.unsteady(a.Models) == "" || now.Sub(a.since) >= patience) {
		l.armed = nil
		l.fire(a.Inject)
	}
	kept := l.active[:0:0]
	for _, a := range l.active {
		if l.at(now) < a.Until {
			kept = append(kept, a)
			continue
		}
		l.plan.EndLeak(a.Models)
		l.event(sim.NModels, sim.EventUndone, 0, string(a.Fault)+" ended by its time")
	}
	l.active = kept
}

// undo ends every fault that is in force or waits. Figures stay.
func (l *Lab) undo() {
	l.armed, l.active = nil, nil
	l.plan.Undo()
	for m := range sim.NModels {
		l.models[m].book.Undo(l.at(time.Now()))
	}
	l.event(sim.NModels, sim.EventUndone, 0, "all faults")
}

// reset starts over: all processes and all figures.
func (l *Lab) reset() error {
	if l.served.IsZero() {
		return fmt.Errorf("%w: it is only just starting", sim.ErrNotSteady)
	}
	l.endTraffic()
	l.forget()
	l.paused, l.stopped = false, false
	for m := range sim.NModels {
		if s := &l.models[m]; s.rt != nil {
			f := s.rt.Memory()
			s.base = base{cpu: f.CPU, oomKills: f.OOMKills, reset: true}
			s.state, s.awaiting = sim.Starting, true
			s.rt.Restart()
		}
	}
	return nil
}

// resume begins the traffic when every model that a reset has ended serves.
func (l *Lab) resume() {
	for m := range sim.NModels {
		if l.models[m].awaiting {
			return
		}
	}
	l.served = time.Now()
	l.startTraffic()
}
