package traffic

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// pace is the clock of the arrivals. It measures time in mean gaps, so a new
// rate changes how fast the rest of the present gap passes and nothing else,
// and a pause is a rate of zero: nothing is due when it ends.
//
// When the generator itself is late, what is due is sent at once, with the
// time at which it should have been sent: lateness of the lab must show up as
// latency, not as a lower rate (coordinated omission). Only a lab that stood
// still for longer than maxBehind (SIGSTOP, a sleeping laptop) was paused: the
// burst that it would owe says nothing about the servers.
type pace struct {
	mu     sync.Mutex
	alarm  alarm
	perS   float64
	paused bool
	since  time.Time // up to here owed is right; zero before the start
	owed   float64   // mean gaps until the next arrival
}

// maxSleep is how long the pace sleeps at most: at one arrival a year the next
// one is 292 years away before a Duration overflows.
const maxSleep = time.Minute

// maxBehind is how late an arrival can be.
const maxBehind = 10 * time.Second

func (p *pace) rate() float64 {
	if p.paused {
		return 0
	}
	return p.perS
}

// change sets rate or pause, after the time so far has been accounted for.
func (p *pace) change(now time.Time, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.since.IsZero() {
		p.owed = max(p.owed-now.Sub(p.since).Seconds()*p.rate(), 0)
		p.since = now
	}
	f()
	p.ring()
}

// ring makes the runner look again. Called with the lock held.
func (p *pace) ring() {
	if p.alarm != nil {
		p.alarm.set(0)
	}
}

// start begins with the first gap.
func (p *pace) start(a alarm, now time.Time, gap float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alarm, p.since, p.owed = a, now, gap
}

// stop lets go of the alarm: a later change must not touch it.
func (p *pace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alarm.close()
	p.alarm = nil
}

// due returns the time of the next arrival if it has come, and begins the gap
// after it; otherwise it sets the alarm.
func (p *pace) due(now time.Time, gapAfter float64) (at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rate := p.rate()
	if rate == 0 {
		return at, false // whoever changes that rings
	}
	rest := p.owed / rate * float64(time.Second)
	if rest > float64(now.Sub(p.since)+maxSleep) {
		p.alarm.set(maxSleep)
		return at, false
	}
	at = p.since.Add(time.Duration(rest))
	if wait := at.Sub(now); wait > 0 {
		p.alarm.set(wait)
		return at, false
	}
	if behind := now.Sub(at); behind > maxBehind {
		slog.Warn("traffic stood still and goes on from now", "for", behind)
		at = now
	}
	p.since, p.owed = at, gapAfter
	return at, true
}

// run calls arrive for each arrival until the context ends.
func (p *pace) run(ctx context.Context, a alarm, d *draws, arrive func(Arrival)) error {
	id := uint64(1)
	gap, steps := d.at(id)
	p.start(a, time.Now(), gap)
	defer p.stop()
	defer context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ring()
	})()
	gapAfter, stepsAfter := d.at(id + 1)
	for ctx.Err() == nil {
		at, ok := p.due(time.Now(), gapAfter)
		if !ok {
			if err := a.wait(); err != nil {
				return err
			}
			continue
		}
		arrive(Arrival{ID: id, Intended: at, Steps: steps})
		id, steps = id+1, stepsAfter
		gapAfter, stepsAfter = d.at(id + 1)
	}
	return nil
}
