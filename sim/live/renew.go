package live

import (
	"fmt"
	"time"

	"forklore/sim"
)

// A renewal starts the processes of all models anew while the books stay open:
// no request may be in flight then, or it would be lost by nobody's fault.
//
//	no arrivals ─> nothing in flight, or it is given up on ─> restart ─> all serve ─> arrivals
type renewal struct {
	since      time.Time
	gaveUp     bool
	restarting bool
	weight     bool // the starts before it were of another weight
}

const (
	// What is in flight gets this long, then its clients give up.
	renewalGrace = 3 * time.Second
	renewalMost  = 4 * time.Second
)

func (l *Lab) beginRenewal() error {
	switch {
	case l.served.IsZero():
		return fmt.Errorf("%w: it is only just starting", sim.ErrNotSteady)
	case l.renewal != nil:
		return nil
	}
	l.undo()
	l.renewal = &renewal{since: time.Now()}
	l.applyPause()
	return nil
}

// renew goes on with it.
func (l *Lab) renew(now time.Time) {
	r := l.renewal
	if r == nil || r.restarting {
		return
	}
	inFlight := uint64(0)
	for m := range sim.NModels {
		inFlight += l.models[m].book.Requests().InFlight
	}
	waited := now.Sub(r.since)
	if inFlight > 0 && waited < renewalMost {
		if waited >= renewalGrace && !r.gaveUp {
			r.gaveUp = true
			for m := range sim.NModels {
				l.generator.GiveUp(int(m), func(uint64) bool { return true })
			}
		}
		return
	}
	r.restarting = true
	if r.weight {
		l.forgetStarts() // nobody has the new one yet
	}
	for m := range sim.NModels {
		if s := &l.models[m]; s.rt != nil {
			s.state, s.awaiting = sim.Starting, true
			s.rt.Restart(false)
		}
	}
}

func (l *Lab) endRenewal() {
	text := ""
	if l.renewal.weight {
		text = "weight " + l.weight
	}
	l.renewal = nil
	now := l.at(time.Now())
	for m := range sim.NModels {
		l.models[m].book.Listening(now)
		l.models[m].book.Refilled(now)
	}
	l.applyPause()
	l.event(sim.NModels, sim.EventRenewed, 0, text)
}
