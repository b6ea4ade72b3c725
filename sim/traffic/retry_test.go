package traffic

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"forklore/runtimes/app"
	"forklore/runtimes/role"
	"forklore/runtimes/wire"
)

// An id with its attempt goes through everything that reads ids: the servers'
// parser, the CGI application and the control lines, and the client's parser.
func TestAttempt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint64Range(1, 1<<attemptShift-1).Draw(t, "first")
		attempt := rapid.IntRange(0, MaxRetries).Draw(t, "attempt")
		id := first | uint64(attempt)<<attemptShift
		if f, a := Attempt(id); f != first || a != attempt {
			t.Fatalf("%d is arrival %d, attempt %d", id, f, a)
		}
		if n, ok := role.ParseInt(string(role.AppendInt(nil, int64(id)))); !ok || uint64(n) != id {
			t.Fatalf("%d is %d, %v in a CGI variable", id, n, ok)
		}
		c := &client{host: "127.0.0.1:1"}
		var r wire.Request
		if n, status := wire.Parse(c.appendRequest(nil, id, &app.Steps{}), &r); n == 0 || status != 0 || r.ID != id {
			t.Fatalf("%d is %d on the wire, status %d", id, r.ID, status)
		}
		answer := wire.AppendResponse(nil, 200, true, id, 0)
		if resp, err := readResponse(bufio.NewReader(bytes.NewReader(answer))); err != nil || resp.request != id {
			t.Fatalf("%d is answered as %d: %v", id, resp.request, err)
		}
	})
}

func TestBackoff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Retry{Backoff: time.Duration(rapid.Int64Range(-1, int64(time.Hour)).Draw(t, "backoff"))}
		seed, first := rapid.Uint64().Draw(t, "seed"), rapid.Uint64Range(1, 1e6).Draw(t, "first")
		for attempt := 1; attempt <= MaxRetries; attempt++ {
			id := first | uint64(attempt)<<attemptShift
			d := r.delay(seed, id)
			most := min(float64(r.Backoff)*float64(int(1)<<(attempt-1)), float64(maxBackoff))
			if d < 0 || float64(d) > max(most, 0) {
				t.Fatalf("attempt %d waits for %v of %v", attempt, d, time.Duration(most))
			}
			if d != r.delay(seed, id) {
				t.Fatalf("attempt %d waits for something else the second time", attempt)
			}
		}
	})
	// Full jitter is uniform: half the most on average, and no two alike.
	r := Retry{Backoff: time.Second}
	for attempt, most := range []time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: maxBackoff, 12: maxBackoff} {
		if most == 0 {
			continue
		}
		const n = 4000
		var sum time.Duration
		seen := map[time.Duration]bool{}
		for i := range uint64(n) {
			d := r.delay(1, (i+1)|uint64(attempt)<<attemptShift)
			sum, seen[d] = sum+d, true
		}
		if share := float64(sum) / n / float64(most); share < 0.47 || share > 0.53 { // 6 sigma
			t.Errorf("attempt %d waits for %v of the most on average", attempt, share)
		}
		if len(seen) < n-2 {
			t.Errorf("attempt %d: %d different delays of %d", attempt, len(seen), n)
		}
	}
}

// log is what a generator calls, in order.
type log struct {
	mu   sync.Mutex
	list []string
}

func (l *log) add(format string, a ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, fmt.Sprintf(format, a...))
}

func short(id uint64) string {
	first, attempt := Attempt(id)
	return fmt.Sprintf("%d.%d", first, attempt)
}

// Each try is a request of its own, with the arrival's steps and without its
// fault, and it is told of in order.
func TestRetry(t *testing.T) {
	var asked atomic.Int32
	var wires log
	addr := serve(t, func(c *net.TCPConn) {
		line, _, _ := strings.Cut(request(c), "\r\n")
		wires.add("%s", line)
		if asked.Add(1) <= 2 {
			io.WriteString(c, "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n")
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	var told log
	r := newResults()
	var retries []Arrival
	var g *Generator
	g = New(Config{
		Targets: []Target{{3, addr}}, MaxInFlight: 1, // a retry takes the place of the one before
		OnArrival: func(a Arrival) { told.add("arrival %s", short(a.ID)) },
		Plan: func(a Arrival, model int) app.Steps {
			told.add("plan %s", short(a.ID))
			if _, attempt := Attempt(a.ID); attempt == 0 {
				a.Steps.Add(app.Step{Kind: app.Crash, N: 1})
			}
			return a.Steps
		},
		OnRetry: func(a Arrival, model int) {
			told.add("retry %s in %d", short(a.ID), model)
			retries = append(retries, a)
		},
		OnResult: func(x Result) {
			told.add("result %s %v", short(x.ID), x.Outcome)
			if x.Intended.After(x.Sent) || x.Faults.Has(app.Crash) != (x.ID == 5) {
				t.Errorf("%+v", x)
			}
			if x.Outcome == OK { // of the next one, what follows is not certain
				g.SetRetry(3, nil)
			}
			r.add(x)
		},
	})
	g.SetRetry(3, &Retry{Attempts: 5})
	a := Arrival{ID: 5, Intended: time.Now()}
	a.Steps.Add(app.Step{Kind: app.CPU, N: 7})
	g.arrive(a)
	got := r.wait(t, 3)
	drain(t, g)
	want := []string{"arrival 5.0", "plan 5.0", "result 5.0 error_status", "retry 5.1 in 3", "plan 5.1",
		"result 5.1 error_status", "retry 5.2 in 3", "plan 5.2", "result 5.2 ok"}
	if !slices.Equal(told.list, want) {
		t.Errorf("told %q, want %q", told.list, want)
	}
	want = []string{"GET /?cpu_us=7&crash=1 HTTP/1.1", "GET /?cpu_us=7 HTTP/1.1", "GET /?cpu_us=7 HTTP/1.1"}
	if !slices.Equal(wires.list, want) {
		t.Errorf("sent %q, want %q", wires.list, want)
	}
	if s := g.Stats(3); s != (Stats{Sent: 3, OK: 1, ErrorStatus: 2}) {
		t.Errorf("the books have %+v", s)
	}
	if g.Arrivals() != 1 {
		t.Errorf("%d arrivals", g.Arrivals())
	}
	if retries[0].Intended.Before(got[0].End) || retries[1].Intended.Before(got[1].End) {
		t.Error("a retry was intended before the try that failed had ended")
	}
}

// Whatever fails is tried again so often, and not a time more; what succeeds,
// never left the lab, or was given up is not.
func TestRetryOutcomes(t *testing.T) {
	say := func(s string) func(*net.TCPConn) {
		return func(c *net.TCPConn) { request(c); io.WriteString(c, s) }
	}
	for _, c := range []struct {
		outcome Outcome
		addr    string
		want    int
	}{
		{OK, serve(t, say("HTTP/1.1 204 OK\r\n\r\n")), 1},
		{ErrorStatus, serve(t, say("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")), 4},
		{Reset, serve(t, say("")), 4},
		{Refused, freePort(t), 4},
		{Timeout, serve(t, func(c *net.TCPConn) { request(c); io.Copy(io.Discard, c) }), 4},
	} {
		t.Run(c.outcome.String(), func(t *testing.T) {
			r := newResults()
			g := New(Config{Targets: []Target{{0, c.addr}, {1, freePort(t)}}, OnResult: r.add})
			g.SetRetry(0, &Retry{Attempts: 3, Patience: 50 * time.Millisecond, Backoff: time.Millisecond})
			g.SetRetry(9, &Retry{Attempts: 3}) // no such model: nothing happens
			g.arrive(Arrival{ID: 1, Intended: time.Now()})
			g.Drain(t.Context())
			var tries []int
			for _, x := range r.list {
				if x.Model == 1 {
					continue // once, and refused
				}
				if _, attempt := Attempt(x.ID); x.Outcome != c.outcome {
					t.Errorf("%+v", x)
				} else {
					tries = append(tries, attempt)
				}
			}
			if want := []int{0, 1, 2, 3}[:c.want]; !slices.Equal(tries, want) {
				t.Errorf("tries %v, want %v", tries, want)
			}
			if s := g.Stats(1); s != (Stats{Sent: 1, Refused: 1}) {
				t.Errorf("the model without retries: %+v", s)
			}
			drain(t, g)
		})
	}
	t.Run("local", func(t *testing.T) {
		r := newResults()
		g := New(Config{MaxInFlight: 1, Targets: []Target{{0, serve(t, func(c *net.TCPConn) { request(c); io.Copy(io.Discard, c) })}}, OnResult: r.add})
		g.SetRetry(0, &Retry{Attempts: 3})
		g.arrive(Arrival{ID: 1, Intended: time.Now()})
		g.arrive(Arrival{ID: 2, Intended: time.Now()})
		if x := r.wait(t, 1)[0]; x.ID != 2 || x.Outcome != Local {
			t.Errorf("%+v", x)
		}
		if n := g.GiveUp(0, func(uint64) bool { return true }); n != 1 {
			t.Errorf("%d gave up", n)
		}
		g.Drain(t.Context())
		if s := g.Stats(0); s != (Stats{Sent: 1, Timeout: 1, Local: 1}) {
			t.Errorf("the books have %+v", s)
		}
	})
}

// The limits hold, whoever asks for more.
func TestRetryLimits(t *testing.T) {
	r := newResults()
	g := New(Config{Targets: []Target{{0, freePort(t)}}, OnResult: r.add})
	g.SetRetry(0, &Retry{Attempts: 1000})
	g.arrive(Arrival{ID: 1, Intended: time.Now()})
	g.Drain(t.Context())
	if s := g.Stats(0); s != (Stats{Sent: 1 + MaxRetries, Refused: 1 + MaxRetries}) {
		t.Errorf("the books have %+v", s)
	}

	g = New(Config{MaxInFlight: 2, Targets: []Target{{0, freePort(t)}}, OnResult: r.add})
	g.SetRetry(0, &Retry{Attempts: 1, Backoff: time.Hour})
	for id := range uint64(5) {
		g.arrive(Arrival{ID: id + 1, Intended: time.Now()})
		eventually(t, "an end", func() bool { return g.InFlight(0) == 0 })
	}
	eventually(t, "three retries refused", func() bool { return g.Stats(0).Local == 3 })
	if s := g.Stats(0); s != (Stats{Sent: 5, Refused: 5, Local: 3}) {
		t.Errorf("the books have %+v", s)
	}
	if x := r.wait(t, 1+MaxRetries+8)[1+MaxRetries+7]; x.Err != "over the client's limit of retries that wait (2)" {
		t.Errorf("%+v", x)
	}
	drain(t, g)
}

// Retries that wait are dropped when they are withdrawn, and at the end; until
// then Drain waits for them.
func TestRetryWithdrawn(t *testing.T) {
	for name, end := range map[string]func(*Generator){
		"withdrawn": func(g *Generator) { g.SetRetry(0, nil); g.SetRetry(0, nil); g.Drain(context.Background()) },
		"cut off": func(g *Generator) {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
			defer cancel()
			g.Drain(ctx)
			if ctx.Err() == nil {
				t.Error("Drain didn't wait for retries")
			}
			g.SetRetry(0, &Retry{Attempts: 1}) // after the end: nothing happens
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResults()
			g := New(Config{Targets: []Target{{0, freePort(t)}}, OnResult: r.add,
				OnRetry: func(a Arrival, model int) { t.Errorf("request %d is tried again", a.ID) }})
			g.SetRetry(0, &Retry{Attempts: 3, Backoff: time.Hour})
			for id := range uint64(20) { // ten seconds at most: hardly one is due within the test
				if (&Retry{Backoff: time.Hour}).delay(0, (id+1)|1<<attemptShift) > 5*time.Second {
					g.arrive(Arrival{ID: id + 1, Intended: time.Now()})
				}
			}
			c := g.clients[0]
			eventually(t, "all wait", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.waiting == c.begun })
			g.SetRetry(0, &Retry{Attempts: 2, Backoff: time.Millisecond}) // those that wait go on waiting
			start := time.Now()
			end(g)
			if d := time.Since(start); d > 4*time.Second {
				t.Errorf("it took %v", d)
			}
			drain(t, g)
			if n := c.waiting; n != 0 {
				t.Errorf("%d retries wait", n)
			}
		})
	}
}

// Patience is a time-out that comes and goes with the retries, on kept
// connections too.
func TestPatience(t *testing.T) {
	answer := make(chan struct{})
	addr := serve(t, func(c *net.TCPConn) {
		for request(c) != "" {
			io.WriteString(c, "HTTP/1.1 204 OK\r\n\r\n")
			<-answer
		}
	})
	r := newResults()
	g := New(Config{KeepAlive: true, Targets: []Target{{0, addr}}, OnResult: r.add})
	g.SetRetry(0, &Retry{Patience: 50 * time.Millisecond})
	g.arrive(Arrival{ID: 1, Intended: time.Now()})
	if x := r.wait(t, 1)[0]; x.Outcome != OK {
		t.Errorf("%+v", x)
	}
	eventually(t, "the connection is kept", func() bool {
		c := g.clients[0]
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.idle) == 1
	})
	g.SetRetry(0, nil)
	g.arrive(Arrival{ID: 2, Intended: time.Now()})
	time.Sleep(100 * time.Millisecond)
	close(answer)
	if x := r.wait(t, 1)[1]; x.Outcome != OK || !x.Reused {
		t.Errorf("%+v", x)
	}
	drain(t, g)
}

// Whatever is turned on and off meanwhile: the books add up at every moment,
// each try is told of once and has one end, and nothing comes after the end.
func TestRetryRaces(t *testing.T) {
	addr := serve(t, func(c *net.TCPConn) {
		request(c)
		switch rand.IntN(5) {
		case 0:
			rst(c)
		case 1:
			io.Copy(io.Discard, c)
		case 2:
			io.WriteString(c, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
		default:
			io.WriteString(c, "HTTP/1.1 204 OK\r\n\r\n")
		}
	})
	r := newResults()
	var mu sync.Mutex
	begun := map[uint64]bool{}
	ended := false
	g := New(Config{Seed: 7, RatePerS: 300, Timeout: 100 * time.Millisecond, Targets: []Target{{0, addr}}, OnResult: r.add,
		OnArrival: func(a Arrival) { mu.Lock(); begun[a.ID] = true; mu.Unlock() },
		OnRetry: func(a Arrival, model int) {
			mu.Lock()
			defer mu.Unlock()
			first, attempt := Attempt(a.ID)
			if begun[a.ID] || !begun[first|uint64(attempt-1)<<attemptShift] || ended {
				t.Errorf("try %s is out of order, or after the end", short(a.ID))
			}
			begun[a.ID] = true
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var meddlers sync.WaitGroup
	for i := range 3 {
		meddlers.Go(func() {
			for ctx.Err() == nil {
				switch i {
				case 0:
					g.SetRetry(0, &Retry{Attempts: rand.IntN(4), Backoff: time.Duration(rand.IntN(3)) * 10 * time.Millisecond, Patience: 50 * time.Millisecond})
					time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
					g.SetRetry(0, nil)
				case 1:
					g.GiveUp(0, func(id uint64) bool { return id%16 == 0 })
				}
				if s := g.Stats(0); s.Sent != s.OK+s.ErrorStatus+s.Reset+s.Refused+s.Timeout+s.InFlight {
					t.Errorf("the books don't add up: %+v", s)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	meddlers.Wait()
	g.SetRetry(0, &Retry{Attempts: 3, Backoff: time.Second}) // some still wait when it ends
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	g.Drain(short)
	mu.Lock()
	ended = true
	mu.Unlock()
	drain(t, g)
	s := g.Stats(0)
	if uint64(len(begun)) != s.Sent+s.Local || uint64(len(r.list)) != s.Sent-s.InFlight+s.Local || s.Sent <= g.Arrivals() {
		t.Errorf("%d begun, %d ended, the books have %+v of %d arrivals", len(begun), len(r.list), s, g.Arrivals())
	}
	seen := map[uint64]bool{}
	for _, x := range r.list {
		if seen[x.ID] || !begun[x.ID] {
			t.Errorf("request %d has two ends, or no beginning", x.ID)
		}
		seen[x.ID] = true
	}
}
