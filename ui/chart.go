package ui

import (
	"math"
	"strconv"
	"strings"
	"time"

	"forklore/sim"
)

// chartLabel is the room before a chart for what its top and its bottom mean.
const chartLabel = 5

// memoryChart is the model's memory over the last minute: an area on a scale
// that starts at zero and is the same for all four, with the limit above it.
func (f *frame) memoryChart(m sim.Model, ms *sim.ModelState, y, x, w, rows int) {
	top := f.memoryTop()
	p := &f.plot
	p.reset(w-chartLabel, rows)
	limit := float64(ms.Memory.LimitBytes) / (1 << 20)
	if limit > 0 {
		for dot, at := 0, p.level(limit, top); dot < 2*p.w; dot += 2 {
			p.set(dot, at, faint)
		}
	}
	bins := f.binsFor(p)
	f.st.hist.bins(bins, m, memoryMetric)
	fill(bins)
	for dot := range bins {
		b := &bins[dot]
		if !b.known {
			continue
		}
		st := good
		if limit > 0 {
			st = fullness(float64(b.hi) / limit)
		}
		p.column(dot, p.level(float64(b.hi), top), 4*p.h-1, st)
	}
	f.scale(y, x, rows, mibLabel(top))
	f.drawPlot(p, y, x+chartLabel)
	f.axis(y+rows, x+chartLabel, p.w, sim.Models(0).With(m))
}

// fullness is the style of a share of the limit.
func fullness(share float64) style {
	switch {
	case share >= 0.9:
		return bad
	case share >= 0.7:
		return warn
	}
	return good
}

// binsFor is the frame's buffer, a bin for each column of dots.
func (f *frame) binsFor(p *plot) []bin {
	n := 2 * p.w
	for len(f.bins) < n {
		f.bins = append(f.bins, bin{})
	}
	return f.bins[:n]
}

// fill bridges columns without a moment of their own, up to a second: snapshots
// come a little earlier or later than every 100 ms.
func fill(bins []bin) {
	most := max(len(bins)/int(historyFor/time.Second), 1)
	empty := most + 1
	for i := range bins {
		if bins[i].known {
			if empty > 0 && empty <= most {
				v := bins[i-empty-1].last
				for j := i - empty; j < i; j++ {
					bins[j] = bin{v, v, v, v, true}
				}
			}
			empty = 0
			continue
		}
		empty++
	}
}

// memoryTop is the scale's end in MiB: the highest limit, or without one what
// there was most of.
func (f *frame) memoryTop() float64 {
	top := 0.0
	for m := range f.snap.Model {
		top = max(top, float64(f.snap.Model[m].Memory.LimitBytes)/(1<<20))
	}
	if most := f.st.hist.most(memoryMetric); most > top*1.05 {
		top = nice(most)
	}
	return max(top, 1)
}

// most is the metric's highest value of the last minute, in any model. It is
// looked for once a snapshot.
func (h *history) most(what metric) float64 {
	if h == nil {
		return 0
	}
	if !h.mostKnown {
		h.mostOf, h.mostKnown = [nMetrics]float32{}, true
		for i := range h.point {
			for m := range h.point[i].model {
				for k, v := range h.point[i].model[m].of {
					h.mostOf[k] = max(h.mostOf[k], v)
				}
			}
		}
	}
	return float64(h.mostOf[what])
}

// nice rounds up to a number that a scale may end in.
func nice(v float64) float64 {
	if v <= 1 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, k := range [...]float64{1, 2, 3, 4, 5, 6, 8} {
		if v <= k*power {
			return k * power
		}
	}
	return 10 * power
}

// scale says what the chart's uppermost row is, and that its lowest is zero.
func (f *frame) scale(y, x, rows int, top string) {
	put := func(y int, s string) { f.put(y, x+max(chartLabel-1-cells(s), 0), chartLabel-1, faint, s) }
	put(y, top)
	if rows > 1 {
		put(y+rows-1, "0")
	}
}

// axisLabel writes a scale's end in four cells.
func axisLabel(v float64) string {
	switch {
	case v >= 9.5e6:
		return strconv.FormatFloat(v/1e6, 'f', 0, 64) + "M"
	case v >= 9999.5:
		return strconv.FormatFloat(v/1e3, 'f', 0, 64) + "k"
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

func mibLabel(v float64) string {
	if v >= 9999.5 {
		return strconv.FormatFloat(v/1024, 'f', 0, 64) + "G"
	}
	return axisLabel(v)
}

// axis is the row below a chart: a minute ago, now, and where faults went into
// these models.
func (f *frame) axis(y, x, w int, models sim.Models) {
	type piece struct {
		at   int
		text string
		st   style
	}
	var pieces []piece
	free := func(at, n int) bool {
		if at < 0 || at+n > w {
			return false
		}
		for _, p := range pieces {
			if at < p.at+cells(p.text)+1 && p.at < at+n+1 {
				return false
			}
		}
		return true
	}
	for _, id := range f.groups() { // the newest first
		in := f.effect(id, models)
		if in == nil || len(pieces) == 8 {
			continue
		}
		at := dotAt(in.At, f.snap.At, 2*w) / 2
		if at < 0 {
			continue
		}
		name := strings.ToLower(f.called(in.Fault))
		switch n := cells(name); {
		case free(at, n+2):
			pieces = append(pieces, piece{at, "^ " + name, note})
		case free(at-n-1, n+2):
			pieces = append(pieces, piece{at - n - 1, name + " ^", note})
		case free(at, 1):
			pieces = append(pieces, piece{at, "^", note})
		}
	}
	if start := f.t("chart.start"); free(0, cells(start)) {
		pieces = append(pieces, piece{0, start, faint})
	}
	for len(pieces) > 0 { // from left to right
		first := 0
		for i := range pieces {
			if pieces[i].at < pieces[first].at {
				first = i
			}
		}
		p := pieces[first]
		f.put(y, x+p.at, w-p.at, p.st, p.text)
		pieces[first] = pieces[len(pieces)-1]
		pieces = pieces[:len(pieces)-1]
	}
	f.right(y, x+w, faint, f.t("tape.now")) // if no mark is there
}

// effect is the incident of a group that came first to one of these models,
// nil if none did.
func (f *frame) effect(id groupID, models sim.Models) (first *sim.Incident) {
	for i := range f.snap.Current {
		in := &f.snap.Current[i]
		if models.Has(in.Model) && id.has(in) && (first == nil || in.At < first.At) {
			first = in
		}
	}
	return first
}

// dotAt is the column of dots, of that many, that a time of the last minute is
// drawn in; negative before it.
func dotAt(at, now time.Duration, dots int) int {
	each := historyFor / time.Duration(max(dots, 1))
	return dots - 1 - int(now/each-at/each)
}
