package ui

import (
	"time"

	"forklore/sim"
)

// The charts show the last minute, with the ten snapshots that a second has.
const (
	historyFor = time.Minute
	historyLen = int(historyFor / sim.Interval)
)

// history is a ring of what the snapshots of the last minute said.
type history struct {
	point []moment
	next  int // where the next one goes, once the ring is full

	mostOf    [nMetrics]float32 // see most
	mostKnown bool
}

type moment struct {
	at    time.Duration
	model [sim.NModels]sample
}

// sample is a model at a moment. What it has no figure of is negative.
type sample struct {
	answered uint64 // since the start
	of       [nMetrics]float32
}

// metric is a figure that the charts show over time.
type metric int

const (
	answersMetric metric = iota // in the second that ends there
	p50Metric
	p99Metric
	memoryMetric // MiB
	procsMetric
	nMetrics
)

// add takes a snapshot in. A clock that goes back is another run's.
func (h *history) add(snap *sim.Snapshot) {
	if n := len(h.point); n > 0 {
		switch last := h.ago(0).at; {
		case snap.At < last:
			h.clear()
		case snap.At == last:
			return
		}
	}
	h.mostKnown = false
	m := moment{at: snap.At}
	before := h.before(snap.At - time.Second)
	for i := range snap.Model {
		ms, s := &snap.Model[i], &m.model[i]
		s.answered = ms.Requests.OK + ms.Requests.ErrorStatus
		for k := range s.of {
			s.of[k] = -1
		}
		if ms.State == sim.Off || ms.State == sim.Unavailable {
			continue
		}
		if before != nil && before.model[i].answered <= s.answered {
			s.of[answersMetric] = float32(float64(s.answered-before.model[i].answered) / (snap.At - before.at).Seconds())
		}
		if ms.Recent.Latency.N > 0 {
			s.of[p50Metric], s.of[p99Metric] = float32(ms.Recent.Latency.P50), float32(ms.Recent.Latency.P99)
		}
		s.of[memoryMetric] = float32(float64(ms.Memory.Bytes) / (1 << 20))
		s.of[procsMetric] = float32(ms.ProcsNow)
	}
	if len(h.point) < historyLen {
		h.point = append(h.point, m)
		return
	}
	h.point[h.next] = m
	h.next = (h.next + 1) % historyLen
}

// ago is the nth newest moment; 0 is the newest.
func (h *history) ago(n int) *moment {
	return &h.point[(h.next+len(h.point)-1-n+len(h.point))%len(h.point)]
}

// before is the newest moment that is not later than that, if it is not much
// older either.
func (h *history) before(at time.Duration) *moment {
	for n := range h.point {
		switch m := h.ago(n); {
		case m.at <= at-2*time.Second:
			return nil
		case m.at <= at:
			return m
		}
	}
	return nil
}

func (h *history) clear() { h.point, h.next, h.mostKnown = h.point[:0], 0, false }

// clone is for a picture that is held while the ring goes on.
func (h *history) clone() *history {
	if h == nil {
		return nil
	}
	return &history{point: append([]moment(nil), h.point...), next: h.next}
}

// bin is what a metric was during a column of dots: where it began and ended,
// and its lowest and highest value.
type bin struct {
	first, last, lo, hi float32
	known               bool
}

// bins spreads the last minute over the columns, the newest moment in the last
// one. A column always covers the same time while it moves to the left, so a
// chart doesn't shimmer.
func (h *history) bins(bins []bin, m sim.Model, what metric) {
	clear(bins)
	if h == nil || len(h.point) == 0 || len(bins) == 0 {
		return
	}
	each := historyFor / time.Duration(len(bins))
	begin := h.ago(0).at / each * each // of the last column
	i := len(bins) - 1
	for n, k := 0, (h.next+len(h.point)-1)%len(h.point); n < len(h.point); n++ {
		at := &h.point[k]
		if k--; k < 0 {
			k = len(h.point) - 1
		}
		for ; at.at < begin; begin -= each {
			i--
		}
		if i < 0 {
			break
		}
		v := at.model[m].of[what]
		if v < 0 {
			continue
		}
		b := &bins[i]
		if !b.known {
			*b = bin{v, v, v, v, true}
		}
		b.first, b.lo, b.hi = v, min(b.lo, v), max(b.hi, v)
	}
}
