package traffic

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"forklore/sim"
)

// mostUS is the longest time that a histogram holds. What takes longer counts
// as so long.
const mostUS = int64(10 * time.Minute / time.Microsecond)

func newHistogram(digits int) *hdrhistogram.Histogram { return hdrhistogram.New(1, mostUS, digits) }

func record(h *hdrhistogram.Histogram, d time.Duration) {
	h.RecordValue(min(max(d.Microseconds(), 1), mostUS)) // in bounds, so it can't fail
}

// Figures are the quantiles of a duration. N is how many values they rest on.
type Figures struct {
	P50, P90, P99, Max time.Duration
	N                  uint64
}

func figures(h *hdrhistogram.Histogram) Figures {
	us := h.ValueAtPercentilesSlice([]float64{50, 90, 99, 100})
	d := func(i int) time.Duration { return time.Duration(us[i]) * time.Microsecond }
	return Figures{P50: d(0), P90: d(1), P99: d(2), Max: d(3), N: uint64(h.TotalCount())}
}

// Recent is what a Window has seen.
type Recent struct {
	Latency   Figures // of the answered requests
	Histogram sim.Histogram
	Ended     uint64 // requests that have ended, whatever their outcome
	OK        uint64
	// OKShare is OK / Ended, 1 if nothing has ended.
	OKShare      float64
	AnsweredPerS float64 // complete answers, of any status
}

// Window holds the last seconds, in buckets of one second that are dropped as
// they get too old. It is for the screen: its quantiles are right to 1 %, and
// it is read at a cost that doesn't depend on the traffic. Not safe for
// concurrent use; Meter is.
type Window struct {
	origin  time.Time
	last    int64                   // the newest second that was seen, from origin
	seconds []bucket                // second n is seconds[n%len]
	all     *hdrhistogram.Histogram // Snapshot's sum of them
}

type bucket struct {
	latency             *hdrhistogram.Histogram
	histogram           sim.Histogram
	ended, ok, answered uint64
}

// NewWindow makes a window of that many seconds that begins now. The second
// that is under way is one of them.
func NewWindow(seconds int, now time.Time) *Window {
	w := &Window{origin: now, seconds: make([]bucket, seconds), all: newHistogram(2)}
	for i := range w.seconds {
		w.seconds[i].latency = newHistogram(2)
	}
	return w
}

// turn drops what is too old at that time, and returns its second.
func (w *Window) turn(now time.Time) int64 {
	n := int64(now.Sub(w.origin) / time.Second)
	for s := max(w.last+1, n-int64(len(w.seconds))+1); s <= n; s++ {
		b := w.bucket(s)
		b.latency.Reset()
		*b = bucket{latency: b.latency}
	}
	w.last = max(w.last, n)
	return n
}

func (w *Window) bucket(second int64) *bucket { return &w.seconds[second%int64(len(w.seconds))] }

// Add counts a result in the second in which it ended.
func (w *Window) Add(r *Result) {
	n := w.turn(r.End)
	if r.Outcome == Local || n < 0 || n <= w.last-int64(len(w.seconds)) {
		return
	}
	b := w.bucket(n)
	b.ended++
	switch r.Outcome {
	case OK:
		b.ok++
		b.answered++
		record(b.latency, r.Latency())
		b.histogram.Count(r.Latency().Microseconds())
	case ErrorStatus:
		b.answered++
	}
}

// Snapshot returns the figures of the window that ends at that time.
func (w *Window) Snapshot(now time.Time) Recent {
	w.turn(now)
	r := Recent{OKShare: 1}
	var answered uint64
	w.all.Reset()
	for i := range w.seconds {
		b := &w.seconds[i]
		r.Ended += b.ended
		r.OK += b.ok
		answered += b.answered
		if b.ok > 0 {
			w.all.Merge(b.latency)
			r.Histogram.Add(&b.histogram)
		}
	}
	r.Latency = figures(w.all)
	if r.Ended > 0 {
		r.OKShare = float64(r.OK) / float64(r.Ended)
	}
	// The oldest second that is held began at a whole second; the newest is
	// under way. A young window is shorter; one second is the least that a
	// rate can be told from.
	first := max(w.last-int64(len(w.seconds))+1, 0)
	span := now.Sub(w.origin) - time.Duration(first)*time.Second
	r.AnsweredPerS = float64(answered) / max(span, time.Second).Seconds()
	return r
}

// recentSeconds is the window of the screen.
const recentSeconds = 10

// Meter is a model's latencies: of the whole run, and lately. Only answered
// requests have one; how many were not is what the share says.
type Meter struct {
	mu     sync.Mutex
	total  *hdrhistogram.Histogram
	window *Window
}

// NewMeter makes a meter whose first second begins now.
func NewMeter() *Meter {
	return &Meter{total: newHistogram(3), window: NewWindow(recentSeconds, time.Now())}
}

// Add counts a result. It costs a microsecond and is safe for concurrent use.
func (m *Meter) Add(r *Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Outcome == OK {
		record(m.total, r.Latency())
	}
	m.window.Add(r)
}

// Total returns the latencies of the whole run.
func (m *Meter) Total() Figures {
	m.mu.Lock()
	defer m.mu.Unlock()
	return figures(m.total)
}

// Recent returns the figures of the last ten seconds.
func (m *Meter) Recent() Recent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.window.Snapshot(time.Now())
}
