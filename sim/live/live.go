// Package live is the source over the real runtimes: it sends the traffic,
// injects the faults, keeps the books, and tells the screen.
//
//	             arrivals, results (a lock, drained ten times a second)
//	traffic ────────────────────────────┐
//	runtimes ── ready, died, said ──────┤
//	Do ──────── commands ───────────────┼──> loop ──> Snapshot
//	clock ───── ten times a second ─────┘     │
//	                                          ├─ ledger, tape (its own, no locks)
//	fault.Plan (requests), processes, backends, clients <── faults, undo ┘
//
// One goroutine, the loop, owns everything that changes; the others only hand
// things to it.
//
// Costs per request: two appends under a lock. Per snapshot: reading four
// boards and some twenty small files.
// May not enter: words and colours; what a runtime is made of.
package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"forklore/runtimes"
	"forklore/runtimes/app"
	"forklore/runtimes/cage"
	"forklore/sim"
	"forklore/sim/fault"
	"forklore/sim/ledger"
	"forklore/sim/traffic"
)

// Config is what a run is made of.
type Config struct {
	Spec       runtimes.Spec
	Models     sim.Models
	Seed       uint64
	RatePerS   float64 // 0: auto
	Even       bool
	Workload   traffic.Workload
	WeightName string
	Timeout    time.Duration // the client's; 0: none
	KeepAlive  bool
	// Miswire sends a model's requests to another model's server: for tests that
	// have to see that wrong figures are noticed.
	Miswire map[sim.Model]sim.Model
}

// Lab is the source.
type Lab struct {
	cfg     Config
	plan    fault.Plan
	rate    float64
	rateWhy string

	snapshots chan *sim.Snapshot
	commands  chan request
	happened  chan happening // deaths and the like, from the runtimes
	started   chan launched
	proofs    chan proof      // of faults, from probes in the background
	ctx       context.Context // of the loop
	cancel    context.CancelFunc
	done      chan struct{}
	closing   sync.Once
	closeErr  error

	inbox struct { // from the traffic's goroutines
		sync.Mutex
		era      int
		arrivals []arrival
		retries  []retry
		results  []traffic.Result
	}
	surge atomic.Pointer[surge] // a burst; the traffic reads it

	loopState // only the loop's
}

type arrival struct {
	id      uint64
	at      time.Time
	asked   int        // models that it has come to so far,
	sent    sim.Models // and those of them that it was sent to
	carries [sim.NModels]fault.Carried
}

type retry struct {
	id    uint64
	at    time.Time
	model int
}

type request struct {
	cmd  sim.Command
	done chan error
}

type happening struct {
	model sim.Model
	runtimes.Event
}

type launched struct {
	model sim.Model
	rt    *runtimes.Runtime
	err   error
}

// Open checks the configuration, takes the ports, and begins to start the
// models. It returns before they serve; the snapshots tell.
func Open(cfg Config) (*Lab, error) {
	names := cfg.names()
	if err := cfg.Spec.Check(names); err != nil {
		return nil, err
	}
	house, err := runtimes.Open(cfg.Spec, names)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Lab{
		cfg:       cfg,
		snapshots: make(chan *sim.Snapshot, 1),
		commands:  make(chan request),
		happened:  make(chan happening),
		started:   make(chan launched),
		proofs:    make(chan proof),
		ctx:       ctx,
		cancel:    cancel,
		done:      make(chan struct{}),
	}
	l.plan.Timeout = cfg.Timeout
	l.plan.Skips = func(id uint64, m sim.Model) bool { return l.surge.Load().skips(id, m) }
	if house.Yard().Mode() == "none" {
		l.plan.LeakLimit = 2 * cfg.Spec.MemoryBytes
	}
	l.house = house
	l.rate = cfg.RatePerS
	if l.rate == 0 {
		l.autoRate(cfg.Spec.Weight)
	}
	l.weight = cfg.WeightName
	l.mode = cmp.Or(cfg.Spec.Mode, sim.ModeFresh)
	l.begun = time.Now()
	for m := range sim.NModels {
		l.models[m].state = sim.Off
		if !cfg.Models.Has(m) {
			continue
		}
		l.models[m].state = sim.Starting
		l.toStart++
		go func() {
			rt, err := house.Start(m.String())
			select {
			case l.started <- launched{m, rt, err}:
			case <-ctx.Done():
			}
		}()
	}
	l.forget()
	go l.loop(ctx)
	return l, nil
}

// Snapshots implements sim.Source.
func (l *Lab) Snapshots() <-chan *sim.Snapshot { return l.snapshots }

// Do implements sim.Source.
func (l *Lab) Do(c sim.Command) error {
	r := request{c, make(chan error, 1)}
	select {
	case l.commands <- r:
		return <-r.done
	case <-l.done:
		return sim.ErrClosed
	}
}

// Close implements sim.Source.
func (l *Lab) Close() error {
	l.closing.Do(func() {
		l.cancel()
		<-l.done
		l.closeErr = l.house.Close()
	})
	return l.closeErr
}

// startTraffic begins with arrival 1. The generator of the era before, if
// any, has been stopped.
func (l *Lab) startTraffic() {
	var targets []traffic.Target
	for m := range sim.NModels {
		if rt := l.models[m].rt; rt != nil {
			addr := rt.Addr()
			if other, ok := l.cfg.Miswire[m]; ok && l.models[other].rt != nil {
				addr = l.models[other].rt.Addr()
			}
			targets = append(targets, traffic.Target{Model: int(m), Addr: addr})
		}
	}
	era := l.nextEra()
	l.targets = len(targets)
	// with changes the newest arrival, if it is that one.
	with := func(era int, id uint64, change func(*arrival)) {
		l.inbox.Lock()
		if n := len(l.inbox.arrivals); l.inbox.era == era && n > 0 && l.inbox.arrivals[n-1].id == id {
			change(&l.inbox.arrivals[n-1])
		}
		l.inbox.Unlock()
	}
	l.generator = traffic.New(traffic.Config{
		Seed: l.cfg.Seed, RatePerS: l.rate, Even: l.cfg.Even, Workload: l.cfg.Workload,
		Timeout: l.cfg.Timeout, KeepAlive: l.cfg.KeepAlive, Token: l.house.Token(), Targets: targets,
		OnArrival: func(a traffic.Arrival) {
			l.inbox.Lock()
			if l.inbox.era == era {
				l.inbox.arrivals = append(l.inbox.arrivals, arrival{id: a.ID, at: a.Intended})
			}
			l.inbox.Unlock()
		},
		Skip: func(a traffic.Arrival, m int) bool {
			skips := l.surge.Load().skips(a.ID, sim.Model(m))
			if skips {
				with(era, a.ID, func(newest *arrival) { newest.asked++ })
			}
			return skips
		},
		Plan: func(a traffic.Arrival, m int) app.Steps {
			if _, attempt := traffic.Attempt(a.ID); attempt > 0 {
				return a.Steps // a second try brings no fault with it
			}
			steps, c := l.plan.Steps(a.ID, a.Steps, sim.Model(m))
			with(era, a.ID, func(newest *arrival) {
				newest.asked++
				newest.sent = newest.sent.With(sim.Model(m))
				newest.carries[m] = c
			})
			return steps
		},
		OnRetry: func(a traffic.Arrival, m int) {
			l.inbox.Lock()
			if l.inbox.era == era {
				l.inbox.retries = append(l.inbox.retries, retry{a.ID, a.Intended, m})
			}
			l.inbox.Unlock()
		},
		OnResult: func(r traffic.Result) {
			l.inbox.Lock()
			if l.inbox.era == era {
				l.inbox.results = append(l.inbox.results, r)
			}
			l.inbox.Unlock()
		},
	})
	l.applyPause()
	ctx, cancel := context.WithCancel(context.Background())
	l.stopTraffic = cancel
	ended := make(chan struct{})
	l.trafficEnded = ended
	g := l.generator
	go func() { // ends with stopTraffic
		defer close(ended)
		if err := g.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			l.note(fmt.Sprintf("traffic: %v", err))
		}
	}()
}

// endTraffic stops the arrivals and cuts off what is in flight.
func (l *Lab) endTraffic() {
	if l.generator == nil {
		return
	}
	l.stopTraffic()
	<-l.trafficEnded
	now, cancel := context.WithCancel(context.Background())
	cancel()
	l.generator.Drain(now)
	l.generator = nil
	l.nextEra() // what has ended meanwhile is of no book any more
}

// nextEra empties the inbox, and closes it to the traffic of before.
func (l *Lab) nextEra() int {
	l.inbox.Lock()
	defer l.inbox.Unlock()
	l.inbox.era++
	l.inbox.arrivals, l.inbox.results, l.inbox.retries = nil, nil, nil
	return l.inbox.era
}

// forget starts all figures from zero.
func (l *Lab) forget() {
	for m := range sim.NModels {
		l.models[m].book = ledger.New(m)
		l.models[m].meter = traffic.NewMeter()
		l.models[m].warm, l.models[m].calls, l.models[m].destroys = newDurations(), newDurations(), newDurations()
		l.models[m].dead = nil
		if m == sim.Container {
			l.models[m].book.Mode(l.mode)
		}
		l.models[m].told = nil
		l.plan.Renewed(m)
	}
	l.forgetStarts()
	l.tape = tape{}
	l.served = time.Time{}
	l.injections, l.calledOff = 0, 0
	l.armed, l.turns, l.active = nil, nil, nil
	l.plan.Undo()
}

// machine is what never changes of a snapshot's Lab.
func (l *Lab) machine() sim.Lab {
	return sim.Lab{Cgroup: cage.MachineCgroup(), Why: l.house.Yard().Why(), Root: os.Geteuid() == 0}
}
