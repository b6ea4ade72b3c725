package matrix

import (
	"slices"
	"sync"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// fake is a source that plays a lab with figures that a test makes up: its
// snapshots come as fast as they are read.
type fake struct {
	// incident makes the figures of a fault in a model; ok false: nothing happens.
	incident func(f sim.Fault, c Column) (sim.Incident, bool)
	// refuse, if set, is asked first about every command.
	refuse func(sim.Command, *sim.Snapshot) error
	// spoil, if set, changes a snapshot before it is delivered.
	spoil func(*sim.Snapshot)
	off   map[sim.Model]sim.State // what isn't there
	never map[sim.Fault]bool      // what is never over

	mu       sync.Mutex
	ch       chan *sim.Snapshot
	quit     chan struct{}
	over     chan struct{}
	once     sync.Once // that a test closes quit
	s        sim.Snapshot
	pending  []*scheduled
	events   []sim.Event
	renewal  time.Duration // when it will be done
	injected []sim.Inject
	commands []string
	opened   []time.Duration // when incidents were opened, to see their order
}

type scheduled struct {
	sim.Incident
	from, to time.Duration
}

func newFake() *fake {
	f := &fake{ch: make(chan *sim.Snapshot), quit: make(chan struct{}), over: make(chan struct{}),
		off: map[sim.Model]sim.State{}, never: map[sim.Fault]bool{}}
	f.s.Kind = sim.Live
	f.s.Load.Workload, f.s.Load.Weight = "cpu 1ms, io 250ms", "application"
	f.s.Load.RatePerS, f.s.Lab.Cgroup = ratePerS, "v2"
	return f
}

// start begins the snapshots; Close ends them.
func (f *fake) start() *fake {
	go func() {
		defer close(f.over)
		defer close(f.ch)
		for {
			select {
			case f.ch <- f.tick():
			case <-f.quit:
				return
			}
		}
	}()
	return f
}

func (f *fake) Snapshots() <-chan *sim.Snapshot { return f.ch }

func (f *fake) Close() error {
	close(f.quit)
	<-f.over
	return nil
}

// tick is the next snapshot, a tenth of a second later.
func (f *fake) tick() *sim.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.s.Seq++
	f.s.At += sim.Interval
	for m := range sim.NModels {
		v := &f.s.Model[m]
		if v.State = f.off[m]; v.State != "" {
			v.Why = "no such thing here"
			continue
		}
		v.State, v.Workers = sim.OK, workers
		v.Requests.OK += 2
		v.Requests.InFlight = 4
		v.Requests.Sent = v.Requests.OK + v.Requests.InFlight
		v.Latency.N = v.Requests.OK
		if m == sim.Container && v.Mode == "" {
			v.Mode = sim.ModeFresh
		}
		if m == sim.Container && v.Mode == sim.ModeWarm {
			v.WarmStartMS.N += 2
		}
	}
	f.s.Current = nil
	for _, p := range f.pending {
		i := p.Incident
		if f.s.At < p.from {
			continue
		}
		i.At = p.from
		if f.s.At < p.to {
			i.Closed, i.Recovered = 0, false
			f.s.Model[i.Model].State = sim.Recovering
		}
		f.s.Current = append(f.s.Current, i)
	}
	f.s.Events, f.events = f.events, nil
	if f.renewal != 0 && f.s.At >= f.renewal {
		f.renewal = 0
		f.s.Events = append(f.s.Events, sim.Event{What: sim.EventRenewed, Model: sim.NModels})
	}
	s := f.s
	s.Events, s.Current = slices.Clone(s.Events), slices.Clone(s.Current)
	if f.spoil != nil {
		f.spoil(&s)
	}
	return &s
}

// Do carries a command out as the lab does: what presses on the machine strikes
// one model after the other, and all of an injection has one number.
func (f *fake) Do(c sim.Command) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		if err := f.refuse(c, &f.s); err != nil {
			return err
		}
	}
	switch {
	case c.Inject != nil:
		f.commands = append(f.commands, string(c.Inject.Fault))
		f.injected = append(f.injected, *c.Inject)
		k, _ := fault.Find(c.Inject.Fault)
		from := f.s.At + 3*sim.Interval
		for m := range sim.NModels {
			if !c.Inject.Models.Has(m) {
				continue
			}
			i, ok := f.incident(c.Inject.Fault, columnOf(m, f.s.Model[sim.Container].Mode))
			if !ok {
				continue
			}
			to := from + max(c.Inject.Duration, time.Second) + time.Second
			i.Fault, i.Model, i.N, i.At, i.Closed = c.Inject.Fault, m, len(f.injected), from, to
			i.Recovered = true
			if f.never[i.Fault] {
				to = time.Hour
			}
			f.pending = append(f.pending, &scheduled{i, from, to})
			f.opened = append(f.opened, from)
			if k.Presses {
				from = to + 3*sim.Interval
			}
		}
	case c.Mode != "":
		f.commands = append(f.commands, c.Mode)
		f.s.Model[sim.Container].Mode = c.Mode
	case c.Renew:
		f.commands = append(f.commands, "renew")
		f.renewal = f.s.At + time.Second
	case c.Undo:
		f.commands = append(f.commands, "undo")
		for _, p := range f.pending { // and then it recovers
			if p.to > f.s.At {
				p.to = f.s.At + sim.Interval
				p.Closed = p.to
			}
		}
	}
	return nil
}
