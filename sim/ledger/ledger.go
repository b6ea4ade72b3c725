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
//	    to hold the answer for longer than the client waited.
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
	"fmt"
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

const (
	// settle is how long a failure waits for the death that explains it, and
	// a death for the failures that it explains.
	settle = 2 * time.Second
	// slack is by how much a client may see a death before the lab does: the
	// kernel closes the sockets of a process before it can be waited for.
	slack = 250 * time.Millisecond
	// steadyFor is how long a model must be well before an incident closes.
	steadyFor = time.Second
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
	baseline  ring
	vital     Vital
	unclaimed uint64

	lastFailure   time.Duration // of a request that had no fault of its own
	lastUnclaimed time.Duration // when the last failure was given up on
	now           time.Duration
}

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

type death struct {
	Death
	of        *incident
	listening time.Duration // when its successor listened; 0: not yet
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
			i.until = at
			ended = append(ended, i)
		}
	}
	return ended
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
		b.baseline.add(r.Latency)
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

// Vital is how a model is, at a tick.
type Vital struct {
	Up          bool // someone listens, and every process that should be there is
	Paused      bool // no traffic: nothing can be asked of latencies
	MemoryBytes int64
	Procs       int    // serving processes, now
	Started     uint64 // and so far
	Queue       int    // requests that wait for a place
	LagMS       float64
	CPU         time.Duration // used so far
}

// Tick lets time pass: failures that nothing explained become unattributed,
// incidents close. It returns the injections whose carrier killed nobody, say
// because its client had given up before.
func (b *Book) Tick(now time.Duration, v Vital) (missed []Carrier) {
	b.now, b.vital = now, v
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
		}
	}
	for _, i := range b.incidents {
		if i.Open() {
			i.tick(now, v, max(b.recentP99(now), b.longest(now, i)))
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

// unsteady: an incident is going on, or a fault is on its way.
func (b *Book) unsteady() bool { return b.Open() || b.Expecting() }

// OwnFault reports whether the request was lost by its own fault.
func (b *Book) OwnFault(id uint64) bool {
	return slices.ContainsFunc(b.incidents, func(i *incident) bool { return i.own[id] })
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
	if b.baseline.n() >= minBaseline {
		i.baseline = b.baseline.p99()
		i.Before.P99MS = i.baseline.Seconds() * 1000
	}
	b.incidents = append(b.incidents, i)
	return i
}

// ring keeps the newest latencies.
type ring struct {
	d    []time.Duration
	next int
}

func (r *ring) n() int { return len(r.d) }

func (r *ring) add(d time.Duration) {
	if len(r.d) < maxBaseline {
		r.d = append(r.d, d)
		return
	}
	r.d[r.next] = d
	r.next = (r.next + 1) % maxBaseline
}

func (r *ring) p99() time.Duration {
	if len(r.d) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(r.d))
	return s[min(len(s)-1, len(s)*99/100)]
}
