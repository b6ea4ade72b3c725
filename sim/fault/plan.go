package fault

import (
	"sync"
	"time"

	"forklore/runtimes/app"
	"forklore/sim"
)

// Plan decides which requests carry a fault. The traffic asks it for each
// arrival and model; the lab changes it. An arrival that is chosen carries the
// fault in every targeted model: one request, four fates.
type Plan struct {
	// Timeout is the client's: a request that would be given up before its
	// crash makes no good carrier.
	Timeout time.Duration
	// LeakLimit bounds what leaks may leave behind in a model whose processes
	// live on, where no cgroup does; 0: a cgroup does.
	LeakLimit int64

	mu      sync.Mutex
	crashes []crash // waiting for their carriers
	leaks   []leak
	current uint64 // the arrival being planned
	carry   []crash
	leaked  [sim.NModels]int64
}

type crash struct {
	n      int
	models sim.Models
	since  time.Time
}

// choosy is how long a crash waits for a good carrier; then it takes any.
const choosy = 3 * time.Second

type leak struct {
	models sim.Models
	first  uint64 // arrival
}

// Carried is what a request got to carry.
type Carried struct {
	Crash bool
	N     int   // of the crash's injection
	Leak  int64 // bytes
}

// Crash makes the next arrival that can carry it crash in these models.
func (p *Plan) Crash(n int, models sim.Models) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crashes = append(p.crashes, crash{n, models, time.Now()})
}

// Leak makes one request in LeakEvery leak in these models, until Undo or
// EndLeak.
func (p *Plan) Leak(models sim.Models) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaks = append(p.leaks, leak{models: models})
}

// EndLeak ends the oldest leak of exactly these models.
func (p *Plan) EndLeak(models sim.Models) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, l := range p.leaks {
		if l.models == models {
			p.leaks = append(p.leaks[:i], p.leaks[i+1:]...)
			return
		}
	}
}

// Undo ends every leak and calls back every crash that has no carrier yet.
func (p *Plan) Undo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crashes, p.leaks, p.carry = nil, nil, nil
}

// Waiting reports whether a crash waits for its carrier.
func (p *Plan) Waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.crashes) > 0
}

// Steps returns what arrival id does in model m. The models of one arrival are
// asked one after the other.
func (p *Plan) Steps(id uint64, steps app.Steps, m sim.Model) (app.Steps, Carried) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id != p.current {
		p.current, p.carry = id, nil
		if len(p.crashes) > 0 && (p.fits(steps) || time.Since(p.crashes[0].since) > choosy) {
			p.carry, p.crashes = p.crashes, nil
		}
	}
	var c Carried
	for i := range p.leaks {
		l := &p.leaks[i]
		if l.first == 0 {
			l.first = id
		}
		if l.models.Has(m) && (id-l.first)%LeakEvery == 0 && p.room(m) {
			if s, ok := withLeak(steps); ok {
				steps, c.Leak = s, LeakBytes
				p.leaked[m] += LeakBytes
			}
			break
		}
	}
	for _, k := range p.carry {
		if k.models.Has(m) {
			if s, ok := withCrash(steps); ok {
				steps, c.Crash, c.N = s, true, k.n
			}
			break
		}
	}
	return steps, c
}

// room: one more leak does the machine no harm.
func (p *Plan) room(m sim.Model) bool {
	lives := m == sim.Prefork || m == sim.EventLoop
	return p.LeakLimit == 0 || !lives || p.leaked[m]+LeakBytes <= p.LeakLimit
}

// Renewed notes that all processes of the model are new: what leaked is gone.
func (p *Plan) Renewed(m sim.Model) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaked[m] = 0
}

// fits: it reaches its crash well before its client gives up.
func (p *Plan) fits(s app.Steps) bool {
	if p.Timeout == 0 {
		return true
	}
	var before int64
	for _, st := range s.All() {
		if st.Kind == app.CPU {
			before += st.N
		}
		if st.Kind == app.IO {
			return time.Duration(before+st.N/2)*time.Microsecond < p.Timeout/4
		}
	}
	return true
}

// withCrash puts the crash after the first half of the first io: the request is
// in the middle of its work, as its neighbours are. Without io it comes last.
func withCrash(s app.Steps) (out app.Steps, ok bool) {
	ok = true
	placed := false
	for _, st := range s.All() {
		if st.Kind == app.IO && !placed {
			half := st.N / 2
			ok = ok && out.Add(app.Step{Kind: app.IO, N: half}) && out.Add(app.Step{Kind: app.Crash, N: 1})
			st.N -= half
			placed = true
		}
		ok = ok && out.Add(st)
	}
	if !placed {
		ok = ok && out.Add(app.Step{Kind: app.Crash, N: 1})
	}
	return out, ok
}

// withLeak puts the leak first: the memory is there as long as the process.
func withLeak(s app.Steps) (out app.Steps, ok bool) {
	ok = out.Add(app.Step{Kind: app.Leak, N: LeakBytes})
	for _, st := range s.All() {
		ok = ok && out.Add(st)
	}
	return out, ok
}
