package matrix

import (
	"errors"
	"fmt"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// strike is an injection and what is seen of it.
type strike struct {
	kind    fault.Kind
	in      sim.Inject
	before  int           // the highest number before it
	since   time.Duration // when it was asked for
	seen    map[sim.Model]sim.Incident
	late    sim.Models          // where it had to be undone: what came after is no recovery
	refused [sim.NModels]string // what the source said of a model
	outside [sim.NModels]int    // incidents that no fault explains
}

// see takes what a snapshot says of it. Figures grow from one to the next.
func (st *strike) see(s *sim.Snapshot) {
	st.outside = [sim.NModels]int{}
	for _, i := range s.Current {
		switch {
		case i.Fault == sim.FaultOutside && i.At >= st.since:
			st.outside[i.Model]++
		case i.N <= st.before || i.Fault != st.in.Fault || !st.in.Models.Has(i.Model):
		default:
			if first, ok := st.seen[i.Model]; !ok || i.At <= first.At {
				st.seen[i.Model] = i
			}
		}
	}
	for _, e := range s.Events {
		if e.What != sim.EventRefused {
			continue
		}
		for m := range sim.NModels {
			if st.in.Models.Has(m) && (e.Model == m || e.Model == sim.NModels) {
				st.refused[m] = e.Text
			}
		}
	}
}

// waiting are the models in which it isn't over.
func (st *strike) waiting() (models sim.Models) {
	for m := range sim.NModels {
		i, struck := st.seen[m]
		if st.in.Models.Has(m) && (struck && i.Open() || !struck && st.refused[m] == "") {
			models = models.With(m)
		}
	}
	return models
}

// over is when the last incident closed.
func (st *strike) over() (at time.Duration) {
	for _, i := range st.seen {
		at = max(at, i.Closed)
	}
	return at
}

// record writes what has been seen of a strike into its cells.
func (r *run) record(st *strike, mode string) {
	for m := range sim.NModels {
		if !st.in.Models.Has(m) {
			continue
		}
		i, struck := st.seen[m]
		var res result
		switch {
		case struck:
			f := observe(&i, st.kind, st.in, r.last.Model[m].Workers, r.last.Load.RatePerS)
			f.Outside = st.outside[m]
			f.Recovered = f.Recovered && !st.late.Has(m)
			res.figures, res.proof = &f, i.Proof
			if !f.Recovered {
				res.reason = fmt.Sprintf("did not recover within %v", recovers)
			}
		case st.refused[m] != "":
			res.reason, res.unfit = st.refused[m], true
		default:
			res.reason = fmt.Sprintf("did not take effect within %v", recovers)
		}
		r.results[place{st.in.Fault, columnOf(m, mode)}] = res
	}
}

// refuse notes that the source would not have it.
func (r *run) refuse(f sim.Fault, targets sim.Models, mode string, why error) {
	for m := range sim.NModels {
		if targets.Has(m) {
			r.results[place{f, columnOf(m, mode)}] = result{reason: why.Error(), unfit: errors.Is(why, sim.ErrUnsupported)}
		}
	}
}
