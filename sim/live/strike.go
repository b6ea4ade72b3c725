package live

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"forklore/runtimes"
	"forklore/sim"
	"forklore/sim/traffic"
)

// strike does to a model what no request does.
func (l *Lab) strike(x *injected, m sim.Model) error {
	switch x.in.Fault {
	case sim.FaultKill:
		l.kill(x, m)
	case sim.FaultSlowClient:
		return l.slowClients(x, m)
	case sim.FaultSlowBackend:
		by := time.Duration(x.in.Strength)
		l.models[m].book.Stall(x.n, by, x.until)
		return l.slowBackend(x, m, by)
	case sim.FaultFDLeak:
		l.openDescriptors(x, m)
	case sim.FaultForkBomb:
		x.each = append(x.each, func() bool {
			f := l.models[m].rt.Memory()
			l.models[m].book.Prove(x.n, fmt.Sprintf("its cgroup had %d processes and threads", f.PidsPeak))
			return false
		})
	case sim.FaultDeadBackend:
		return l.deadBackend(x, m)
	case sim.FaultBurst:
		l.burst(x, m)
	case sim.FaultRetryStorm:
		return l.retryStorm(x, m)
	}
	return nil
}

// openDescriptors is the proof of a leak of descriptors: the most that a process
// of the model has open, as /proc tells. It is looked at once a second, since a
// full table takes a millisecond to count.
func (l *Lab) openDescriptors(x *injected, m sim.Model) {
	x.undo = append(x.undo, func(bool) { l.models[m].rt.Recycle() })
	ticks, most, whose := 0, 0, 0
	x.each = append(x.each, func() bool {
		if ticks++; ticks%10 != 5 {
			return false
		}
		for _, pid := range l.models[m].rt.Pids() {
			if n := descriptors(pid); n > most {
				most, whose = n, pid
			}
		}
		if most > 0 {
			l.models[m].book.Prove(x.n, fmt.Sprintf("%d descriptors open in process %d", most, whose))
		}
		return false
	})
}

// killsFor bounds a kill of several, one of which may come too late for its process.
const killsFor = time.Minute

// kill ends serving processes of the model, at random: one at each tick, as soon
// as there is one.
func (l *Lab) kill(x *injected, m sim.Model) {
	x.until = x.since + patience
	left := x.in.Strength
	x.undo = append(x.undo, func(bool) {
		if left > 0 {
			l.event(m, sim.EventRefused, 0, fmt.Sprintf("kill in %s: %v", m, runtimes.ErrNobody))
		}
	})
	x.each = append(x.each, func() bool {
		left += x.missed[m]
		x.missed[m] = 0
		if left == 0 {
			return false
		}
		s := &l.models[m]
		pid, request, err := s.rt.KillOne(rand.IntN)
		switch {
		case errors.Is(err, runtimes.ErrNobody):
			return false
		case err != nil:
			l.event(m, sim.EventRefused, 0, fmt.Sprintf("kill in %s: %v", m, err))
			return true
		}
		now := l.at(time.Now())
		s.book.Condemn(x.n, pid, now)
		x.until = min(now+patience, x.since+killsFor) // the next one may have to be started first
		l.event(m, sim.EventSaid, pid, fmt.Sprintf("SIGKILL from the lab; it held request %d", request))
		left--
		return false
	})
}

// slowClients opens connections that take for ever to say what they want.
func (l *Lab) slowClients(x *injected, m sim.Model) error {
	var clients *traffic.Slow
	x.undo = append(x.undo, func(bool) {
		if clients != nil {
			clients.Close()
		}
	})
	var err error
	if clients, err = traffic.StartSlow(l.models[m].rt.Addr(), int(x.in.Strength)); err != nil {
		return err
	}
	x.each = append(x.each, func() bool {
		s := clients.Stats()
		l.models[m].book.Prove(x.n, fmt.Sprintf("%d slow connections open, %d bytes sent on them", s.Open, s.BytesSent))
		return false
	})
	return nil
}

// burst multiplies the arrivals, for the one model whose turn it is.
func (l *Lab) burst(x *injected, m sim.Model) {
	before := l.generator.Arrivals()
	x.undo = append(x.undo, func(bool) {
		l.surge.Store(nil)
		l.complain(l.applyRate())
		seconds := (l.at(time.Now()) - x.since).Seconds()
		l.models[m].book.Prove(x.n, fmt.Sprintf("%d requests in %.1f s; at %.4g a second it would have been %.0f",
			l.generator.Arrivals()-before, seconds, l.rate, l.rate*seconds))
	})
	l.surge.Store(&surge{factor: uint64(x.in.Strength), model: m, from: before})
	l.complain(l.applyRate())
}

// surge is a burst in force: of so many arrivals, all but one go only to this
// model.
type surge struct {
	factor uint64
	model  sim.Model
	from   uint64
}

// skips: the arrival passes the model by.
func (s *surge) skips(id uint64, m sim.Model) bool {
	return s != nil && s.model != m && (id-s.from)%s.factor != 0
}

// applyRate tells the generator the rate, or the burst's.
func (l *Lab) applyRate() error {
	rate := l.rate
	if s := l.surge.Load(); s != nil {
		rate *= float64(s.factor)
	}
	if l.generator == nil {
		return nil
	}
	return l.generator.SetRate(rate)
}

// A retry storm is clients that give up after a while and try again, and a
// backend that stalls for as long as it takes them to do so. What then keeps the
// storm going is the model's own (Bronson et al., "Metastable Failures in
// Distributed Systems", HotOS '21).
const (
	stormTries   = 3
	stormStall   = 5 * time.Second
	stormTrigger = 1500 * time.Millisecond
)

func (l *Lab) retryStorm(x *injected, m sim.Model) error {
	g := l.generator
	x.undo = append(x.undo, func(bool) { g.SetRetry(int(m), nil) })
	mean := l.cfg.Workload.Mean()
	g.SetRetry(int(m), &traffic.Retry{Attempts: stormTries, Patience: max(time.Second, 4*mean.Service()), Backoff: time.Duration(x.in.Strength)})
	calm := x.since + min(stormTrigger, x.in.Duration/2)
	l.models[m].book.Stall(x.n, stormStall, calm)
	if err := l.slowBackend(x, m, stormStall); err != nil {
		return err
	}
	x.each = append(x.each, func() bool {
		over := l.at(time.Now()) >= calm
		if over {
			l.complain(l.holdAnswers(x, m, 0))
			l.event(m, sim.EventSaid, 0, "the backend is as fast as before: the trigger is over")
		}
		return over
	})
	return nil
}
