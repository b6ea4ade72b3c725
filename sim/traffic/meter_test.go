package traffic

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The window against a list of everything that it was told.
func TestWindowProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 12).Draw(t, "seconds")
		origin := time.Unix(1_000_000, 0)
		w := NewWindow(size, origin)
		type end struct {
			second  int64
			latency time.Duration
			outcome Outcome
		}
		var all []end
		now := origin
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "gap")))
			if rapid.IntRange(0, 20).Draw(t, "pause") == 0 {
				now = now.Add(time.Duration(size) * time.Second)
			}
			latency := time.Duration(rapid.Int64Range(1, 1e10).Draw(t, "latency"))
			o := Outcome(rapid.IntRange(0, int(nOutcomes)-1).Draw(t, "outcome"))
			// Ends are reported by many goroutines, so not in their order.
			at := now.Add(-time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "late")))
			if at.Before(origin) {
				at = origin
			}
			w.Add(&Result{Intended: at.Add(-latency), End: at, Outcome: o})
			all = append(all, end{int64(at.Sub(origin) / time.Second), latency, o})
			if rapid.Bool().Draw(t, "look") {
				w.Snapshot(now)
			}
		}
		got := w.Snapshot(now)

		var ended, ok uint64
		var answered float64
		var latencies []time.Duration
		newest := int64(now.Sub(origin) / time.Second)
		for _, e := range all {
			if e.second <= newest-int64(size) || e.outcome == Local {
				continue
			}
			ended++
			if e.outcome == OK || e.outcome == ErrorStatus {
				answered++
			}
			if e.outcome == OK {
				ok++
				latencies = append(latencies, e.latency)
			}
		}
		if got.Ended != ended || got.OK != ok || got.Latency.N != ok {
			t.Fatalf("%d ended, %d ok, %d latencies, want %d, %d", got.Ended, got.OK, got.Latency.N, ended, ok)
		}
		share := 1.0
		if ended > 0 {
			share = float64(ok) / float64(ended)
		}
		if got.OKShare != share {
			t.Fatalf("share %v, want %v", got.OKShare, share)
		}
		span := now.Sub(origin) - time.Duration(max(newest-int64(size)+1, 0))*time.Second
		if want := answered / max(span.Seconds(), 1); math.Abs(got.AnsweredPerS-want) > 1e-9 {
			t.Fatalf("%v a second, want %v", got.AnsweredPerS, want)
		}
		slices.Sort(latencies)
		for _, q := range []struct {
			p   float64
			got time.Duration
		}{{50, got.Latency.P50}, {90, got.Latency.P90}, {99, got.Latency.P99}, {100, got.Latency.Max}} {
			if ok == 0 {
				break
			}
			rank := max(int(q.p/100*float64(ok)+0.5), 1) // the nearest, as HdrHistogram has it
			want := latencies[rank-1].Truncate(time.Microsecond)
			if d := q.got - want; d < -time.Microsecond || d > want/100+time.Microsecond {
				t.Fatalf("p%v is %v, want %v", q.p, q.got, want)
			}
		}
	})
}

func TestMeterTotal(t *testing.T) {
	m := NewMeter()
	now := time.Now()
	var all sync.WaitGroup
	for range 4 { // for the race detector, and for the lock
		all.Go(func() {
			for i := range 250 {
				m.Add(&Result{Intended: now, End: now.Add(time.Duration(i+1) * time.Millisecond)})
				m.Add(&Result{Intended: now, End: now.Add(time.Hour), Outcome: Timeout})
				m.Recent()
			}
		})
	}
	all.Wait()
	got := m.Total()
	for _, c := range []struct{ got, want time.Duration }{
		{got.P50, 125 * time.Millisecond}, {got.P90, 225 * time.Millisecond}, {got.P99, 248 * time.Millisecond}, {got.Max, 250 * time.Millisecond},
	} {
		if d := c.got - c.want; d < 0 || d > c.want/1000 {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if got.N != 1000 {
		t.Errorf("%d latencies, want 1000: only answers have one", got.N)
	}
	// Longer than the histogram goes is as long as it goes.
	m.Add(&Result{Intended: now.Add(-24 * time.Hour), End: now})
	if got := m.Total().Max; got < 10*time.Minute || got > 11*time.Minute {
		t.Errorf("a day was entered as %v", got)
	}
}

func BenchmarkMeterAdd(b *testing.B) {
	m := NewMeter()
	now := time.Now()
	r := Result{Intended: now, End: now.Add(time.Millisecond)}
	for b.Loop() {
		m.Add(&r)
	}
}

func BenchmarkMeterRecent(b *testing.B) {
	m := NewMeter()
	now := time.Now()
	for i := range 10_000 {
		m.Add(&Result{Intended: now, End: now.Add(time.Duration(i) * time.Millisecond)})
	}
	for b.Loop() {
		m.Recent()
	}
}
