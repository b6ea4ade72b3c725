package traffic

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forklore/runtimes/app"
)

// The same arrivals go to every model, each exactly once, and the books add up
// at every moment.
func TestRun(t *testing.T) {
	ok := func(c *net.TCPConn) {
		request(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
	}
	bad := func(c *net.TCPConn) { request(c) }
	r := newResults()
	var mu sync.Mutex
	var arrivals []Arrival
	planned := map[int]int{}
	g := New(Config{
		Seed: 1, RatePerS: 400, Workload: workload(t, "io uniform(1ms,2ms)"), Timeout: time.Second,
		Targets:   []Target{{0, serve(t, ok)}, {2, serve(t, bad)}, {3, freePort(t)}},
		OnArrival: func(a Arrival) { mu.Lock(); arrivals = append(arrivals, a); mu.Unlock() },
		Plan:      func(a Arrival, model int) app.Steps { planned[model]++; return a.Steps }, // one goroutine: no lock
		OnResult:  r.add,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var look sync.WaitGroup
	look.Go(func() {
		for ctx.Err() == nil {
			for _, m := range []int{0, 2, 3} {
				if s := g.Stats(m); s.Sent != s.OK+s.ErrorStatus+s.Reset+s.Refused+s.Timeout+s.InFlight {
					t.Errorf("the books don't add up: %+v", s)
				}
			}
			time.Sleep(time.Millisecond)
		}
	})
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	look.Wait()
	g.Drain(t.Context())

	n := uint64(len(arrivals))
	if n < 20 || n != g.Arrivals() {
		t.Fatalf("%d arrivals were shown, %d counted", n, g.Arrivals())
	}
	for m, want := range map[int]Stats{0: {Sent: n, OK: n}, 2: {Sent: n, Reset: n}, 3: {Sent: n, Refused: n}, 1: {}} {
		if got := g.Stats(m); got != want {
			t.Errorf("model %d: %+v, want %+v", m, got, want)
		}
		if planned[m] != int(want.Sent) {
			t.Errorf("model %d: %d arrivals planned", m, planned[m])
		}
	}
	seen := map[int][]uint64{}
	for _, x := range r.list {
		seen[x.Model] = append(seen[x.Model], x.ID)
		if x.Intended != arrivals[x.ID-1].Intended {
			t.Errorf("request %d in model %d has a time of its own", x.ID, x.Model)
		}
	}
	for m, ids := range seen {
		slices.Sort(ids)
		for i, id := range ids {
			if id != uint64(i+1) {
				t.Fatalf("model %d: request %d is reported as number %d", m, id, i+1)
			}
		}
	}
	if err := g.Run(t.Context()); err == nil {
		t.Error("it ran twice")
	}
}

// An arrival that passes a model by leaves no trace there.
func TestSkip(t *testing.T) {
	addr := serve(t, func(c *net.TCPConn) {
		request(c)
		io.WriteString(c, "HTTP/1.1 204 OK\r\n\r\n")
	})
	r := newResults()
	var asked, planned []int // one goroutine: no lock
	g := New(Config{
		Targets:  []Target{{2, addr}, {0, addr}, {1, addr}},
		Skip:     func(a Arrival, model int) bool { asked = append(asked, model); return a.ID == 2 && model != 0 },
		Plan:     func(a Arrival, model int) app.Steps { planned = append(planned, model); return a.Steps },
		OnResult: r.add,
	})
	g.arrive(Arrival{ID: 1, Intended: time.Now()})
	g.arrive(Arrival{ID: 2, Intended: time.Now()})
	for _, x := range r.wait(t, 4) {
		if x.ID == 2 && x.Model != 0 {
			t.Errorf("sent all the same: %+v", x)
		}
	}
	drain(t, g)
	if want := []int{2, 0, 1, 2, 0, 1}; !slices.Equal(asked, want) {
		t.Errorf("asked for models %v, want %v", asked, want)
	}
	if want := []int{2, 0, 1, 0}; !slices.Equal(planned, want) {
		t.Errorf("planned for models %v, want %v", planned, want)
	}
	for m, n := range []uint64{2, 1, 1} {
		if got, want := g.Stats(m), (Stats{Sent: n, OK: n}); got != want {
			t.Errorf("model %d: %+v, want %+v", m, got, want)
		}
	}
	if g.Arrivals() != 2 {
		t.Errorf("%d arrivals", g.Arrivals())
	}
}

// A kind that is added to the catalogue has a place in the set.
func TestKinds(t *testing.T) {
	for k := app.Kind(1); k < 32; k++ {
		if set := Kinds(1) << k; !set.Has(k) || set.Has(k-1) || set.Has(k+1) {
			t.Errorf("kind %d is not told from its neighbours", k)
		}
	}
}

// Pausing, changing the rate and ending wake a generator that sleeps long.
func TestGeneratorWakes(t *testing.T) {
	came := make(chan Arrival, 1024) // never blocks the generator
	g := New(Config{Even: true, OnArrival: func(a Arrival) { came <- a }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	quiet := func(when string) {
		t.Helper()
		select {
		case <-came:
			t.Errorf("an arrival %s", when)
		case <-time.After(30 * time.Millisecond):
		}
	}
	next := func() {
		t.Helper()
		select {
		case <-came:
		case <-time.After(5 * time.Second):
			t.Fatal("no arrival")
		}
	}
	quiet("at rate 0")
	g.SetRate(1e-6)
	quiet("at one in eleven days")
	g.SetRate(500)
	next()
	next()
	g.Pause()
	for len(came) > 0 {
		<-came
	}
	quiet("in a pause")
	if rate, paused := g.Rate(); rate != 500 || !paused {
		t.Errorf("rate %v, paused %v", rate, paused)
	}
	g.Resume()
	next()
	g.Pause()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it doesn't end")
	}
	g.SetRate(1) // after the end: nothing to wake, nothing to break
}

func TestBadConfig(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want error
	}{
		{Config{RatePerS: -1}, ErrRate},
		{Config{RatePerS: math.NaN()}, ErrRate},
		{Config{RatePerS: math.Inf(1)}, ErrRate},
		{Config{Targets: []Target{{0, "localhost"}}}, errAddr},
		{Config{Targets: []Target{{0, "127.0.0.1:0"}}}, errAddr},
		{Config{Targets: []Target{{0, "[::1]:80"}}}, errAddr},
		{Config{Targets: []Target{{0, "192.0.2.1:80"}}}, errAddr}, // nothing leaves this machine
	} {
		err := New(c.cfg).Run(t.Context())
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %v", c.cfg, err, c.want)
		}
	}
}

func TestSaturate(t *testing.T) {
	addr := serve(t, func(c *net.TCPConn) {
		for request(c) != "" {
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"); err != nil {
				return
			}
		}
	})
	silent := serve(t, func(c *net.TCPConn) { request(c); io.Copy(io.Discard, c) })
	r := newResults()
	g := New(Config{KeepAlive: true, Targets: []Target{{0, addr}, {1, silent}}, OnResult: r.add})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := g.Saturate(ctx, 4); err != nil {
		t.Fatal(err)
	}
	drain(t, g)
	s := g.Stats(0)
	if s.OK < 4 || s.Sent != s.OK+s.InFlight || s.InFlight > 4 {
		t.Errorf("%+v", s)
	}
	ports := map[uint16]bool{}
	for _, x := range r.list {
		ports[x.LocalPort] = true
	}
	if len(ports) != 4 {
		t.Errorf("%d connections, want 4", len(ports))
	}
	if s := g.Stats(1); s != (Stats{Sent: 4, InFlight: 4}) {
		t.Errorf("of a server that doesn't answer: %+v", s)
	}
}
