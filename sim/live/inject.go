package live

import (
	"fmt"
	"slices"
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

// turn is a fault that presses on the machine, and waits until the models before
// it are steady again: its injection's number is theirs.
type turn struct {
	n int
	sim.Inject
	since time.Time
}

// turnPatience is how long it waits for its turn; then it is called off, since
// two at once would measure the machine.
const turnPatience = 60 * time.Second

// do carries a command out.
func (l *Lab) do(c sim.Command) error {
	switch {
	case c.Reset:
		return l.reset()
	case l.stopped:
		return fmt.Errorf("%w: the traffic has ended", sim.ErrUnsupported)
	case c.Jump != nil:
		return fmt.Errorf("to another moment: %w", sim.ErrUnsupported) // it happens now
	case c.Rate != 0:
		if !(c.Rate >= sim.MinRate && c.Rate <= sim.MaxRate) {
			return fmt.Errorf("%w: a rate from %v to %v a second", sim.ErrUnsupported, sim.MinRate, sim.MaxRate)
		}
		l.rate, l.rateWhy = c.Rate, ""
		return l.applyRate()
	case c.Pause:
		l.paused = !l.paused
		l.applyPause()
	case c.Mode != "":
		return l.setMode(c.Mode)
	case c.Weight != "":
		return l.setWeight(c.Weight)
	case c.Undo:
		l.undo()
	case c.Renew:
		return l.beginRenewal()
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
	l.endFaults()
	for m := range sim.NModels {
		l.models[m].book.Stop(l.at(time.Now()))
	}
	if l.armed != nil || l.plan.Waiting() != "" {
		l.event(sim.NModels, sim.EventRefused, 0, "a fault was armed, and no request came that could carry it")
	}
	for _, t := range l.turns {
		l.event(t.models(), sim.EventRefused, 0, string(t.Fault)+" was waiting for its turn when the traffic ended")
	}
	l.armed, l.turns = nil, nil
	l.plan.Undo()
}

// models is the one model whose turn it is.
func (t *turn) models() sim.Model {
	for m := range sim.NModels {
		if t.Models.Has(m) {
			return m
		}
	}
	return sim.NModels
}

func (l *Lab) applyPause() {
	switch {
	case l.generator == nil:
	case l.paused || l.renewal != nil:
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
	in, err := l.possible(kind, in)
	if err != nil {
		return err
	}
	if why := l.host.short(); why != "" {
		return fmt.Errorf("%w: %s", sim.ErrShort, why)
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
		since := time.Now()
		if a := l.armed; a != nil && a.Fault == in.Fault {
			since = a.since // pressed again, it waits no longer for that
		} else if a != nil {
			l.event(sim.NModels, sim.EventRefused, 0, fmt.Sprintf("%s was waiting for steady state; %s takes its place", a.Fault, in.Fault))
		}
		l.armed = &armed{in, since}
		return nil
	}
	l.begin(in)
	return nil
}

// unsteady says why these models are not in steady state, "" if they are.
func (l *Lab) unsteady(models sim.Models) string {
	if l.served.IsZero() {
		return "not all models serve yet"
	}
	switch waiting := l.plan.Waiting(); {
	case l.renewal != nil:
		return "all processes are being started anew"
	case waiting != "":
		return "another " + string(waiting) + " waits for its carrier"
	}
	for _, x := range l.active {
		switch {
		case x.kind.Presses && x.in.Models&^models != 0:
			return fmt.Sprintf("%s presses on the machine, in another model", x.in.Fault)
		case x.in.Models&models != 0 && l.onItsWay(x):
			return fmt.Sprintf("another %s is on its way", x.in.Fault)
		}
	}
	for m := range sim.NModels {
		if !models.Has(m) || l.models[m].rt == nil {
			continue
		}
		switch {
		case l.models[m].book.Expecting():
			return "another fault is on its way in " + m.String()
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

// begin puts the fault in, everywhere at once or, if it presses on the machine,
// in one model after the other.
func (l *Lab) begin(in sim.Inject) {
	kind, _ := fault.Find(in.Fault)
	l.injections++
	if !kind.Presses {
		l.fire(l.injections, in)
		return
	}
	for m := range sim.NModels {
		if in.Models.Has(m) && l.models[m].rt != nil {
			one := in
			one.Models = sim.Models(0).With(m)
			l.turns = append(l.turns, turn{n: l.injections, Inject: one, since: time.Now()})
		}
	}
	l.nextTurn()
}

// nextTurn fires the first of those that wait for their turn, when all models
// are steady: the one that had it before it has recovered.
func (l *Lab) nextTurn() {
	if len(l.turns) == 0 || l.unsteady(l.cfg.Models) != "" {
		return
	}
	t := l.turns[0]
	l.turns = l.turns[1:]
	for i := range l.turns {
		l.turns[i].since = time.Now()
	}
	l.fire(t.n, t.Inject)
}

// faultsDue ends what has lasted long enough, and then fires what is armed or has
// its turn.
func (l *Lab) faultsDue(now time.Time) {
	if why := l.host.short(); why != "" && (len(l.active) > 0 || len(l.turns) > 0 || l.armed != nil) {
		l.event(sim.NModels, sim.EventProblem, 0, "all faults undone, to save the machine: "+why)
		l.undo()
	}
	l.active = slices.DeleteFunc(l.active, func(x *injected) bool {
		over := l.over(x, l.at(now))
		if over {
			x.end(false)
		}
		if over && x.lasts() {
			l.event(sim.NModels, sim.EventUndone, 0, string(x.in.Fault)+" ended by its time")
		}
		return over
	})
	if a := l.armed; a != nil && (l.unsteady(a.Models) == "" || now.Sub(a.since) >= patience && l.renewal == nil) {
		l.armed = nil
		l.begin(a.Inject)
	}
	l.nextTurn()
	if len(l.turns) > 0 && now.Sub(l.turns[0].since) > turnPatience {
		for _, t := range l.turns {
			l.event(t.models(), sim.EventRefused, 0, fmt.Sprintf("%s: the models were not steady for %v before its turn", t.Fault, turnPatience))
		}
		l.turns = nil
	}
}

// undo ends every fault that is in force or waits. Figures stay.
func (l *Lab) undo() {
	l.armed, l.turns = nil, nil
	l.calledOff = l.injections
	l.endFaults()
	l.plan.Undo()
	for m := range sim.NModels {
		l.models[m].book.Undo(l.at(time.Now()))
	}
	l.event(sim.NModels, sim.EventUndone, 0, "all faults")
}

// endFaults undoes what is in force, the newest first.
func (l *Lab) endFaults() {
	for _, x := range slices.Backward(l.active) {
		x.end(true)
	}
	l.active = nil
}

// reset starts over: all processes and all figures.
func (l *Lab) reset() error {
	if l.served.IsZero() {
		return fmt.Errorf("%w: it is only just starting", sim.ErrNotSteady)
	}
	l.endFaults()
	l.endTraffic()
	l.forget()
	l.renewal = nil
	l.paused, l.stopped = false, false
	for m := range sim.NModels {
		if s := &l.models[m]; s.rt != nil {
			f := s.rt.Memory()
			s.base = base{cpu: f.CPU, oomKills: f.OOMKills, reset: true}
			s.state, s.awaiting = sim.Starting, true
			s.rt.Restart(true)
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
	if l.renewal != nil {
		l.endRenewal()
		return
	}
	l.served = time.Now()
	l.startTraffic()
}
