package ui

import (
	"strconv"

	"forklore/sim"
)

// Lines of all four models on one axis. The canvas is ours rather than
// ntcharts': that one keeps a Lip Gloss style and renders it for each cell,
// where these lines are bytes that go into the frame's own.

// seriesStyle is a model's style in a chart. Its number stands on the line, so
// that nothing rests on the colour.
var seriesStyle = [sim.NModels]style{series1, series2, series3, series4}

// comparePanels are the charts, in the order of their use.
var comparePanels = [...]struct {
	metric metric
	id     string
}{
	{answersMetric, "compare.answers"},
	{memoryMetric, "compare.memory"},
	{p50Metric, "compare.p50"},
	{p99Metric, "compare.p99"},
	{procsMetric, "compare.procs"},
}

const (
	panelMargin = 5  // behind a chart, for the lines' numbers
	panelLeast  = 5  // rows: heading, three of the chart, axis
	twoPanels   = 78 // cells from which two stand side by side
)

// compareRows is how many panels are above each other, and how many rows each
// of them has; side is how many stand beside each other.
func (f *frame) compareRows() (rows, height, side int) {
	n := len(comparePanels) + 1 // and the table
	room := f.h - 4
	side = 1
	if f.w >= twoPanels {
		side = 2
	}
	rows = min(max(room/panelLeast, 1), (n+side-1)/side)
	return rows, room / rows, side
}

// compareBottom is how far the panels can be scrolled, in panels.
func (f *frame) compareBottom() int {
	rows, _, side := f.compareRows()
	return max(len(comparePanels)+1-rows*side, 0)
}

// compare draws the page.
func (f *frame) compare() {
	rows, height, side := f.compareRows()
	f.legendModels(1, 0, f.w)
	width := (f.w - 2*(side-1)) / side
	from := min(f.st.scroll, f.compareBottom())
	for i := from; i < min(from+rows*side, len(comparePanels)+1); i++ {
		at := i - from
		y, x := 2+at/side*height, at%side*(width+2)
		if i == len(comparePanels) {
			f.compareTable(y, x, width)
			continue
		}
		f.panel(i, y, x, width, height)
	}
	f.noticeRowOver(f.h - 2)
	f.keyRow(f.h - 1)
}

// legendModels names the lines: number, word and colour.
func (f *frame) legendModels(y, x, w int) {
	end := x + w
	x = f.put(y, x, w, strong, fit(w/3, f.t("compare.title"), f.t("compare.title_brief")))
	for m := range sim.NModels {
		name := digit(m) + " " + f.t("label."+m.String())
		if x+2+cells(name) <= end {
			x = f.put(y, x+2, end-x-2, seriesStyle[m], name)
		}
	}
}

// panel draws one chart: its heading, its lines, its axis.
func (f *frame) panel(i, y, x, w, height int) {
	what := comparePanels[i].metric
	f.put(y, x, w, plain, fit(w, f.t(comparePanels[i].id), f.t(comparePanels[i].id+"_brief")))
	rows := height - 2
	lines := max(w-chartLabel-panelMargin, 8)
	top := f.top(what)
	p := &f.plot
	p.reset(lines+panelMargin, rows)
	bins := f.bins
	if len(bins) < 2*lines {
		bins = make([]bin, 2*lines)
		f.bins = bins
	}
	bins = bins[:2*lines]
	var labels [sim.NModels]int // row of the line's end
	for m := range sim.NModels {
		f.st.hist.bins(bins, m, what)
		fill(bins)
		labels[m] = f.trace(p, bins, top, seriesStyle[m])
		for x := 3 + 4*int(m); x < lines-2; x += 20 {
			if b := &bins[2*x]; b.known && lines >= 40 {
				p.letter(x, p.level(float64(b.last), top)/4, digit(m)[0], seriesStyle[m])
			}
		}
	}
	for m, row := range labels {
		if row < 0 {
			continue
		}
		at := lines + 1 // beside those whose line ends in the same row
		for other := range m {
			if labels[other] == row {
				at++
			}
		}
		p.letter(at, row, digit(sim.Model(m))[0], seriesStyle[m])
	}
	label := axisLabel(top)
	if what == memoryMetric {
		label = mibLabel(top)
	}
	f.scale(y+1, x, rows, label)
	f.drawPlot(p, y+1, x+chartLabel)
	f.axis(y+1+rows, x+chartLabel, lines, sim.AllModels)
}

// trace draws a metric and returns the row of cells that it ends in, -1 if it
// has no end there.
func (f *frame) trace(p *plot, bins []bin, top float64, st style) int {
	for dot := range bins {
		b := &bins[dot]
		if !b.known {
			continue
		}
		lo, hi := b.lo, b.hi
		if dot > 0 && bins[dot-1].known {
			before := bins[dot-1].last
			lo, hi = min(lo, before), max(hi, before)
		}
		p.column(dot, p.level(float64(hi), top), p.level(float64(lo), top), st)
	}
	if last := &bins[len(bins)-1]; last.known {
		return p.level(float64(last.last), top) / 4
	}
	return -1
}

// top is the scale's end. The two latencies have the same, or one would look
// like the other.
func (f *frame) top(what metric) float64 {
	switch what {
	case memoryMetric:
		return f.memoryTop()
	case p50Metric, p99Metric:
		return nice(max(f.st.hist.most(p50Metric), f.st.hist.most(p99Metric)))
	}
	return nice(f.st.hist.most(what))
}

// Columns of the table below the charts: the figures now.
var tableColumns = []struct {
	id    string
	width int
}{{"compare.col_answers", 6}, {"compare.col_p50", 6}, {"compare.col_p99", 6}, {"compare.col_memory", 6}, {"compare.col_procs", 5}}

// compareTable has the figures of now, which the lines end in.
func (f *frame) compareTable(y, x, w int) {
	name := max(w-29, 8)
	row := func(y int, st style, first string, of []string) {
		f.put(y, x, name, st, first)
		at := x + name
		for i, c := range tableColumns {
			f.right(y, at+c.width, st, clip(of[i], c.width-1))
			at += c.width
		}
	}
	var heads []string
	for _, c := range tableColumns {
		heads = append(heads, f.t(c.id))
	}
	row(y, faint, f.t("compare.table"), heads)
	for m := range sim.NModels {
		ms := &f.snap.Model[m]
		of := []string{"-", "-", "-", "-", "-"}
		if ms.State != sim.Off && ms.State != sim.Unavailable {
			of[0] = perSecond(ms.Recent.AnsweredPerS)
			if ms.Recent.Latency.N > 0 {
				of[1], of[2] = millis(ms.Recent.Latency.P50), millis(ms.Recent.Latency.P99)
			}
			of[3] = mibLabel(float64(ms.Memory.Bytes) / (1 << 20))
			of[4] = strconv.Itoa(ms.ProcsNow)
		}
		row(y+1+int(m), seriesStyle[m], digit(m)+" "+f.t("label."+m.String()), of)
	}
}
