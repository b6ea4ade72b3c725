package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"forklore/sim"
)

// incident is an incident whose figures are still being counted.
type incident struct {
	sim.Incident
	until    time.Duration   // when a fault that lasts ends; 0: it struck once
	baseline time.Duration   // steady p99 before; 0: too few samples to judge
	own      map[uint64]bool // lost by their own fault
	inFlight map[uint64]bool // open when it took effect
	carriers map[uint64]bool // requests that carry the fault
	start    Vital           // when it was opened
	proof    string          // what was measured from outside

	queueSince        time.Duration // since when requests have stood in a queue; 0: none do
	stall, stallUntil time.Duration // the backend holds each answer for so much longer, until then
	signal            int           // of the first death
	exit              string        // how the first death ended
	died              time.Duration // the last death
	remains           bool          // memory that it leaked is still held by a process that lives
	upSince           time.Duration // since when all processes are there; 0: they aren't

	lackingSince time.Duration // since when processes are missing; 0: they aren't

	outages  []outage      // from an innocent failure to the next success
	lastLost time.Duration // failure
	whole    time.Duration // when its processes were last complete again
	paused   bool          // nobody asks
	slope    line
}

// carried notes a request that carries the fault. The first has its name told.
func (i *incident) carried(id uint64) {
	if i.Carrier == 0 {
		i.Carrier = id
	}
	i.carriers[id] = true
}

// lose books a lost request, own if it was lost by what it carried. answered is
// the first success after it, if there was one already.
func (i *incident) lose(r Request, own bool, d *death, answered time.Duration) {
	i.Lost++
	i.lastLost = max(i.lastLost, r.End)
	switch r.Outcome {
	case Reset:
		i.Reset++
	case Refused:
		i.Refused++
	case ErrorStatus:
		i.Errors++
	}
	// What the dead process held, or had in its accept queue, was in flight,
	// also if the client saw the end before the lab did.
	if d != nil && i.until == 0 && r.Sent <= d.At && r.Outcome != Refused && (r.Opened != 0 || own) {
		i.inFlight[r.ID] = true
	}
	if own {
		i.own[r.ID] = true
		i.Carriers++
		return
	}
	i.failed(r.End, answered)
}

// occupied: the request carried the fault itself, one that ends nobody's
// process but keeps it from its answer (rule (d)).
func (i *incident) occupied(r Request) bool {
	return i.carriers[r.ID] && (i.Fault.Occupies() || i.Fault == sim.FaultFDLeak)
}

// lacked: the server said, while the fault was at work, that it had not what
// the fault takes away (rule (e)).
func (i *incident) lacked(r Request) bool {
	if r.End < i.At || !i.Open() && r.End > i.Closed {
		return false
	}
	said := 0
	if r.Outcome == ErrorStatus {
		said = r.Status
	}
	if r.Outcome == Timeout {
		return i.outwaited(r)
	}
	switch i.Fault {
	case sim.FaultDeadBackend:
		return said == badGateway
	case sim.FaultFDLeak: // a process that lives and can't have the connection closes it
		return said == badGateway || said == unavailable || r.Outcome == Reset
	case sim.FaultForkBomb, sim.FaultHang, sim.FaultSlowClient, sim.FaultSlowBackend, sim.FaultBurst, sim.FaultRetryStorm:
		return said == unavailable || said == tooMany
	}
	return false
}

// Statuses that say what was lacking (RFC 9110, 15.6.3 and 15.6.4; RFC 6585, 4).
const badGateway, unavailable, tooMany = 502, 503, 429

// outwaited: nobody could have answered before its client gave up (rule (f)).
func (i *incident) outwaited(r Request) bool {
	switch i.Fault {
	case sim.FaultHang, sim.FaultSpin, sim.FaultSlowClient, sim.FaultSlowBackend, sim.FaultBurst, sim.FaultRetryStorm, sim.FaultForkBomb:
	default:
		return false
	}
	queued := i.queueSince != 0 && i.queueSince <= max(r.Sent, i.At)+tickSlack
	held := i.stall > r.End-r.Sent && r.Sent <= i.stallUntil
	return queued || held
}

// tickSlack: the queue is looked at ten times a second.
const tickSlack = 200 * time.Millisecond

// causes: a death is of this incident, though its process held no carrier.
func (i *incident) causes(d *death, lives bool) bool {
	switch i.Fault {
	case sim.FaultLeak:
		return d.OOMKills > 0 && (i.Open() || lives && i.remains)
	case sim.FaultOutside:
		return i.Open() && d.At-i.lastDeath() < settle
	case sim.FaultFDLeak: // a worker that can't accept ends itself
		return i.Open() && d.Signal == 0
	case sim.FaultForkBomb: // a process that gets no thread more ends itself
		return i.Open() && (d.Signal == 0 || d.OOMKills > 0)
	case sim.FaultOOM, sim.FaultHang, sim.FaultSlowClient, sim.FaultSlowBackend, sim.FaultBurst, sim.FaultRetryStorm: // what piles up takes memory
		return i.Open() && d.OOMKills > 0
	}
	return false
}

// outage is a time without an answer. to is 0 while there is none.
type outage struct{ from, to, last time.Duration }

// failed books an innocent failure. answered is the first success after it, if
// it is known already.
func (i *incident) failed(at, answered time.Duration) {
	for k := range i.outages {
		if o := &i.outages[k]; o.to == 0 || at < o.to && at >= o.from {
			o.from, o.last = min(o.from, at), max(o.last, at)
			return
		}
	}
	i.outages = append(i.outages, outage{from: at, to: answered, last: at})
}

// down: there was an innocent failure, and no success since.
func (i *incident) down() bool {
	return slices.ContainsFunc(i.outages, func(o outage) bool { return o.to == 0 })
}

// downtime adds up the outages. The last one may have no end: then it is still
// going on, or nobody asks any more, and it ended when the processes were back.
func (i *incident) downtime(now time.Duration) (sum time.Duration) {
	for _, o := range i.outages {
		to := o.to
		if to == 0 {
			to = now
			if i.Closed != 0 {
				to = i.Closed
			}
			if i.paused && i.whole >= o.from {
				to = max(i.whole, o.last)
			}
		}
		sum += max(to-o.from, 0)
	}
	return sum
}

// answered books a success while the incident is open. occupied: the request
// took so long by what it carried; that is no delay that it suffered.
func (i *incident) answered(r Request, occupied bool) {
	if r.Wrong {
		i.Wrong++
	} else {
		i.OK++
	}
	if r.End > i.At && !occupied {
		i.WorstMS = max(i.WorstMS, r.Latency.Seconds()*1000)
		if i.late(r.Latency) {
			i.Delayed++
		}
	}
	for k := range i.outages {
		if o := &i.outages[k]; o.to == 0 && r.End > o.last {
			o.to = r.End
		}
	}
}

func (i *incident) late(d time.Duration) bool {
	return i.baseline != 0 && float64(d) > lateFactor*float64(i.baseline) && d >= i.baseline+lateBy
}

func (i *incident) lastDeath() time.Duration { return max(i.died, i.At) }

// tick closes the incident when the model is back in steady state: a second
// with all its processes, without a loss, and with the latencies of before; where
// too few samples say what those were, when everybody of the fault's time has
// been answered. waits is when the request was sent that waits longest.
func (i *incident) tick(now time.Duration, v Vital, p99, waits time.Duration) {
	i.paused = v.Paused
	if i.until == 0 || now <= i.until {
		i.slope.add(now-i.At, v.MemoryBytes)
		i.CPU = max(v.CPU-i.start.CPU, 0)
	}
	i.Started = int(v.Started - min(i.start.Started, v.Started))
	i.ProcsPeak, i.QueuePeak = max(i.ProcsPeak, v.Procs), max(i.QueuePeak, v.Queue)
	i.LagPeakMS = max(i.LagPeakMS, v.LagMS)
	lag := time.Duration(v.LagMS * float64(time.Millisecond))
	switch stuck := lag > slack; {
	case v.Queue == 0 && !stuck:
		i.queueSince = 0
	case i.queueSince != 0:
	case stuck: // whoever has come since then waits for the loop's next turn
		i.queueSince = now - lag
	default:
		i.queueSince = now
	}
	switch {
	case !v.Up:
		i.upSince = 0
		return
	case i.upSince == 0:
		i.upSince = now
	}
	switch {
	case now < i.until, now-i.upSince < steadyFor, now-i.lastLost < steadyFor, now-i.At < steadyFor:
	case i.down() && !v.Paused:
	case i.late(p99), lag > slack:
	case i.start.Queue == 0 && i.queueSince != 0 && i.queueSince <= max(i.until, i.died)+steadyFor && // not empty since
		now-max(i.until, i.died) < drainsFor:
	case i.baseline == 0 && waits < i.until:
	default:
		i.Closed, i.Recovered = now, true
	}
}

// figures are the incident's figures now.
func (i *incident) figures(now time.Duration) sim.Incident {
	f := i.Incident
	f.InFlight += len(i.inFlight)
	f.Carried = len(i.carriers)
	f.SlopeBPS = i.slope.slope()
	f.Downtime = i.downtime(now)
	f.Proof = i.proofs(&f)
	return f
}

// proofs is what shows that the fault took effect: what was seen from outside,
// what the figures say, how processes ended.
func (i *incident) proofs(f *sim.Incident) string {
	var all []string
	add := func(format string, a ...any) { all = append(all, fmt.Sprintf(format, a...)) }
	if i.proof != "" {
		add("%s", i.proof)
	}
	switch i.Fault {
	case sim.FaultLeak:
		if i.OOMKills == 0 {
			add("memory slope %+.1f MiB/s over %.0f s", f.SlopeBPS/(1<<20), i.slope.seconds())
		}
	case sim.FaultSpin:
		add("%.2f s of CPU in %.2f s", f.CPU.Seconds(), i.slope.seconds())
	case sim.FaultHang, sim.FaultBleed, sim.FaultFDLeak:
		add("requests with it: %d", len(i.carriers))
	}
	switch {
	case i.OOMKills > 0:
		add("oom_kill %d; pid %d, %s", i.OOMKills, i.Pid, i.exit)
	case i.Deaths > 0:
		add("%s", i.exit)
	}
	return strings.Join(all, "; ")
}

// line is a least-squares line through memory over time.
type line struct {
	n, x, y, xx, xy, last float64
}

func (l *line) add(at time.Duration, bytes int64) {
	x, y := at.Seconds(), float64(bytes)
	l.n++
	l.x += x
	l.y += y
	l.xx += x * x
	l.xy += x * y
	l.last = x
}

func (l *line) slope() float64 {
	d := l.n*l.xx - l.x*l.x
	if l.n < 2 || d == 0 {
		return 0
	}
	return (l.n*l.xy - l.x*l.y) / d
}

func (l *line) seconds() float64 { return l.last }
