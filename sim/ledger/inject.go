package ledger

import (
	"slices"
	"time"

	"forklore/sim"
)

// Carrier is what a request carries.
type Carrier struct {
	N     int // of the injection
	Fault sim.Fault
	Kills bool  // the incident opens when it dies of it
	Bytes int64 // that it leaves behind
}

type carrier struct {
	Carrier
	lost time.Duration // when it ended without having killed anyone
}

type condemned struct {
	n  int
	at time.Duration
}

// Carries announces a request that carries a fault.
func (b *Book) Carries(id uint64, c Carrier) {
	b.carriers[id] = carrier{Carrier: c}
	if i := b.numbered(c.N); i != nil {
		i.carried(id)
	}
}

// Condemn announces that the lab kills a process: its death opens the incident.
func (b *Book) Condemn(n, pid int, at time.Duration) { b.condemned[pid] = condemned{n, at} }

// Inject opens the incident of a fault that is at work from now on, until then.
func (b *Book) Inject(n int, f sim.Fault, at, until time.Duration) {
	i := b.newIncident(n, f, at)
	i.until = until
	i.InFlight = b.inFlight(at)
}

// inFlight is how many requests were open at that time.
func (b *Book) inFlight(at time.Duration) (n int) {
	for _, sent := range b.open {
		if sent <= at {
			n++
		}
	}
	for _, r := range b.recent {
		if r.Sent <= at && r.End > at {
			n++
		}
	}
	return n
}

// Stall notes that an injection makes the backend hold each answer for so much
// longer, until then.
func (b *Book) Stall(n int, by, until time.Duration) {
	if i := b.numbered(n); i != nil {
		i.stall, i.stallUntil = by, until
	}
}

// Prove adds what shows that an injection took effect, as it was measured from
// outside of the model.
func (b *Book) Prove(n int, proof string) {
	if i := b.numbered(n); i != nil && proof != "" {
		i.proof = proof
	}
}

// numbered is the newest incident of an injection, nil if there is none.
func (b *Book) numbered(n int) *incident {
	for _, i := range slices.Backward(b.incidents) {
		if i.N == n && n != 0 {
			return i
		}
	}
	return nil
}

// Undo ends the faults that are in force.
func (b *Book) Undo(at time.Duration) {
	for _, i := range b.endFaults(at) {
		i.Undone = true
	}
}

// Stop ends them because the arrivals have ended: nobody carries them any more.
func (b *Book) Stop(at time.Duration) { b.endFaults(at) }

func (b *Book) endFaults(at time.Duration) (ended []*incident) {
	for _, i := range b.incidents {
		if i.Open() && i.until > at {
			i.until, i.stallUntil = at, min(i.stallUntil, at)
			ended = append(ended, i)
		}
	}
	return ended
}

// Carriers are the requests in flight that carry injection n.
func (b *Book) Carriers(n int) (ids map[uint64]bool) {
	ids = map[uint64]bool{}
	for id, c := range b.carriers {
		if _, open := b.open[id]; open && c.N == n {
			ids[id] = true
		}
	}
	return ids
}
