package ui

import (
	"strconv"
	"strings"

	"forklore/sim"
)

// columns draws the four models side by side, and returns the row below.
func (f *frame) columns(y int) int {
	bottom := y
	for m := sim.Model(0); m < sim.NModels; m++ {
		bottom = max(bottom, f.modelColumn(m, y, int(m)*(f.w/4), f.column))
	}
	return bottom
}

// modelColumn draws one model's column at x, w cells wide.
func (f *frame) modelColumn(m sim.Model, y, x, w int) int {
	ms := &f.snap.Model[m]
	f.title(m, ms, y, x, w)
	y++
	if f.subtitle {
		f.put(y, x, w, faint, f.t("subtitle."+f.kindOf(m, ms)))
		y++
	}
	bottom := y + f.columnRows()
	if f.absent(ms, y, x, w, bottom) {
		return bottom
	}
	f.procs(m, ms, y, x, w)
	y += f.procRows
	f.put(y, x, w, plain, f.counts(ms, w))
	y++
	if f.bar {
		f.memoryBar(ms, y, x, w)
		y++
	}
	f.put(y, x, w, plain, f.memory(ms, w))
	y++
	if f.chartRows > 0 {
		f.memoryChart(m, ms, y, x, w, f.chartRows)
		y += f.chartRows + 1
	}
	f.answered(ms, y, x, w)
	f.put(y+1, x, w, plain, f.latency(ms, w))
	f.put(y+2, x, w, plain, f.own(m, ms, w))
	y += 3
	if f.address {
		if f.snap.Played == nil { // else nobody listens there any more
			f.put(y, x, w, faint, "curl "+ms.Address)
		}
		y++
	}
	f.hit(m, y, x, w)
	return y + f.hitRows
}

// columnRows is how many rows a column has below its title and subtitle.
func (f *frame) columnRows() int {
	rows := f.procRows + 5 + f.hitRows
	if f.bar {
		rows++
	}
	if f.chartRows > 0 {
		rows += f.chartRows + 1
	}
	if f.address {
		rows++
	}
	return rows
}

// absent says why a model is not part of the run, if so.
func (f *frame) absent(ms *sim.ModelState, y, x, w, bottom int) bool {
	if ms.State != sim.Off && ms.State != sim.Unavailable {
		return false
	}
	text := f.t("column." + string(ms.State))
	for i, line := range wrap(clean(text+" "+ms.Why), w) {
		if y+i < bottom {
			f.put(y+i, x, w, plain, line)
		}
	}
	return true
}

// wideColumn is the width from which names and states are written out.
const wideColumn = 27

// stateLook is a state's glyph and style; its word is in assets.
var stateLook = map[sim.State]struct {
	glyph string
	style style
}{
	sim.Off:         {"-", faint},
	sim.Unavailable: {"-", faint},
	sim.Starting:    {">", note},
	sim.OK:          {"=", good},
	sim.Losing:      {"!", warn},
	sim.Down:        {"X", bad},
	sim.Recovering:  {"^", note},
}

func (f *frame) title(m sim.Model, ms *sim.ModelState, y, x, w int) {
	size := "short."
	if w >= wideColumn {
		size = "long."
	}
	st := strong
	if !f.st.target.Has(m) {
		st = plain
	}
	look := stateLook[ms.State]
	state := look.glyph + " " + f.t("state."+size+string(ms.State))
	f.put(y, x, w-cells(state)-1, st, digit(m)+" "+f.t("name."+size+f.kindOf(m, ms)))
	f.right(y, x+w, look.style, state)
}

// kindOf is the model; of the container, what becomes of its sandboxes, where
// that isn't the usual.
func (f *frame) kindOf(m sim.Model, ms *sim.ModelState) string {
	if m == sim.Container && (ms.Mode == sim.ModePrewarmed || ms.Mode == sim.ModeWarm) {
		return ms.Mode
	}
	return m.String()
}

// procs draws each process as a letter in its slot. Host and parent stand
// apart: they are not processes that serve.
func (f *frame) procs(m sim.Model, ms *sim.ModelState, y, x, w int) {
	if ms.Parent != nil {
		letter := "h"
		if m == sim.Prefork {
			letter = "p"
		}
		f.put(y, x, 1, faint, letter)
	}
	x, w = x+2, w-2
	if ms.Aggregate {
		f.put(y, x, w, plain, f.tn("procs.only", ms.ProcsNow))
		return
	}
	procs := ms.Procs
	for len(procs) > 0 && procs[len(procs)-1].State == 0 {
		procs = procs[:len(procs)-1]
	}
	if len(procs) == 0 && ms.State == sim.Down {
		f.put(y, x, w, bad, clipDots(clean(ms.Why), w))
		return
	}
	room := w * f.procRows
	more := ""
	if len(procs) > room {
		// What is not shown grows with the room that saying so takes.
		more = f.tn("procs.more", len(procs))
		room = max(room-cells(more)-1, 0)
		more = f.tn("procs.more", taken(procs[room:]))
	}
	for row := range f.procRows {
		from := row * w
		if from >= len(procs) || from >= room {
			break
		}
		f.letters(procs[from:min(from+w, len(procs), room)], y+row, x, w)
	}
	f.right(y+f.procRows-1, x+w, faint, more)
}

// taken counts the slots that have a process.
func taken(procs []sim.Proc) (n int) {
	for i := range procs {
		if procs[i].State != 0 {
			n++
		}
	}
	return n
}

// letters draws a row of processes, one piece for each run of the same style.
func (f *frame) letters(procs []sim.Proc, y, x, w int) {
	var buf [256]byte
	for i := 0; i < len(procs); {
		st, n := plain, 0
		for ; i < len(procs) && n < len(buf); i++ {
			letter, s := procLook(&procs[i])
			if n > 0 && s != st {
				break
			}
			st, buf[n] = s, letter
			n++
		}
		x = f.run(y, x, w, st, string(buf[:n]), n)
	}
}

// procLook is a process's letter and its style.
func procLook(p *sim.Proc) (byte, style) {
	switch {
	case p.State == 0 || p.State == '.':
		return ' ', plain
	case p.State == 'X':
		return 'X', bad
	case p.Leaky:
		return '*', warn
	case p.State == '_' || p.State == 'z':
		return p.State, faint
	case p.State == 'S':
		return 'S', note
	case p.State < ' ' || p.State >= 0x7f:
		return '?', plain
	}
	return p.State, plain
}

func (f *frame) counts(ms *sim.ModelState, w int) string {
	data := map[string]any{"Now": count(ms.ProcsNow), "Started": count(ms.ProcsStarted)}
	return fit(w, f.word.T("procs.count", data), f.word.T("procs.brief", data))
}

// memoryBar shows the memory against its limit, in half cells.
func (f *frame) memoryBar(ms *sim.ModelState, y, x, w int) {
	mem := &ms.Memory
	if mem.LimitBytes <= 0 {
		f.run(y, x, w, faint, strings.Repeat("⣀", w), w)
		return
	}
	share := min(max(float64(mem.Bytes)/float64(mem.LimitBytes), 0), 1)
	halves := int(share*float64(2*w) + 0.5)
	if halves == 0 && mem.Bytes > 0 {
		halves = 1
	}
	full, half := halves/2, halves%2
	x = f.run(y, x, w, fullness(share), strings.Repeat("⣿", full)+strings.Repeat("⣇", half), full+half)
	f.run(y, x, w, faint, strings.Repeat("⣀", w-full-half), w-full-half)
}

// memory says how much, of what limit, and where the figure comes from if it
// is not a cgroup's.
func (f *frame) memory(ms *sim.ModelState, w int) string {
	mem := &ms.Memory
	text := mib(mem.Bytes)
	if mem.LimitBytes > 0 {
		text = f.word.T("memory.of", map[string]any{
			"Now": strings.TrimSuffix(text, " MiB"), "Limit": mib(mem.LimitBytes),
		})
	}
	if mem.Source != "" && !strings.HasPrefix(mem.Source, "cgroup") {
		text += " " + mem.Source
	}
	peak := ""
	if mem.PeakBytes > 0 {
		peak = "  " + f.t("memory.peak") + " " + strings.TrimSuffix(mib(mem.PeakBytes), " MiB")
	}
	return fit(w, text+peak, text)
}

// answered is the rate of answers, and the share of requests that were
// answered well.
func (f *frame) answered(ms *sim.ModelState, y, x, w int) {
	r := &ms.Recent
	end := x + w
	share, st := "-", faint
	if r.Ended > 0 {
		share, st = percent(r.OKShare), plain
		if r.OKShare < 1 {
			st = warn
		}
	}
	x = f.put(y, x, w, plain, f.word.T("req.rate", map[string]any{"Rate": perSecond(r.AnsweredPerS)})+" ")
	f.put(y, x, end-x, st, f.t("req.ok")+" "+share)
}

// latency is p50 and p99 of the last ten seconds, in milliseconds until these
// don't fit.
func (f *frame) latency(ms *sim.ModelState, w int) string {
	l := &ms.Recent.Latency
	if l.N == 0 {
		return "p50 - p99 -"
	}
	return fit(w,
		"p50 "+millis(l.P50)+"  p99 "+millis(l.P99)+" ms",
		"p50 "+millis(l.P50)+" p99 "+millis(l.P99)+" ms",
		"p50 "+short(l.P50)+" p99 "+short(l.P99)+" s")
}

// short writes milliseconds as seconds.
func short(ms float64) string { return strconv.FormatFloat(ms/1000, 'f', 1, 64) }

// own is the figure that only this model has.
func (f *frame) own(m sim.Model, ms *sim.ModelState, w int) string {
	switch m {
	case sim.Prefork:
		return f.word.T("own.prefork", map[string]any{
			"Busy": count(ms.Busy), "Workers": count(ms.Workers), "Queue": count(ms.Queue),
		})
	case sim.EventLoop:
		lag := f.units(millis(ms.LagMS) + " ms")
		if ms.State == sim.Down {
			lag = "-"
		}
		data := map[string]any{"InFlight": count(ms.InFlight), "Lag": lag}
		return fit(w, f.word.T("own.eventloop", data), f.word.T("own.eventloop_brief", data))
	case sim.Container:
		if ms.Mode != "" && ms.Queue == 0 {
			return f.sandboxes(ms, w)
		}
		fallthrough
	default:
		start := "-"
		if ms.StartMS.N > 0 {
			start = millis(ms.StartMS.P50)
		}
		data := map[string]any{"Start": start, "Queue": count(ms.Queue)}
		if ms.Queue > 0 {
			return fit(w, f.word.T("own.call_queue", data), f.word.T("own.call_queue_brief", data))
		}
		return f.word.T("own.call", data)
	}
}

// sandboxes says what a call waits for its sandbox, and how many waited for one
// to be made.
func (f *frame) sandboxes(ms *sim.ModelState, w int) string {
	time := func(q *sim.Quantiles) string {
		if q.N == 0 {
			return "-"
		}
		return millis(q.P50)
	}
	data := map[string]any{"Start": time(&ms.StartMS), "Warm": time(&ms.WarmStartMS), "Cold": "-"}
	if ms.StartMS.N+ms.WarmStartMS.N > 0 {
		data["Cold"] = percent(ms.ColdShare)
	}
	id := "own." + ms.Mode
	return fit(w, f.word.T(id, data), f.word.T(id+"_brief", data))
}
