// Package report runs an experiment without a screen, and prints what was
// measured.
//
// Cost: it keeps the newest snapshot and a few counts.
// May not enter: runtimes; it reads a source and sends it commands, as the
// screen does.
package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// Plan is what to do with a source.
type Plan struct {
	For        time.Duration
	Timeout    time.Duration // how long requests may take after the arrivals have stopped; 0: as long as it takes
	Injections []fault.Injection
	// Serving is called once, when all models serve or can't.
	Serving func(*sim.Snapshot)
}

// Run is what was measured.
type Run struct {
	Final *sim.Snapshot
	// ProcsNow are the serving processes, with parent or host, when the
	// arrivals stopped.
	ProcsNow  [sim.NModels]int
	Duration  time.Duration // of the arrivals
	Refused   []string      // injections that were refused, and why
	Broken    []string      // where the books did not add up: a mistake in the program
	Cut       bool          // ended before its time, by a signal
	Incidents []sim.Incident
}

// settle is how long figures may take to be final once nothing is in flight:
// failures wait for the death that explains them, incidents for steady state.
const settle = 4 * time.Second

// maxDrain bounds the drain of a run whose requests have no time-out.
const maxDrain = 10 * time.Minute

// Do runs the plan against the source. When ctx ends it stops, and returns
// what there is.
func Do(ctx context.Context, src sim.Source, p Plan) (*Run, error) {
	r := &Run{}
	incidents := map[key]sim.Incident{}
	defer func() { r.Incidents = sorted(incidents) }()
	todo := slices.Clone(p.Injections)
	var unsteady error // why the first of them still waits
	slices.SortStableFunc(todo, func(a, b fault.Injection) int { return int(a.At - b.At) })
	var stopped, quiet time.Duration // since when; 0: not yet
	for {
		var s *sim.Snapshot
		select {
		case <-ctx.Done():
			r.Cut = true
			if r.Final == nil { // ended in its first moment: there is a snapshot soon
				r.Final = <-src.Snapshots()
			}
			if r.Final == nil {
				return r, sim.ErrClosed
			}
			if stopped == 0 {
				r.stop(src, r.Final)
			}
			return r, nil
		case next, ok := <-src.Snapshots():
			if !ok {
				return r, sim.ErrClosed
			}
			s = next
		}
		r.Final = s
		for _, i := range s.Current { // a source forgets them some time after they are closed
			incidents[key{i.Model, i.N, i.At}] = i
		}
		for _, e := range s.Events {
			if e.What == sim.EventRefused {
				r.Refused = append(r.Refused, e.Text)
			}
			if e.What == sim.EventBroken {
				r.Broken = append(r.Broken, fmt.Sprintf("%s: %s", e.Model, e.Text))
			}
		}
		if !serving(s) {
			if none(s) {
				if p.Serving != nil {
					p.Serving(s)
				}
				return r, nil // nothing could be started: the caller says why
			}
			continue
		}
		if p.Serving != nil {
			p.Serving(s)
			p.Serving = nil
		}
		for len(todo) > 0 && s.At >= todo[0].At {
			switch err := src.Do(sim.Command{Inject: &todo[0].Inject}); {
			case errors.Is(err, sim.ErrNotSteady) && s.At < todo[0].At+patience && stopped == 0:
				unsteady = err // until it is steady, or patience ends
			case err != nil:
				if stopped != 0 && unsteady != nil {
					err = unsteady // the arrivals have ended while it waited
				}
				unsteady = nil
				r.Refused = append(r.Refused, fmt.Sprintf("%s@%v: %v", todo[0].Fault, todo[0].At, err))
				todo = todo[1:]
				continue
			default:
				unsteady = nil
				todo = todo[1:]
				continue
			}
			break
		}
		if stopped == 0 && s.At >= p.For {
			r.stop(src, s)
			stopped = s.At
			continue
		}
		if stopped == 0 {
			continue
		}
		inFlight, open := uint64(0), false
		for m := range sim.NModels {
			inFlight += s.Model[m].Requests.InFlight
		}
		for _, i := range s.Current {
			open = open || i.Open()
		}
		limit := p.Timeout
		if limit == 0 {
			limit = maxDrain
		}
		if inFlight > 0 && s.At < stopped+limit+sim.Interval*5 {
			continue
		}
		if quiet == 0 {
			quiet = s.At
		}
		if wait := s.At - quiet; wait < minSettle || open && wait < settle {
			continue
		}
		return r, nil
	}
}

const (
	// patience is how long an injection waits for steady state before it is refused.
	patience = 3 * time.Second
	// minSettle is what the ledger takes to leave a failure unattributed.
	minSettle = 2200 * time.Millisecond
)

// key is what makes an incident the same in two snapshots.
type key struct {
	model sim.Model
	n     int
	at    time.Duration
}

func sorted(incidents map[key]sim.Incident) []sim.Incident {
	return slices.SortedFunc(maps.Values(incidents), func(a, b sim.Incident) int {
		return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.Model, b.Model), cmp.Compare(a.At, b.At))
	})
}

// stop ends the arrivals and counts who is there.
func (r *Run) stop(src sim.Source, s *sim.Snapshot) {
	r.Duration = s.At
	for m := range sim.NModels {
		r.ProcsNow[m] = s.Model[m].ProcsNow
		if s.Model[m].Parent != nil {
			r.ProcsNow[m]++
		}
	}
	src.Do(sim.Command{Stop: true})
}

// Missing reports whether a model of the run could not be started.
func (r *Run) Missing() bool {
	for m := range sim.NModels {
		if r.Final.Model[m].State == sim.Unavailable {
			return true
		}
	}
	return false
}

// serving: no model is still starting.
func serving(s *sim.Snapshot) bool {
	return s.At > 0 && !none(s)
}

// none: no model of the run can serve.
func none(s *sim.Snapshot) bool {
	for m := range sim.NModels {
		if st := s.Model[m].State; st != sim.Off && st != sim.Unavailable {
			return false
		}
	}
	return true
}
