package matrix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// Options of a run.
type Options struct {
	Faults []fault.Kind      // nil: the catalogue
	Note   func(text string) // told what is done now; nil: nobody is
}

const (
	// baseline is how many answers the ledger needs to say what is late.
	baseline = 100
	// again is how many answers show that a model works after a change.
	again = 8
	// patience is how long a command may be refused for want of steady state.
	patience = 15 * time.Second
	// recovers is how long a model may take to be steady again, after the fault.
	recovers = 30 * time.Second
	// renews bounds the restart of all processes: what is in flight ends first.
	renews = 60 * time.Second
	// settles is what the ledger takes to find what explains a failure.
	settles = 2200 * time.Millisecond
)

// Run puts the faults into the source's models and measures. If ctx ends before,
// it returns what there is, and says that it was cut short. So it does with an
// error of the source, which it returns too. It leaves the source open.
func Run(ctx context.Context, src sim.Source, o Options) (*Document, error) {
	if _, err := programs(); err != nil {
		return nil, err
	}
	r := &run{ctx: ctx, src: src, note: o.Note, faults: o.Faults, results: map[place]result{}, stray: map[sim.Fault]uint64{}}
	if r.note == nil {
		r.note = func(string) {}
	}
	if r.faults == nil {
		r.faults = fault.Catalogue
	}
	err := r.all()
	if r.last == nil {
		return nil, err
	}
	cut := ""
	switch {
	case errors.Is(err, errInterrupted):
		cut, err = err.Error(), nil
	case err != nil:
		cut = err.Error()
	}
	d, wrong := r.document(cut)
	return d, errors.Join(err, wrong)
}

// errInterrupted: the context has ended.
var errInterrupted = errors.New("interrupted")

// place is where a cell stands.
type place struct {
	fault  sim.Fault
	column Column
}

// result is what became of a cell: an incident, or the reason why there is none.
type result struct {
	figures *Figures
	proof   string
	reason  string
	unfit   bool // the reason is no failure: it can't be done here
}

// run is a run that is going on.
type run struct {
	ctx     context.Context
	src     sim.Source
	note    func(string)
	faults  []fault.Kind
	last    *sim.Snapshot
	newest  int // the highest number of an injection so far
	renewed int // how often all processes have been made new
	strike  *strike
	done    int // steps
	results map[place]result
	stray   map[sim.Fault]uint64 // failures that nothing explained, while it was tried
}

// all goes through the faults, once with the container in each of its modes.
func (r *run) all() error {
	if err := r.start(); err != nil {
		return err
	}
	passes := []string{sim.ModeFresh, sim.ModeWarm}
	if !r.runs(sim.Container) {
		passes = passes[:1]
	}
	steps := len(passes) * len(r.faults)
	for _, mode := range passes {
		targets, err := r.enter(mode)
		if err != nil {
			return err
		}
		for _, k := range r.faults {
			r.done++
			if err := r.step(k, mode, targets, steps); err != nil {
				return err
			}
		}
	}
	return nil
}

// start waits until every model serves, or can't, and the ledger knows how
// quick it is.
func (r *run) start() error {
	r.note(fmt.Sprintf("the models start, and answer %d requests each", baseline))
	if err := r.next(); err != nil {
		return err
	}
	for r.last.At == 0 && r.any() { // the time starts when all serve
		if err := r.next(); err != nil {
			return err
		}
	}
	within := recovers
	if rate := r.last.Load.RatePerS; rate > 0 {
		within += time.Duration(2 * baseline / rate * float64(time.Second))
	}
	ready, err := r.wait(within, func(s *sim.Snapshot) bool {
		for m := range sim.NModels {
			if r.runs(m) && (s.Model[m].State != sim.OK || s.Model[m].Latency.N < baseline) {
				return false
			}
		}
		return true
	})
	if err == nil && !ready {
		err = fmt.Errorf("the models did not answer %d requests each within %v", baseline, within)
	}
	return err
}

// runs: the model is part of the run, and could be started.
func (r *run) runs(m sim.Model) bool {
	st := r.last.Model[m].State
	return st != sim.Off && st != sim.Unavailable
}

func (r *run) any() bool {
	for m := range sim.NModels {
		if r.runs(m) {
			return true
		}
	}
	return false
}

// enter brings the container into the mode, and says whom the faults of this
// pass strike: all models in the first, the container alone in the second.
func (r *run) enter(mode string) (sim.Models, error) {
	targets := sim.AllModels
	if mode != sim.ModeFresh {
		targets = sim.Models(0).With(sim.Container)
	}
	if !r.runs(sim.Container) || r.last.Model[sim.Container].Mode == mode {
		return targets, nil
	}
	refused, err := r.do(sim.Command{Mode: mode})
	if err != nil {
		return 0, err
	}
	if refused == nil {
		ok, err := r.wait(patience, func(s *sim.Snapshot) bool { return s.Model[sim.Container].Mode == mode })
		if err != nil {
			return 0, err
		}
		if ok {
			return targets, nil
		}
		refused = fmt.Errorf("the container did not become %s within %v", mode, patience)
	}
	for _, k := range r.faults {
		r.refuse(k.Fault, sim.Models(0).With(sim.Container), mode, refused)
	}
	return targets &^ sim.Models(0).With(sim.Container), nil
}

// step puts one fault into these models, waits until they are steady again, and
// makes their processes new.
func (r *run) step(k fault.Kind, mode string, targets sim.Models, steps int) error {
	for m := range sim.NModels {
		if !r.runs(m) {
			targets &^= sim.Models(0).With(m)
		}
	}
	if targets == 0 {
		return nil
	}
	in := dose(k)
	in.Models = targets
	r.note(r.progress(k, mode, steps))
	before := r.last.Unattributed
	defer func() {
		if n := r.last.Unattributed - min(before, r.last.Unattributed); n > 0 {
			r.stray[k.Fault] += n
		}
	}()
	if err := r.calm(targets, mode); err != nil {
		return err
	}
	st := &strike{kind: k, in: in, before: r.newest, since: r.last.At, seen: map[sim.Model]sim.Incident{}}
	r.strike = st
	defer func() { r.strike = nil }()
	refused, err := r.do(sim.Command{Inject: &in})
	switch {
	case err != nil:
		return err
	case refused != nil:
		r.refuse(k.Fault, targets, mode, refused)
		if errors.Is(refused, sim.ErrUnsupported) || r.done == steps {
			return nil
		}
		return r.renew()
	}
	if err := r.watch(st); err != nil {
		return err
	}
	r.record(st, mode)
	if r.done < steps {
		if err := r.renew(); err != nil {
			return err
		}
	}
	// What the ledger learns late is part of it.
	over := st.over()
	if _, err := r.wait(recovers, func(s *sim.Snapshot) bool { return s.At >= over+settles && st.waiting() == 0 }); err != nil {
		return err
	}
	r.record(st, mode)
	return nil
}

// progress is the line for a step.
func (r *run) progress(k fault.Kind, mode string, steps int) string {
	how := "all models at once"
	switch {
	case mode != sim.ModeFresh:
		how = "container " + mode
	case k.Presses:
		how = "one model after the other"
	}
	return fmt.Sprintf("%d/%d %s: %s (at %.0f s)", r.done, steps, dosed(k.Fault), how, r.last.At.Seconds())
}

// calm waits until these models work, and nothing is at work in them. If that
// doesn't come, the source itself will say why it refuses.
func (r *run) calm(targets sim.Models, mode string) error {
	from := r.last
	_, err := r.wait(patience, func(s *sim.Snapshot) bool {
		if s.Armed != nil || len(s.Active) > 0 || s.Coming&targets != 0 {
			return false
		}
		for _, i := range s.Current {
			if targets.Has(i.Model) && i.Open() {
				return false
			}
		}
		for m := range sim.NModels {
			v, was := &s.Model[m], &from.Model[m]
			switch {
			case !targets.Has(m) || v.State == sim.Unavailable:
			case v.State != sim.OK || v.Requests.OK < was.Requests.OK+again:
				return false
			case m == sim.Container && mode == sim.ModeWarm && v.WarmStartMS.N < was.WarmStartMS.N+again:
				return false
			}
		}
		return true
	})
	return err
}

// watch waits until the injection has an incident in each model and all of them
// are closed. A model that takes too long is left as it is: undone.
func (r *run) watch(st *strike) error {
	within := st.kind.Lasts(st.in) + recovers
	waiting, deadline := st.waiting(), r.last.At+within
	for waiting != 0 {
		if err := r.next(); err != nil {
			return err
		}
		if now := st.waiting(); now != waiting { // those that press come one after the other
			waiting, deadline = now, r.last.At+within
		}
		if r.last.At > deadline {
			st.late = waiting
			_, err := r.do(sim.Command{Undo: true})
			return err
		}
	}
	return nil
}

// renew makes all processes new: what the fault left in them is gone.
func (r *run) renew() error {
	before := r.renewed
	refused, err := r.do(sim.Command{Renew: true})
	if err = errors.Join(refused, err); err != nil {
		return fmt.Errorf("renew all processes: %w", err)
	}
	ok, err := r.wait(renews, func(*sim.Snapshot) bool { return r.renewed > before })
	if err == nil && !ok {
		err = fmt.Errorf("renew all processes: not done within %v", renews)
	}
	return err
}
