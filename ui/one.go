package ui

import "forklore/sim"

// one is the screen of a window that has no room for all four: the model whose
// number was pressed last, and how the others are in a glyph each.
func (f *frame) one() {
	m := f.st.shown
	ms := &f.snap.Model[m]
	f.smallHeader()
	f.tabs(1)
	y, last := 2, f.h-3 // the rows of the model
	w := f.w
	f.layout = f.oneLayout()
	if !f.absent(ms, y, 0, w, y+3) {
		f.procs(m, ms, y, 0, w)
		f.pair(y+f.procRows, f.counts(ms, w), f.memory(ms, w))
		y += f.procRows + 1
		if f.chartRows > 0 {
			f.memoryChart(m, ms, y, 0, w, f.chartRows)
			y += f.chartRows + 1
		}
		f.answered(ms, y, 0, w)
		f.right(y, w, plain, f.latency(ms, w/2))
		y++
		if f.subtitle {
			f.put(y, 0, w, plain, f.own(m, ms, w))
			y++
		}
	} else {
		y += 3
	}
	if f.hitRows > 1 {
		f.hit(m, y, 0, w)
		y += f.hitRows
	}
	f.oneTape(m, y)
	y++
	if f.gaps > 0 {
		f.oneMark(m, y)
		y++
	}
	y = f.oneStory(m, y, last) + 1
	if last-y >= 3 {
		f.put(y, 0, f.w, strong, f.t("events.title"))
		for i, e := range f.newest(last - y) {
			f.put(y+1+i, 0, f.w, faint, clipDots(f.eventLine(e), f.w))
		}
	}
	f.noticeRow(f.h - 2)
	f.keyRow(f.h - 1)
}

// oneLayout spends the rows above ten.
func (f *frame) oneLayout() layout {
	l := layout{main: f.w, column: f.w, procRows: 1, hitRows: 1}
	spare := f.h - oneHeight
	take := func(n int) bool {
		if spare < n {
			return false
		}
		spare -= n
		return true
	}
	if take(1) {
		l.subtitle = true // the figure that only this model has
	}
	if take(3) {
		l.hitRows = 3
	}
	if take(1) {
		l.gaps = 1 // the row of the tape's mark
	}
	if take(4) {
		l.chartRows = 3
	}
	l.proof = take(2)
	for l.chartRows > 0 && l.chartRows < 8 && take(1) {
		l.chartRows++
	}
	for need := (f.st.slots + f.w - 3) / max(f.w-2, 1); l.procRows < need && take(1); {
		l.procRows++
	}
	return l
}

// smallHeader is the first row without the workload.
func (f *frame) smallHeader() {
	load := &f.snap.Load
	x := f.put(0, 0, f.w, banner, " "+f.t("kind."+string(f.snap.Kind))+" ")
	x = f.banners(0, x)
	if f.st.holding {
		x = f.put(0, x+1, f.w, banner, " "+f.t("head.frozen")+" ")
	}
	end := f.targetAndTime()
	room := f.w - x - 2 - cells(end)
	rate := fit(room, f.word.T("head.rate", map[string]any{"Rate": perSecond(load.RatePerS)}),
		f.word.T("req.rate", map[string]any{"Rate": perSecond(load.RatePerS)}))
	st := plain
	if load.Paused {
		rate, st = fit(room, f.t("head.paused"), f.t("one.paused")), warn
	}
	f.put(0, x+1, room, st, rate)
	f.right(0, f.w, strong, end)
}

// tabs names the model that is shown, and has the states of all: "1= 2! 3X 4=".
func (f *frame) tabs(y int) {
	others := ""
	for m := range sim.NModels {
		others += " " + digit(m) + stateLook[f.snap.Model[m].State].glyph
	}
	ms := &f.snap.Model[f.st.shown]
	look := stateLook[ms.State]
	room := f.w - cells(others) - 2
	state := look.glyph + " " + fit(room/2, f.t("state.long."+string(ms.State)), f.t("state.short."+string(ms.State)))
	kind := f.kindOf(f.st.shown, ms)
	name := digit(f.st.shown) + " " + fit(room-cells(state)-4, f.t("name.long."+kind), f.t("name.short."+kind))
	x := f.put(y, 0, room, strong, name)
	f.put(y, x+2, room-x-2, look.style, state)
	f.right(y, f.w, faint, others)
}

// pair writes two texts into a row: the second at its end, if there is room.
func (f *frame) pair(y int, left, right string) {
	f.put(y, 0, f.w, plain, left)
	f.right(y, f.w, plain, right)
}

// oneTape is the row of the model's requests, as much of it as there is room
// for: up to now, or around the carrier while the tape is held.
func (f *frame) oneTape(m sim.Model, y int) {
	tape, from, to, _ := f.tapeView(f.w)
	cell := tape.Cell[m]
	var seen [256]bool
	f.cells(y, f.w-(to-from), cell[min(from, len(cell)):min(to, len(cell))], &seen)
}

// oneMark is the row below it.
func (f *frame) oneMark(m sim.Model, y int) {
	_, from, to, mark := f.tapeView(f.w)
	if mark >= from && mark < to {
		f.mark(y, f.w-(to-from)+mark-from, groupCarrier(f.st.group))
	}
	if !f.st.held {
		f.right(y, f.w, faint, f.t("tape.now"))
	}
}

// oneStory is the sentence, as many rows as it takes, and the proof; before the
// first fault what a stranger needs. It returns the row below.
func (f *frame) oneStory(m sim.Model, y, last int) int {
	say := func(st style, text string) {
		for _, line := range wrap(text, f.w) {
			if y <= last {
				f.put(y, 0, f.w, st, line)
				y++
			}
		}
	}
	in := f.st.incident(m)
	switch {
	case len(f.st.group) == 0:
		say(strong, f.t("caption.what")+" "+f.t(f.captionID()))
	case in == nil:
		say(faint, f.t(f.untouched(m)))
	default:
		figure, st := f.figure(in)
		if f.hitRows == 1 {
			say(st, f.t("fault."+string(in.Fault))+"  "+figure+"  "+f.sentence(in))
		} else {
			say(plain, f.sentence(in))
		}
		if f.proof {
			say(faint, f.proofLine(in))
		}
		if y <= last {
			say(strong, f.t("strip.moral."+string(in.Fault)))
		}
	}
	return y
}
