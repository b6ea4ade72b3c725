package ledger

import (
	"fmt"
	"slices"
	"time"

	"forklore/sim"
)

// incident is an incident whose figures are still being counted.
type incident struct {
	sim.Incident
	OOMKills uint64
	until    time.Duration   // when a fault that lasts ends; 0: it struck once
	baseline time.Duration   // steady p99 before; 0: too few samples to judge
	own      map[uint64]bool // lost by their own fault
	inFlight map[uint64]bool // open when it took effect
	signal   int             // of the first death
	exit     string          // how the first death ended
	died     time.Duration   // the last death
	remains  bool            // memory that it leaked is still held by a process that lives
	upSince  time.Duration   // since when all processes are there; 0: they aren't

	lackingSince time.Duration // since when processes are missing; 0: they aren't

	outages  []outage      // from an innocent failure to the next success
	lastLost time.Duration // failure
	whole    time.Duration // when its processes were last complete again
	paused   bool          // nobody asks
	slope    line
}

// lose books a lost request. answered is the first success after it, if there
// was one already.
func (i *incident) lose(r Request, d *death, answered time.Duration) {
	own := d.executing(r.ID)
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
	if i.until == 0 && r.Sent <= d.At && r.Outcome != Refused && (r.Opened != 0 || own) {
		i.inFlight[r.ID] = true
	}
	if own {
		i.own[r.ID] = true
		i.Carriers++
		return
	}
	i.failed(r.End, answered)
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

// answered books a success while the incident is open.
func (i *incident) answered(r Request) {
	if r.Wrong {
		i.Wrong++
	}
	if r.End > i.At && i.late(r.Latency) {
		i.Delayed++
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
// with all its processes, without a loss, and with the latencies of before.
func (i *incident) tick(now time.Duration, v Vital, p99 time.Duration) {
	i.paused = v.Paused
	if i.until == 0 || now <= i.until {
		i.slope.add(now-i.At, v.MemoryBytes)
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
	case i.late(p99):
	default:
		i.Closed, i.Recovered = now, true
	}
}

// figures are the incident's figures now.
func (i *incident) figures(now time.Duration) sim.Incident {
	f := i.Incident
	f.InFlight += len(i.inFlight)
	f.SlopeBPS = i.slope.slope()
	f.Downtime = i.downtime(now)
	f.Proof = i.exit
	switch {
	case i.OOMKills > 0:
		f.Proof = fmt.Sprintf("oom_kill %d; pid %d, %s", i.OOMKills, i.Pid, i.exit)
	case i.Fault == sim.FaultLeak:
		f.Proof = fmt.Sprintf("memory slope %+.1f MiB/s over %.0f s", f.SlopeBPS/(1<<20), i.slope.seconds())
		if i.Deaths > 0 {
			f.Proof += "; " + i.exit
		}
	}
	return f
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
