package ledger

import (
	"slices"
	"time"

	"forklore/sim"
)

// Death is a process that ended as nobody in its runtime wanted.
type Death struct {
	At       time.Duration // when it was waited for
	UpSince  time.Duration // since when its runtime listened
	Pid      int
	Signal   int // 0: it exited
	Proof    string
	OOMKills uint64
	Held     []Held
	Listener bool // it owned the listener
}

// Held is a request that it held.
type Held struct {
	ID        uint64
	Executing bool // its own fault
	Reused    bool // by a process that had served others before
}

type death struct {
	Death
	of        *incident
	listening time.Duration // when its successor listened; 0: not yet
}

// Died notes a death, and what it explains. It returns the requests that died
// of their own fault.
func (b *Book) Died(dead Death) (own []uint64) {
	d := &death{Death: dead}
	d.of = b.incidentOf(d)
	for i := range d.Held {
		h := &d.Held[i]
		if h.Executing = h.Executing && b.guilty(d.of, h); h.Executing {
			own = append(own, h.ID)
		}
	}
	d.of.Deaths++
	if d.of.Deaths == 1 {
		d.of.Pid = d.Pid
		d.of.signal = d.Signal
		d.of.exit = d.Proof
		if d.of.until == 0 { // it takes effect with the death
			for id, sent := range b.open {
				if sent <= d.At {
					d.of.inFlight[id] = true
				}
			}
			for _, r := range b.recent {
				if r.Sent <= d.At && r.End >= d.At {
					d.of.inFlight[r.ID] = true
				}
			}
		}
	}
	d.of.OOMKills += int(d.OOMKills)
	d.of.died = max(d.of.died, d.At)
	if d.of.lackingSince == 0 {
		d.of.lackingSince = d.At
	}
	b.deaths = append(b.deaths, d)
	b.pending = slices.DeleteFunc(b.pending, func(r Request) bool {
		if !d.explains(r) {
			return false
		}
		d.of.lose(r, d.executing(r.ID), d, b.answeredAfter(r.End))
		return true
	})
	return own
}

// guilty says whether a request that was at its fault died of that fault, and
// not of another's: a request that leaks in a process that crashes is a victim
// like its neighbours.
func (b *Book) guilty(of *incident, h *Held) bool {
	if of.Fault == sim.FaultLeak {
		// A process that lives on has its leaks from many requests: whoever it
		// holds when it is full is a victim, also if it is leaking just then.
		return !h.Reused && b.model != sim.Prefork && b.model != sim.EventLoop
	}
	return of.carriers[h.ID]
}

// incidentOf finds the incident that a death belongs to, or opens one.
func (b *Book) incidentOf(d *death) *incident {
	for _, h := range d.Held {
		if c, ok := b.carriers[h.ID]; ok && c.Kills && h.Executing {
			delete(b.carriers, h.ID)
			return b.struck(c.Carrier, h.ID, d.At)
		}
	}
	if c, ok := b.condemned[d.Pid]; ok && d.Signal == sigkill {
		delete(b.condemned, d.Pid)
		return b.struck(Carrier{N: c.n, Fault: sim.FaultKill}, 0, d.At)
	}
	for id, c := range b.carriers {
		if c.Fault == sim.FaultOOM && d.OOMKills > 0 { // the kernel chose a neighbour first
			return b.struck(c.Carrier, id, d.At)
		}
	}
	for _, i := range slices.Backward(b.incidents) {
		if i.causes(d, b.lives()) {
			if !i.Open() { // what it left behind strikes later
				i.Closed, i.Recovered = 0, false
			}
			return i
		}
	}
	return b.newIncident(0, sim.FaultOutside, d.At)
}

// sigkill is signal 9 everywhere; this package knows no system.
const sigkill = 9

// struck is the incident of an injection that takes effect with a death.
func (b *Book) struck(c Carrier, carrier uint64, at time.Duration) *incident {
	i := b.numbered(c.N)
	if i == nil || !i.Open() {
		i = b.newIncident(c.N, c.Fault, at)
	}
	if carrier != 0 {
		i.carried(carrier)
	}
	return i
}

// explains says whether a request was lost by this death: the rules of blame.
func (d *death) explains(r Request) bool {
	for _, h := range d.Held { // (a)
		if h.ID == r.ID {
			// A client that had given up before was not lost by the death.
			return r.Outcome != Timeout || r.End > d.At
		}
	}
	if !d.Listener {
		return false
	}
	switch r.Outcome {
	case Reset:
		if r.Opened != 0 { // (b)
			return r.Opened >= d.UpSince-slack && r.Opened <= d.At && r.End >= d.At-slack
		}
		fallthrough // reset while connecting: the listener went away under it
	case Refused: // (c)
		return r.End >= d.At-slack && (d.listening == 0 || r.End <= d.listening)
	}
	return false
}

func (d *death) executing(id uint64) bool {
	for _, h := range d.Held {
		if h.ID == id {
			return h.Executing
		}
	}
	return false
}
