package ledger

import (
	"fmt"
	"slices"
	"time"

	"forklore/sim"
)

// Requests are the counts so far. Sent is the sum of the others.
func (b *Book) Requests() sim.Requests {
	c := b.counts
	c.InFlight = uint64(len(b.open))
	return c
}

// Check is the invariants: every request is in the books once, and every lost one
// is a carrier or somebody else.
func (b *Book) Check() error {
	c := b.Requests()
	if sum := c.OK + c.Failed() + c.InFlight; c.Sent != sum {
		return fmt.Errorf("%d requests sent, and %d accounted for", c.Sent, sum)
	}
	for _, i := range b.incidents {
		if i.Carriers < 0 || i.Carriers > i.Lost || i.Carriers != len(i.own) || i.Reset+i.Refused+i.Errors > i.Lost {
			return fmt.Errorf("%s: %d lost, of them %d carriers; %d cut off, %d refused, %d errors", i.Fault, i.Lost, i.Carriers, i.Reset, i.Refused, i.Errors)
		}
	}
	return nil
}

// Unattributed is the number of failures that no incident explains. Those
// that may still find their death are not in it.
func (b *Book) Unattributed() uint64 { return b.unclaimed }

// Incidents are the incidents so far, oldest first.
func (b *Book) Incidents() []sim.Incident {
	out := make([]sim.Incident, len(b.incidents))
	for k, i := range b.incidents {
		out[k] = i.figures(b.now)
	}
	return out
}

// Open reports whether an incident is going on.
func (b *Book) Open() bool {
	return slices.ContainsFunc(b.incidents, func(i *incident) bool { return i.Open() })
}

// Expecting reports whether something that will kill is on its way.
func (b *Book) Expecting() bool {
	if len(b.condemned) > 0 {
		return true
	}
	for _, c := range b.carriers {
		if c.Kills {
			return true
		}
	}
	return false
}

// Late reports whether a success took longer than it does in steady state.
func (b *Book) Late(latency time.Duration) bool {
	for _, i := range slices.Backward(b.incidents) {
		if i.Open() {
			return i.late(latency)
		}
	}
	return false
}

// Trouble says how the model is doing at a glance: it lost someone within the
// last second, or an incident that cost others, or processes, isn't over.
func (b *Book) Trouble() (losing, recovering bool) {
	losing = b.lastFailure != 0 && b.now-b.lastFailure < steadyFor ||
		b.lastUnclaimed != 0 && b.now-b.lastUnclaimed < steadyFor
	for _, r := range b.pending { // a moment's grace: it may be a carrier, whose death is on its way
		losing = losing || b.now-r.End > slack
	}
	for _, i := range b.incidents {
		if i.Open() && (i.Lost > i.Carriers || i.Deaths > i.Carriers) {
			recovering = true
			losing = losing || b.now-i.lastDeath() < steadyFor
		}
	}
	return losing, recovering
}

// Suffers: an incident is going on of such a fault, in a model that is up; one that
// is down presses on nothing.
func (b *Book) Suffers(such func(sim.Fault) bool) bool {
	return slices.ContainsFunc(b.incidents, func(i *incident) bool { return i.Open() && i.upSince != 0 && such(i.Fault) })
}

// unsteady: an incident is going on, or a fault is on its way.
func (b *Book) unsteady() bool { return b.Open() || b.Expecting() }

// OwnFault reports whether the request was lost by its own fault.
func (b *Book) OwnFault(id uint64) bool {
	return slices.ContainsFunc(b.incidents, func(i *incident) bool { return i.own[id] })
}
