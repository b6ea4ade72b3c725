// Package traffic is the clients of the lab: who asks, how often, for what,
// and what became of it.
//
//	seed ──> draws ──> pace ──one goroutine──> OnArrival, Plan
//	                                              │
//	               a goroutine for each request and model
//	                                              │
//	       ┌──>  connect, write, read ──> books (Stats) ──> OnResult ──> Meter
//	       └──────── OnRetry, Plan <──────── SetRetry ────────┘
//
// The traffic is an open loop: arrivals come when they come, however slow the
// servers are, and the same arrivals go to every model, but for those that a
// burst spares (Skip). Latency counts from the moment at which a request should
// have been sent. Nothing is ever tried twice, so each arrival has exactly one
// outcome in each model. Only while a retry storm is asked for (SetRetry) do
// clients try again what has failed, and then each try is a request of its own,
// with an id, an outcome and a place in the books of its own.
//
// Costs, measured in a virtual machine, 150 us of CPU for a request on a
// connection of its own, nearly all of it the kernel's, 14 us on one that is
// kept alive, and 16 KiB while it is in flight; nothing while it is idle.
// May not enter: who is to blame for an outcome (sim/ledger), what a server
// is (runtimes), and net/http, whose client hides resets.
package traffic

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"forklore/runtimes/app"
)

// Target is one model's address.
type Target struct {
	Model int
	Addr  string // "127.0.0.1:40401"
}

// DefaultMaxInFlight is the client's limit where Config gives none.
const DefaultMaxInFlight = 4096

// Config says what traffic to make. The zero value of a field is its default.
type Config struct {
	Seed     uint64
	RatePerS float64 // 0: nothing comes until SetRate
	Even     bool    // arrivals at even distances, not Poisson
	Workload Workload
	Timeout  time.Duration // from the moment of sending; 0: none
	// KeepAlive takes a connection that is idle, if there is one. A request on
	// a connection that the server has closed in the meantime is a Reset.
	KeepAlive bool
	Token     string // sent with requests that carry a fault
	Targets   []Target
	// MaxInFlight bounds the requests in flight in each model. An arrival
	// beyond it is not dropped in silence: its outcome is Local.
	MaxInFlight int

	// Skip, if set, reports whether an arrival passes a model by: it is not
	// sent there, counted there, or planned for it. A burst that hits one model
	// only passes the others by. It is called in the generator's goroutine, for
	// one target after the other.
	Skip func(a Arrival, model int) bool
	// Plan, if set, returns the steps of an arrival in one model: the place
	// for fault steps. It is called in the generator's goroutine, and again for
	// each retry, with the steps that the arrival had before Plan, from a
	// goroutine of its own: Attempt tells them apart. A retry shouldn't crash
	// the server again.
	Plan func(a Arrival, model int) app.Steps
	// OnArrival is called in the generator's goroutine before an arrival is
	// sent anywhere.
	OnArrival func(Arrival)
	// OnRetry is called instead of OnArrival before a request is tried again in
	// a model, from a goroutine of its own.
	OnRetry func(a Arrival, model int)
	// OnResult is called for each end, Local ones too, from the request's own
	// goroutine: it must be quick and safe for concurrent use. The books have
	// been written by then.
	OnResult func(Result)
}

// Generator makes the traffic.
type Generator struct {
	cfg      Config
	err      error // what is wrong with cfg
	pace     pace
	clients  []*client
	arrivals atomic.Uint64
	once     sync.Once
}

// ErrRate means a rate that is no rate.
var ErrRate = errors.New("the rate must be a number, 0 or more, of arrivals per second")

// New makes a generator. What is wrong with the configuration, Run says.
func New(cfg Config) *Generator {
	if cfg.MaxInFlight <= 0 {
		cfg.MaxInFlight = DefaultMaxInFlight
	}
	g := &Generator{cfg: cfg}
	g.err = g.SetRate(cfg.RatePerS)
	for _, t := range cfg.Targets {
		addr, err := parseAddr(t.Addr)
		if err != nil {
			g.err = errors.Join(g.err, err)
			continue
		}
		g.clients = append(g.clients, newClient(t, addr, &g.cfg))
	}
	return g
}

// Run sends until ctx ends. What is in flight then goes on: see Drain. A
// generator runs once.
func (g *Generator) Run(ctx context.Context) error {
	if err := g.begin(); err != nil {
		return err
	}
	a, err := newAlarm()
	if err != nil {
		return err
	}
	d := newDraws(g.cfg.Seed, g.cfg.Even, g.cfg.Workload)
	return g.pace.run(ctx, a, d, g.arrive)
}

func (g *Generator) begin() error {
	err := errors.New("traffic: a generator runs only once")
	g.once.Do(func() { err = g.err })
	return err
}

// arrive sends one arrival to every model that Skip doesn't except.
func (g *Generator) arrive(a Arrival) {
	g.arrivals.Add(1)
	if g.cfg.OnArrival != nil {
		g.cfg.OnArrival(a)
	}
	for _, c := range g.clients {
		if g.cfg.Skip != nil && g.cfg.Skip(a, c.model) {
			continue
		}
		steps := c.plan(&a)
		if f := c.start(&a, &steps); f != nil {
			go c.exchange(f)
		}
	}
}

// SetRate changes the rate at once. The arrivals stay the same, only the gaps
// between them are scaled.
func (g *Generator) SetRate(perS float64) error {
	if !(perS >= 0) || math.IsInf(perS, 1) {
		return fmt.Errorf("rate %v: %w", perS, ErrRate)
	}
	g.pace.change(time.Now(), func() { g.pace.perS = perS })
	return nil
}

// Pause stops the arrivals. What is in flight goes on.
func (g *Generator) Pause() { g.pace.change(time.Now(), func() { g.pace.paused = true }) }

// Resume goes on with the next arrival. Those that would have come in the
// meantime are not made up for.
func (g *Generator) Resume() { g.pace.change(time.Now(), func() { g.pace.paused = false }) }

// Rate returns the rate that is set, and whether it is paused.
func (g *Generator) Rate() (perS float64, paused bool) {
	g.pace.mu.Lock()
	defer g.pace.mu.Unlock()
	return g.pace.perS, g.pace.paused
}

// Arrivals returns how many there were.
func (g *Generator) Arrivals() uint64 { return g.arrivals.Load() }

// Stats returns a model's books, all zero if it isn't a target.
func (g *Generator) Stats(model int) Stats {
	if c := g.client(model); c != nil {
		return c.stats()
	}
	return Stats{}
}

// InFlight returns how many requests are open in the model.
func (g *Generator) InFlight(model int) int { return int(g.Stats(model).InFlight) }

// Lateness returns how much later than intended requests to the model were
// sent: the error of the lab's own clock.
func (g *Generator) Lateness(model int) Figures {
	c := g.client(model)
	if c == nil {
		return Figures{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return figures(c.late)
}

func (g *Generator) client(model int) *client {
	for _, c := range g.clients {
		if c.model == model {
			return c
		}
	}
	return nil
}

// Drain, called after Run has returned, waits until nothing is in flight and
// nothing waits to be tried again, or ctx ends. What still is in flight then is
// cut off and stays in the books as InFlight, without a Result; what waits is
// dropped. No connection and no goroutine is left.
func (g *Generator) Drain(ctx context.Context) {
	done := make(chan struct{})
	go func() { // ends with the requests, which cut ends at the latest
		defer close(done)
		for _, c := range g.clients {
			c.running.Wait()
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	for _, c := range g.clients {
		c.cut()
	}
	<-done
}
