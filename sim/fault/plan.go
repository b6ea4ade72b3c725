package fault

import (
	"slices"
	"sync"
	"time"

	"forklore/runtimes/app"
	"forklore/sim"
)

// Plan decides which requests carry a fault. The traffic asks it for each
// arrival and model; the lab changes it. An arrival that is chosen carries the
// fault in every targeted model: one request, four fates.
type Plan struct {
	// Timeout is the client's: a request that would be given up before it dies
	// of its fault makes no good carrier.
	Timeout time.Duration
	// LeakLimit bounds what leaks may leave behind in a model whose processes
	// live on, where no cgroup does; 0: a cgroup does.
	LeakLimit int64
	// Skips: the arrival passes the model by. nil: none does.
	Skips func(id uint64, m sim.Model) bool

	mu      sync.Mutex
	charges []*Charge
	current uint64 // the arrival being planned
	leaked  [sim.NModels]int64
}

// Charge is a fault that requests are to carry.
type Charge struct {
	n       int // of its injection
	kind    Kind
	stepN   int64
	models  sim.Models
	since   time.Time
	left    int64  // carriers to find; of a fault that strikes once
	found   int64  // arrivals chosen so far
	seen    uint64 // arrivals that could have carried it; of a fault that lasts
	carried bool   // by the arrival being planned
}

// choosy is how long a fault waits for a good carrier; then it takes any.
const choosy = 3 * time.Second

// Carried is what a request got to carry. A Fault of "" is nothing.
type Carried struct {
	Fault sim.Fault
	N     int   // of the injection
	StepN int64 // bytes, of a leak
}

// Carry makes requests carry the fault in these models: so many as its strength
// says, or, if it lasts, one in Kind.Every until End or Undo.
func (p *Plan) Carry(n int, k Kind, strength, stepN int64, models sim.Models) *Charge {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &Charge{n: n, kind: k, stepN: stepN, models: models, since: time.Now(), left: k.carriers(strength)}
	p.charges = append(p.charges, c)
	return c
}

// Again makes one more request carry what injection n had for its carriers, in
// this model: the one that was to do it did not get there.
func (p *Plan) Again(n int, k Kind, stepN int64, m sim.Model) {
	p.Carry(n, k, 1, stepN, sim.Models(0).With(m))
}

// End ends a charge.
func (p *Plan) End(c *Charge) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.left = 0
	p.charges = slices.DeleteFunc(p.charges, func(other *Charge) bool { return other == c })
}

// Undo ends them all.
func (p *Plan) Undo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.charges = nil
}

// Found is how many arrivals have been chosen to carry it, and whether there are
// to be more.
func (p *Plan) Found(c *Charge) (arrivals int64, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.found, c.kind.Every > 0 || c.left > 0
}

// Waiting is the fault that waits for a carrier, "" if none does.
func (p *Plan) Waiting() sim.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.charges {
		if c.kind.Every == 0 && c.left > 0 {
			return c.kind.Fault
		}
	}
	return ""
}

// Steps returns what arrival id does in model m. The models of one arrival are
// asked one after the other.
func (p *Plan) Steps(id uint64, steps app.Steps, m sim.Model) (app.Steps, Carried) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id != p.current {
		p.current = id
		p.choose(id, steps)
	}
	for _, c := range p.charges {
		if !c.carried || !c.models.Has(m) || !p.room(c, m) {
			continue
		}
		s, ok := with(steps, app.Step{Kind: c.kind.Step, N: c.stepN}, c.kind.Kills)
		if !ok {
			continue
		}
		if c.kind.Fault == sim.FaultLeak {
			p.leaked[m] += c.stepN
		}
		return s, Carried{Fault: c.kind.Fault, N: c.n, StepN: c.stepN}
	}
	return steps, Carried{}
}

// choose decides what the arrival carries.
func (p *Plan) choose(id uint64, steps app.Steps) {
	p.charges = slices.DeleteFunc(p.charges, func(c *Charge) bool { return c.kind.Every == 0 && c.left == 0 })
	hasRoom := len(steps.All())+2 <= app.MaxSteps // for the fault, and a half of an io
	taken := sim.Models(0)                        // a request carries one fault
	for _, c := range p.charges {
		switch {
		case c.models&taken != 0, p.skips(id, c.models):
			c.carried = false
		case c.kind.Every > 0:
			c.carried = c.seen%c.kind.Every == 0
			c.seen++
		default:
			c.carried = hasRoom && (!c.kind.Kills || p.fits(steps) || time.Since(c.since) > choosy)
			if c.carried {
				c.left--
			}
		}
		if c.carried {
			c.found++
			taken |= c.models
		}
	}
}

// skips: it does not come to all of these models.
func (p *Plan) skips(id uint64, models sim.Models) bool {
	for m := range sim.NModels {
		if p.Skips != nil && models.Has(m) && p.Skips(id, m) {
			return true
		}
	}
	return false
}

// room: one more leak does the machine no harm.
func (p *Plan) room(c *Charge, m sim.Model) bool {
	lives := m == sim.Prefork || m == sim.EventLoop
	return c.kind.Fault != sim.FaultLeak || p.LeakLimit == 0 || !lives || p.leaked[m]+c.stepN <= p.LeakLimit
}

// Renewed notes that all processes of the model are new: what leaked is gone.
func (p *Plan) Renewed(m sim.Model) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaked[m] = 0
}

// fits: it dies of its fault well before its client gives up.
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

// with adds a fault's step. One that ends its process comes after the first half
// of the first io: the request is in the middle of its work, as its neighbours
// are; without io it comes last. All others come first: what they leave behind,
// or hold, is there as long as the process.
func with(s app.Steps, fault app.Step, middle bool) (out app.Steps, ok bool) {
	ok = middle || out.Add(fault)
	placed := !middle
	for _, st := range s.All() {
		if st.Kind == app.IO && !placed {
			half := st.N / 2
			ok = ok && out.Add(app.Step{Kind: app.IO, N: half}) && out.Add(fault)
			st.N -= half
			placed = true
		}
		ok = ok && out.Add(st)
	}
	if !placed {
		ok = ok && out.Add(fault)
	}
	return out, ok
}
