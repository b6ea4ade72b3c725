// Package ledger accounts for every request, and says whom a failure took
// with it.
//
//	traffic ── Sent, Ended ──┐
//	runtimes ── Died, Listening ──> Book (one a model) ──> Incidents, Requests
//	the lab ── Inject, Undo ─┘        ^ Tick: processes, memory
//
// A failed request belongs to an incident only if
//
//	(a) a process that the fault killed held it, by the board, or
//	(b) the dead process owned the listener, and the connection had been
//	    opened to that incarnation and ended with it, or
//	(c) it was refused between that death and the next listen, or
//	(d) it carried the fault itself, or
//	(e) the server itself said that it lacked what the fault takes away, while
//	    that fault was at work: 502 without a backend, 503 or 429 without a
//	    place or a process, a connection closed by a process that lives and has
//	    no descriptor left, or
//	(f) its client gave up while it could not have been answered: it stood in a
//	    queue that had not been empty since the fault, or its backend was made
//	    to hold the answer for longer than the client waited. A loop that has
//	    no turn is a queue, of all who are connected.
//
// All else is unattributed: counted, and never spread over incidents. Blame
// is by evidence, not by the clock. Times only join what two observers saw of
// one death: the client sees its connection end before the lab has waited for
// the process, so a failure waits up to [settle] for a death that explains it.
//
// Cost: a map entry a request in flight, and the requests of the last seconds.
// May not enter: clocks, processes, sockets; all times are given, counted from
// the start of the run, so that the simulator keeps the same books.
package ledger

import (
	"slices"
	"time"

	"forklore/sim"
)

// Outcome is how a request ended.
type Outcome uint8

// The outcomes.
const (
	OK          Outcome = iota
	ErrorStatus         // a complete answer with a status that isn't 2xx
	Reset               // the connection ended before the response was complete
	Refused
	Timeout
)

// Request is a request that has ended.
type Request struct {
	ID      uint64
	Sent    time.Duration
	Opened  time.Duration // the connection stood; 0 if it never did
	End     time.Duration
	Latency time.Duration // from the intended time
	Outcome Outcome
	Status  int  // of an ErrorStatus
	Wrong   bool // answered with another's data
}

const (
	// settle is how long a failure waits for the death that explains it, and
	// a death for the failures that it explains.
	settle = 2 * time.Second
	// slack is by how much a client may see a death before the lab does: the
	// kernel closes the sockets of a process before it can be waited for.
	// A loop that was late by as much is stuck.
	slack = 250 * time.Millisecond
	// steadyFor is how long a model must be well before an incident closes.
	steadyFor = time.Second
	// drainsFor is how long a queue that began with a fault keeps its incident open.
	// One that is longer there is a model that was asked for too much anyway.
	drainsFor = 10 * time.Second
	// A success is late if it took 1.5 times the steady p99, and 50 ms more.
	lateFactor, lateBy = 1.5, 50 * time.Millisecond
	// minBaseline is how many samples a steady p99 needs.
	minBaseline = 100
	// maxBaseline is how many it is taken from, the newest.
	maxBaseline = 1000
	// maxIncidents is how many a book keeps.
	maxIncidents = 64
)

// Book is the ledger of one model.
type Book struct {
	model     sim.Model
	mode      string // of the container
	counts    sim.Requests
	open      map[uint64]time.Duration // sent, not ended
	recent    []Request                // ended within the last settle
	pending   []Request                // failures without an explanation so far
	deaths    []*death                 // of the last settle, and those still down
	incidents []*incident
	carriers  map[uint64]carrier // requests that carry a fault, and are on their way
	condemned map[int]condemned  // processes that the lab has killed, by their pid
	calm, all ring               // latencies of steady state: while nothing pressed on the machine, and in any case
	vital     Vital
	unclaimed uint64

	calmFrom      time.Duration // what was sent before was not answered in steady state
	lastFailure   time.Duration // of a request that had no fault of its own
	lastUnclaimed time.Duration // when the last failure was given up on
	now           time.Duration
}

// New opens a model's book.
func New(m sim.Model) *Book {
	return &Book{model: m, open: map[uint64]time.Duration{}, carriers: map[uint64]carrier{}, condemned: map[int]condemned{}}
}

// Sent notes a request that has gone out.
func (b *Book) Sent(id uint64, at time.Duration) {
	b.open[id] = at
	b.counts.Sent++
	for _, i := range b.incidents {
		if i.Open() && at >= i.At {
			i.Arrivals++
		}
	}
}

// Retried notes a second or later try, which is a request of its own.
func (b *Book) Retried(id uint64, at time.Duration) {
	b.Sent(id, at)
	for _, i := range b.incidents {
		if i.Open() && at >= i.At {
			i.Retries++
		}
	}
}

// Local takes back a request that never left the lab, and says what it was to
// carry.
func (b *Book) Local(id uint64) Carrier {
	if _, ok := b.open[id]; ok {
		delete(b.open, id)
		b.counts.Sent--
	}
	b.counts.Local++
	c := b.carriers[id].Carrier
	delete(b.carriers, id)
	return c
}

// Ended notes how a request ended.
func (b *Book) Ended(r Request) {
	delete(b.open, r.ID)
	b.recent = append(b.recent, r)
	c, carries := b.carriers[r.ID]
	switch {
	case !carries:
	case !c.Kills:
		delete(b.carriers, r.ID)
	case c.lost == 0: // unless a death explains it, it killed nobody
		c.lost = r.End
		b.carriers[r.ID] = c
	}
	if r.Outcome == OK {
		b.succeeded(r, c)
		return
	}
	switch r.Outcome {
	case ErrorStatus:
		b.counts.ErrorStatus++
	case Reset:
		b.counts.Reset++
	case Refused:
		b.counts.Refused++
	case Timeout:
		b.counts.Timeout++
	}
	for _, d := range b.deaths {
		if d.explains(r) {
			b.lose(d.of, r, d.executing(r.ID), d)
			return
		}
	}
	// A connection that ended may be the first that is seen of a death.
	if ended := r.Outcome == Reset || r.Outcome == Refused; ended || !b.explained(r) {
		b.pending = append(b.pending, r)
	}
}

// explained books a failure that needs no death to be explained.
func (b *Book) explained(r Request) bool {
	for _, i := range b.incidents {
		own := i.occupied(r) // (d)
		if own || i.lacked(r) {
			b.lose(i, r, own, nil)
			return true
		}
	}
	return false
}

// lose books a request as lost in that incident, to that death if there was one.
func (b *Book) lose(i *incident, r Request, own bool, d *death) {
	i.lose(r, own, d, b.answeredAfter(r.End))
	if !own {
		b.lastFailure = max(b.lastFailure, r.End)
	}
}

// succeeded books an answer.
func (b *Book) succeeded(r Request, c carrier) {
	b.counts.OK++
	if !b.unsteady() {
		b.all.add(r.Latency)
		if r.Sent >= b.calmFrom {
			b.calm.add(r.Latency)
		}
	}
	for _, i := range b.incidents {
		if i.Open() {
			i.answered(r, c.Fault.Occupies())
		}
	}
	if c.Fault != sim.FaultLeak {
		return
	}
	for _, i := range b.incidents {
		if i.Fault == sim.FaultLeak && (i.Open() || r.Sent <= i.until) {
			i.Leaks++
			i.LeakB += c.Bytes
			i.remains = true
		}
	}
}

// Listening notes that the model serves again, with all its processes new:
// nothing that was leaked before is left.
func (b *Book) Listening(at time.Duration) {
	for _, i := range b.incidents {
		i.remains = i.Open() && i.until > at
	}
	for _, d := range b.deaths {
		if d.Listener && d.listening == 0 {
			d.listening = at
		}
	}
}

// Refilled notes that every process that should be there is there again.
func (b *Book) Refilled(at time.Duration) {
	for _, i := range b.incidents {
		if i.Open() && i.Deaths > 0 {
			i.whole = at
		}
		if i.Open() && i.lackingSince != 0 {
			i.Lacking += max(at-i.lackingSince, 0)
			i.lackingSince = 0
		}
	}
}

// answeredAfter is the end of the first success after that time, 0 if there
// is none among the recent ones.
func (b *Book) answeredAfter(at time.Duration) (first time.Duration) {
	for _, r := range b.recent {
		if r.Outcome == OK && r.End > at && (first == 0 || r.End < first) {
			first = r.End
		}
	}
	return first
}

// lives: the model's processes outlive a request, and with them what it leaked.
func (b *Book) lives() bool {
	return b.model == sim.Prefork || b.model == sim.EventLoop || b.mode == sim.ModeWarm
}

// Mode notes what becomes of the container's sandboxes from now on. Those that
// were kept are ended with a change, and what they held goes with them.
func (b *Book) Mode(mode string) {
	b.mode = mode
	for _, i := range b.incidents {
		i.remains = i.Open() && i.until > b.now
	}
}

// Vital is how a model is, at a tick.
type Vital struct {
	Up          bool // someone listens, and every process that should be there is
	Paused      bool // no traffic: nothing can be asked of latencies
	Pressed     bool // a fault, in whichever model, presses on the machine
	MemoryBytes int64
	Procs       int    // serving processes, now
	Started     uint64 // and so far
	Queue       int    // requests that wait for a place
	LagMS       float64
	CPU         time.Duration // used so far
}

// Tick lets time pass: failures that nothing explained become unattributed,
// incidents close. It returns what killed nobody: a carrier whose client had
// given up before, a kill of a process that was just about to end.
func (b *Book) Tick(now time.Duration, v Vital) (missed []Carrier) {
	b.now, b.vital = now, v
	if v.Pressed {
		b.calmFrom = now + steadyFor
	}
	b.recent = slices.DeleteFunc(b.recent, func(r Request) bool { return now-r.End > settle })
	b.pending = slices.DeleteFunc(b.pending, func(r Request) bool {
		old := now-r.End > settle
		if old {
			b.giveUpOn(r)
		}
		return old
	})
	b.deaths = slices.DeleteFunc(b.deaths, func(d *death) bool {
		return now-d.At > settle && (!d.Listener || d.listening != 0 && now-d.listening > settle)
	})
	for id, c := range b.carriers {
		if c.lost != 0 && now-c.lost > settle {
			delete(b.carriers, id)
			missed = append(missed, c.Carrier)
		}
	}
	for pid, c := range b.condemned {
		if now-c.at > settle {
			delete(b.condemned, pid)
			missed = append(missed, Carrier{N: c.n, Fault: sim.FaultKill})
		}
	}
	for _, i := range b.incidents {
		if i.Open() {
			longest := b.longest(now, i)
			i.tick(now, v, max(b.recentP99(now), longest), now-longest)
		}
	}
	return missed
}

// giveUpOn is the end of the wait for a death that explains a failure.
func (b *Book) giveUpOn(r Request) {
	if !b.explained(r) {
		b.unclaimed++
		b.lastUnclaimed = b.now
	}
}

// recentP99 is the p99 of the successes of the last second.
func (b *Book) recentP99(now time.Duration) time.Duration {
	var r ring
	for _, q := range b.recent {
		if q.Outcome == OK && now-q.End <= steadyFor {
			r.add(q.Latency)
		}
	}
	return r.p99()
}

// longest is how long the oldest request has been waiting that waits for others:
// a model that answers nobody is not steady.
func (b *Book) longest(now time.Duration, i *incident) (age time.Duration) {
	for id, sent := range b.open {
		if !i.carriers[id] || !i.Fault.Occupies() {
			age = max(age, now-sent)
		}
	}
	return age
}

func (b *Book) newIncident(n int, f sim.Fault, at time.Duration) *incident {
	if len(b.incidents) == maxIncidents {
		b.incidents = slices.Delete(b.incidents, 0, 1)
	}
	i := &incident{
		Incident: sim.Incident{N: n, Fault: f, Model: b.model, At: at, Mode: b.mode},
		own:      map[uint64]bool{}, inFlight: map[uint64]bool{}, carriers: map[uint64]bool{},
		start: b.vital,
	}
	i.Before.Procs, i.Before.MemoryBytes = b.vital.Procs, b.vital.MemoryBytes
	for _, r := range []*ring{&b.all, &b.calm} { // the calm ones, if they are enough
		if r.n() >= minBaseline {
			i.baseline = r.p99()
			i.Before.P99MS = i.baseline.Seconds() * 1000
		}
	}
	b.incidents = append(b.incidents, i)
	return i
}
