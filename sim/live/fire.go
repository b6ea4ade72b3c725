package live

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
	"forklore/sim/ledger"
)

// injected is a fault that has been put in.
//
//	fire ─> undo is registered ─> it is done, model by model ─> tick (proofs)
//	                                     └─ end: undone, the newest part first
type injected struct {
	n     int
	in    sim.Inject
	kind  fault.Kind
	since time.Duration
	until time.Duration // 0: not known until a request carries it

	charge *fault.Charge   // of requests that are to carry it; nil: none are
	booked map[uint64]bool // those that do

	missed [sim.NModels]int64 // kills that came too late for their process

	undo []func(early bool)
	each []func() (done bool) // ten times a second, until it is done
}

// lasts: it is in force for a time, and not just struck.
func (x *injected) lasts() bool { return x.until != 0 && x.in.Fault != sim.FaultKill }

func (x *injected) end(early bool) {
	for i := len(x.undo) - 1; i >= 0; i-- {
		x.undo[i](early)
	}
	x.undo = nil
}

// fire puts the fault in. What undoes a part of it is registered before that
// part is done (chaos-mesh#2449 is what happens otherwise); all that is done is
// done to the lab's own processes, which end with the lab, however it ends.
func (l *Lab) fire(n int, in sim.Inject) {
	kind, _ := fault.Find(in.Fault)
	now := l.at(time.Now())
	x := &injected{n: n, in: in, kind: kind, since: now, booked: map[uint64]bool{}}
	lasts := kind.Lasts(in)
	opens := lasts > 0 && (kind.Step == 0 || kind.Every > 0) // else with its carrier
	if opens {
		x.until = now + lasts
	}
	l.active = append(l.active, x)
	if kind.Step != 0 {
		x.undo = append(x.undo, func(early bool) { l.plan.End(x.charge); l.dismiss(x, early) })
		x.charge = l.plan.Carry(n, kind, in.Strength, l.stepN(x), in.Models)
	}
	for m := range sim.NModels {
		if !in.Models.Has(m) || l.models[m].rt == nil {
			continue
		}
		if opens {
			l.models[m].book.Inject(n, in.Fault, now, x.until)
		}
		if err := l.strike(x, m); err != nil {
			l.event(m, sim.EventRefused, 0, fmt.Sprintf("%s in %s: %v", in.Fault, m, err))
		}
	}
	l.tend(x)
	l.event(sim.NModels, sim.EventInjected, 0, string(in.Fault))
}

// over reports whether it has lasted long enough, or has found all who carry it
// to their deaths.
func (l *Lab) over(x *injected, at time.Duration) bool {
	if x.kind.Kills {
		return !l.onItsWay(x)
	}
	return x.until != 0 && at >= x.until
}

// onItsWay: requests are to carry it that are not all in the books yet.
func (l *Lab) onItsWay(x *injected) bool {
	if x.charge == nil || x.kind.Every > 0 {
		return false
	}
	found, more := l.plan.Found(x.charge)
	return more || found > int64(len(x.booked))
}

// stepN is the number of the step that requests carry.
func (l *Lab) stepN(x *injected) int64 { return x.kind.StepN(x.in.Strength, l.cfg.Spec.MemoryBytes) }

// carried takes note of a request that carries a fault in a model. A fault that
// occupies its carrier is at work from then on.
func (l *Lab) carried(m sim.Model, id uint64, at time.Duration, c fault.Carried) {
	kind, _ := fault.Find(c.Fault)
	book := l.models[m].book
	for _, x := range l.active {
		if x.n != c.N || !x.in.Models.Has(m) || kind.Every > 0 {
			continue
		}
		x.booked[id] = true
		if !kind.Kills {
			x.until = at + kind.Lasts(x.in)
			book.Inject(c.N, c.Fault, at, x.until)
		}
	}
	bytes := int64(0)
	if c.Fault == sim.FaultLeak {
		bytes = c.StepN
	}
	book.Carries(id, ledger.Carrier{N: c.N, Fault: c.Fault, Kills: kind.Kills, Bytes: bytes})
}

// dismiss lets nobody hang for longer than the fault: their clients give up,
// which ends their calls and connections; a worker that hangs is ended by its
// parent. What ends by itself does so, unless it is to end early.
func (l *Lab) dismiss(x *injected, early bool) {
	if !x.in.Fault.Occupies() || !early && x.in.Fault != sim.FaultHang {
		return
	}
	for m := range sim.NModels {
		s := &l.models[m]
		if !x.in.Models.Has(m) || s.rt == nil {
			continue
		}
		ids := s.book.Carriers(x.n)
		if l.generator != nil && len(ids) > 0 {
			l.generator.GiveUp(int(m), func(id uint64) bool { return ids[id] })
		}
		s.releasing = true
	}
}

// release ends the workers that are at a fault which has been undone, also those
// that have only now found such a request in the queue: its client has left, and
// nobody but they can know what it was for. Nor can those be told from workers
// that are at another fault, which is in force: then it waits for that one's end.
func (l *Lab) release(m sim.Model) {
	s := &l.models[m]
	atWork := slices.ContainsFunc(l.active, func(x *injected) bool { return x.in.Models.Has(m) && x.in.Fault.Occupies() })
	if s.releasing && !atWork {
		s.rt.Release()
		s.releasing = s.book.Open()
	}
}

// tend does what is to be done ten times a second while a fault is in force.
func (l *Lab) tend(x *injected) {
	kept := x.each[:0]
	for _, f := range x.each {
		if !f() {
			kept = append(kept, f)
		}
	}
	x.each = kept
}

// complain logs what went wrong with the doing or undoing of a fault, and tells.
func (l *Lab) complain(err error) {
	if err != nil {
		slog.Error("fault", "err", err)
		l.event(sim.NModels, sim.EventProblem, 0, err.Error())
	}
}
