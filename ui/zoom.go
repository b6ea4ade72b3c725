package ui

import (
	"strconv"
	"strings"
	"time"

	"forklore/sim"
)

// Zoom is one model on a page: its processes by name and pid, the latencies of
// the last ten seconds, what its memory consists of, what its starts take, and
// its last incidents.

// psNames are the processes' names as ps and htop have them.
var psNames = [sim.NModels]struct{ parent, child string }{
	sim.CGI:       {"forklore: cgi host", "forklore: cgi call"},
	sim.Prefork:   {"forklore: prefork parent", "forklore: prefork worker"},
	sim.EventLoop: {"", "forklore: event loop"},
	sim.Container: {"forklore: container host", "forklore: sandbox call"},
}

// zoomParts is how the page's rows are shared out.
type zoomParts struct {
	top, bottom int // rows of the two halves, the latter excluded
	incidents   int // of two rows each
	chart       int // rows of the histogram, and of the memory's chart
	memoryChart int
}

func (f *frame) zoomParts() zoomParts {
	p := zoomParts{top: 2, incidents: 2, chart: 4}
	spare := f.h - minHeight
	p.incidents += min(spare/8, 4)
	p.bottom = f.h - 3 - 2*p.incidents - 1
	spare -= 2 * (p.incidents - 2)
	if spare >= 6 {
		p.memoryChart = min(spare-2, 8)
		spare -= p.memoryChart + 2
	}
	p.chart += min(max(spare, 0), 6)
	return p
}

// zoom draws the page of the model that is shown.
func (f *frame) zoom() {
	m := f.st.shown
	ms := &f.snap.Model[m]
	look := stateLook[ms.State]
	x := f.put(1, 0, f.w, strong, digit(m)+" "+f.t("name.long."+f.kindOf(m, ms)))
	x = f.put(1, x+2, f.w, look.style, look.glyph+" "+f.t("state.long."+string(ms.State)))
	f.put(1, x+2, f.w, faint, f.t("subtitle."+f.kindOf(m, ms)))
	if f.snap.Played == nil { // else nobody listens there any more
		f.right(1, f.w, faint, ms.Address)
	}

	if !f.absent(ms, 3, 0, f.w, f.h-3) {
		parts := f.zoomParts()
		half := f.w/2 - 1
		f.tree(m, ms, parts, half)
		y := f.histogram(ms, parts.top, half+2, f.w-half-2, parts.chart)
		y = f.memorySplit(m, ms, y, half+2, f.w-half-2, parts.memoryChart)
		f.times(m, ms, y, half+2, f.w-half-2, parts.bottom)
		f.lastIncidents(m, parts.bottom, parts.incidents)
	}
	f.noticeRowOver(f.h - 2)
	f.keyRow(f.h - 1)
}

// treeRows is how many lines the process tree has: the parent's, and below it
// one for each that serves.
func treeRows(ms *sim.ModelState) int {
	n := taken(ms.Procs)
	if ms.Parent != nil {
		n++
	}
	return n
}

// treeLines are so many of them, from one on.
func (f *frame) treeLines(m sim.Model, ms *sim.ModelState, w, from, n int) []string {
	names := psNames[m]
	if ms.Mode == sim.ModePrewarmed || ms.Mode == sim.ModeWarm { // made before their call
		names.child = "forklore: sandbox"
	}
	var lines []string
	indent := ""
	if ms.Parent != nil {
		if from == 0 {
			lines = append(lines, names.parent+" "+strconv.Itoa(ms.Parent.Pid))
		}
		from, indent = max(from-1, 0), "  "
	}
	for i := range ms.Procs {
		p := &ms.Procs[i]
		if p.State == 0 {
			continue
		}
		if from > 0 {
			from--
			continue
		}
		if len(lines) >= n {
			break
		}
		letter, _ := procLook(p)
		line := indent + names.child + " " + strconv.Itoa(p.Pid) + " " + string(rune(letter))
		request := ""
		if p.Request != 0 {
			request = " #" + plainNumber(p.Request)
		}
		since := ""
		if p.Since > 0 && p.Since < time.Hour && p.State != 'X' {
			since = " " + f.units(seconds(p.Since))
		}
		lines = append(lines, fit(w, line+request+since, line+request, line))
	}
	return lines
}

// tree draws the part of it that the user has scrolled to, and says what isn't
// shown.
func (f *frame) tree(m sim.Model, ms *sim.ModelState, parts zoomParts, w int) {
	y := parts.top
	data := map[string]any{"Now": count(ms.ProcsNow), "Peak": count(ms.ProcsPeak),
		"Started": count(ms.ProcsStarted), "Ended": count(ms.ProcsEnded)}
	f.put(y, 0, w, strong, fit(w, f.word.T("zoom.procs", data), f.word.T("procs.count", data)))
	y++
	if ms.Aggregate {
		f.put(y, 0, w, plain, f.tn("procs.only", ms.ProcsNow))
		return
	}
	if ms.State == sim.Down && ms.Why != "" {
		f.put(y, 0, w, bad, clipDots(clean(ms.Why), w))
		y++
	}
	rows, room := treeRows(ms), parts.bottom-y
	from := min(f.st.scroll, max(rows-room, 0))
	rest := rows - from - room
	for i, line := range f.treeLines(m, ms, w, from, room) {
		if rest > 0 && i == room-1 {
			f.put(y+i, 0, w, faint, f.tn("procs.more", rest+1)+" "+f.t("zoom.scroll"))
			break
		}
		f.put(y+i, 0, w, plain, line)
	}
}

// zoomBottom is how far the tree can be scrolled.
func (f *frame) zoomBottom() int {
	parts := f.zoomParts()
	return max(treeRows(&f.snap.Model[f.st.shown])-(parts.bottom-parts.top-1), 0)
}

// histogram draws how many answers took how long, a column a bucket, and
// returns the row below.
func (f *frame) histogram(ms *sim.ModelState, y, x, w, rows int) int {
	l := &ms.Recent.Latency
	data := map[string]any{"N": int(l.N), "Count": count(l.N)}
	f.put(y, x, w, strong, fit(w, f.word.T("zoom.latency", data), f.word.T("zoom.latency_brief", data)))
	y++
	if l.N == 0 {
		f.put(y, x, w, faint, f.t("zoom.no_answers"))
		return y + rows + 2
	}
	quantiles := "p50 " + millis(l.P50) + "  p90 " + millis(l.P90) + "  p99 " + millis(l.P99) + "  max " + millis(l.Max) + " ms"
	f.put(y, x, w, plain, fit(w, quantiles, strings.ReplaceAll(quantiles, "  ", " ")))
	y++
	each := max((w-chartLabel)/sim.HistogramLen, 1)
	most := uint32(1)
	for _, n := range ms.Recent.Histogram {
		most = max(most, n)
	}
	p := &f.plot
	p.reset(each*sim.HistogramLen, rows)
	for i, n := range ms.Recent.Histogram {
		if n == 0 {
			continue
		}
		for dot := 2 * i * each; dot < 2*(i+1)*each-each/2; dot++ {
			p.column(dot, p.level(float64(n), float64(most)), 4*rows-1, good)
		}
	}
	f.scale(y, x, rows, axisLabel(float64(most)))
	f.drawPlot(p, y, x+chartLabel)
	at := x + chartLabel
	for i := 1; i < sim.HistogramLen; i += 4 {
		label := axisLabel(sim.BucketMS(i))
		if i == 1 {
			label += "ms"
		}
		f.put(y+rows, at+i*each, 4*each, faint, label)
	}
	return y + rows + 1
}

// memorySplit says what the memory consists of, and draws it over time where
// there is room. It returns the row below.
func (f *frame) memorySplit(m sim.Model, ms *sim.ModelState, y, x, w, chart int) int {
	mem := &ms.Memory
	f.put(y, x, w, strong, fit(w, f.t("zoom.memory")+"  "+f.memory(ms, w), f.memory(ms, w)))
	y++
	kinds := f.word.T("zoom.split", map[string]any{
		"Anon": bytesText(mem.AnonBytes), "File": bytesText(mem.FileBytes), "Kernel": bytesText(mem.KernelBytes),
	})
	if mem.AnonBytes+mem.FileBytes+mem.KernelBytes == 0 {
		kinds = f.word.T("zoom.no_split", map[string]any{"Source": mem.Source})
	}
	f.put(y, x, w, plain, kinds)
	f.put(y+1, x, w, plain, f.word.T("zoom.kills", map[string]any{
		"Kills": count(mem.OOMKills), "Pids": count(mem.PidsNow), "Peak": count(mem.PidsPeak),
	}))
	y += 2
	if chart > 2 {
		f.memoryChart(m, ms, y, x, w, chart-1)
		y += chart
	}
	return y
}

// bytesText writes a part of the memory, which may be less than a MiB.
func bytesText(b int64) string {
	if b > 0 && b < 10<<20 {
		return strconv.FormatFloat(float64(b)/(1<<20), 'f', 1, 64)
	}
	return strings.TrimSuffix(mib(b), " MiB")
}

// times are what the model's own work takes, since the start, and what only
// this model has.
func (f *frame) times(m sim.Model, ms *sim.ModelState, y, x, w, bottom int) {
	const each = 7
	name := max(w-4*each, 8)
	row := func(label string, st style, of [4]string) {
		if y >= bottom {
			return
		}
		f.put(y, x, name, st, label)
		for i, s := range of {
			f.right(y, x+name+(i+1)*each, st, s)
		}
		y++
	}
	start := "zoom.time.start"
	if m == sim.Container { // others have no warm one
		start = "zoom.time.cold"
	}
	row(f.t("zoom.times"), strong, [4]string{"p50", "p99", "max", "n"})
	for _, of := range []struct {
		id string
		q  *sim.Quantiles
	}{
		{start, &ms.StartMS}, {"zoom.time.warm", &ms.WarmStartMS}, {"zoom.time.call", &ms.CallMS},
		{"zoom.time.destroy", &ms.DestroyMS}, {"zoom.time.answer", &ms.Latency},
	} {
		if of.q.N > 0 {
			row(f.t(of.id), plain, [4]string{millis(of.q.P50), millis(of.q.P99), millis(of.q.Max), count(of.q.N)})
		}
	}
	if y < bottom {
		own := f.own(m, ms, w)
		if m == sim.EventLoop {
			own = f.word.T("zoom.lag", map[string]any{
				"InFlight": count(ms.InFlight), "Lag": f.units(millis(ms.LagMS) + " ms"), "Max": f.units(millis(ms.LagMaxMS) + " ms"),
			})
		}
		f.put(y, x, w, plain, own)
		y++
	}
	if y < bottom {
		f.put(y, x, w, faint, f.word.T("zoom.cpu", map[string]any{
			"CPU": f.units(span(ms.CPU)), "Restarts": count(ms.Restarts),
		}))
	}
}

// lastIncidents are the model's, the newest first, with their figures and proof.
func (f *frame) lastIncidents(m sim.Model, y, n int) {
	f.put(y, 0, f.w, strong, f.t("zoom.incidents"))
	y++
	if f.st.blind() {
		f.put(y, 0, f.w, faint, f.t("events.blind"))
		return
	}
	begin := y
	for i := len(f.snap.Current) - 1; i >= 0 && y < begin+2*n; i-- {
		in := &f.snap.Current[i]
		if in.Model != m || in.At <= f.st.resetAt && f.st.resetAt > 0 {
			continue
		}
		figure, st := f.figure(in)
		x := f.put(y, 0, f.w, faint, clock(in.At)) + 1
		f.put(y, x, figureWidth, st, figure)
		f.put(y, x+figureWidth, f.w, plain, f.sentence(in))
		f.put(y+1, x+figureWidth, f.w, faint, clipDots(clean(f.proofLine(in)), f.w-x-figureWidth))
		y += 2
	}
	if y == begin {
		f.put(y, 0, f.w, faint, f.t("so_far.none"))
	}
}
