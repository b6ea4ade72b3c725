package ui

import (
	"strings"

	"forklore/sim"
)

const (
	// lessonBeside is the width from which the text stands beside all of the
	// screen, lessonBelow the height from which it stands below whole columns. In
	// smaller windows a model has one row, and the text fourteen.
	lessonBeside = 182
	lessonMain   = 120
	lessonBelow  = 33
	lessonWidth  = 96 // longer lines are hard to read
)

// tells are the steps in which the screen may say in words what a fault did:
// before them the learner is asked.
var tells = map[string]bool{"check": true, "explain": true, "recall": true}

// blind: the learner is to find out which fault it is.
func (s *state) blind() bool {
	page := s.lesson.page
	return page != nil && page.Blind && !tells[page.Step]
}

// called is the fault's name, where the screen may tell it.
func (f *frame) called(fault sim.Fault) string {
	if f.st.blind() {
		return f.t("fault.blind")
	}
	return f.t("fault." + string(fault))
}

// box is a part of the window.
type box struct{ x, y, w, h int }

// lessonBox is where the lesson's text is: below its title, above the notice.
func (f *frame) lessonBox() box {
	last := f.h - 2
	switch {
	case f.w >= lessonBeside && f.h >= lessonBelow:
		main := min(max(lessonMain, f.w-lessonWidth-2), sideFrom-1) // from there on charts stand beside it
		return box{main + 2, 2, f.w - main - 2, last - 2}
	case f.h >= lessonBelow && f.fitsFour():
		l := layoutFor(f.w, minHeight, 0)
		y := 1 + 8 + l.procRows + 6 + 1
		return box{0, y, min(f.w, lessonWidth), last - y}
	}
	y := 8
	if !f.fitsFour() {
		y = 2 // no room for the models
	}
	return box{0, y, min(f.w, lessonWidth), max(last-y, 1)}
}

// lesson draws the models, smaller than without it, and the lesson's page.
func (f *frame) lesson() {
	b := f.lessonBox()
	y := f.header(0)
	switch {
	case b.x > 0:
		window := f.w
		f.w = b.x - 2
		f.layout = layoutFor(f.w, f.h, f.st.slots)
		if f.legend {
			y = f.legendRow(y)
		}
		y = f.columns(f.gap(y, 2))
		y = f.tapes(f.gap(y, 1))
		if tells[f.st.lesson.page.Step] {
			f.strip(f.gap(y, 3))
		}
		f.w = window
	case f.h >= lessonBelow && f.fitsFour():
		f.layout = layoutFor(f.w, minHeight, 0)
		f.tapes(f.columns(y))
	case b.y > 2:
		f.modelRows(y)
	}
	f.lessonTitle(b)
	lines := f.lessonLines(b.w)
	from := min(f.st.lesson.scroll, max(len(lines)-b.h, 0))
	for i, line := range lines[from:min(from+b.h, len(lines))] {
		f.put(b.y+i, b.x, b.w, line.style, line.text)
	}
	f.lessonNotice(f.h - 2)
	f.lessonKeys(f.h - 1)
}

// lessonTitle is the row above the text: which lesson, which step, and whether
// there is more of it than the window shows.
func (f *frame) lessonTitle(b box) {
	page := f.st.lesson.page
	where := f.t("lesson.step."+page.Step) + " " + count(page.N) + "/" + count(page.Of)
	if page.Recorded {
		where = f.t("lesson.recorded") + "  " + where
	}
	lines := f.lessonLines(b.w)
	if len(lines) > b.h {
		from := min(f.st.lesson.scroll, len(lines)-b.h)
		id := "lesson.more"
		if from+b.h >= len(lines) {
			id = "lesson.end"
		}
		where = f.word.T(id, map[string]any{
			"From": count(from + 1), "To": count(from + b.h), "Of": count(len(lines)),
		}) + "  " + where
	}
	end := b.x + max(b.w, min(f.w-b.x, minWidth))
	title := " " + page.Title
	f.put(b.y-1, b.x, end-b.x-cells(where)-3, banner, clipDots(clean(title), end-b.x-cells(where)-4)+" ")
	f.right(b.y-1, end, strong, where)
}

// Where a model's row has its figures, and its tape.
const (
	rowState, rowNow, rowProcs, rowMiB, rowHit, rowTape = labelWidth, 17, 22, 35, 40, 46
)

// modelRows draws each model in one row: its state, its processes, its memory,
// the figure of the last fault, its tape.
func (f *frame) modelRows(y int) {
	f.rowRight(y, rowNow+4, faint, f.t("lesson.row.now"))
	f.put(y, rowProcs, rowMiB-rowProcs-1, faint, f.t("lesson.row.procs"))
	f.rowRight(y, rowMiB+4, faint, "MiB")
	f.put(y, rowHit, rowTape-rowHit, faint, f.t("lesson.row.hit"))
	tape, from, to, mark := f.tapeView(f.w - rowTape)
	indent := f.w - rowTape - (to - from)
	var seen [256]bool
	for m := range sim.NModels {
		row := y + 1 + int(m)
		f.modelRow(m, row)
		cell := tape.Cell[m]
		f.cells(row, rowTape+indent, cell[min(from, len(cell)):min(to, len(cell))], &seen)
	}
	f.rowLegend(y, &seen)
	below := y + 1 + int(sim.NModels)
	if mark >= from && mark < to {
		f.mark(below, rowTape+indent+mark-from, groupCarrier(f.st.group))
	}
	if !f.st.held {
		f.right(below, f.w, faint, f.t("tape.now"))
	}
}

// rowRight is [canvas.right] on a row that has figures to its left already: it
// clips, and never leaves the figure out.
func (f *frame) rowRight(y, end int, st style, s string) {
	f.put(y, end-cells(s), cells(s), st, s)
}

func (f *frame) modelRow(m sim.Model, y int) {
	ms := &f.snap.Model[m]
	f.put(y, 0, labelWidth, plain, f.t("label."+m.String()))
	look := stateLook[ms.State]
	f.put(y, rowState, rowNow-rowState-1, look.style, look.glyph+" "+f.t("state.short."+string(ms.State)))
	if ms.State == sim.Off || ms.State == sim.Unavailable {
		return
	}
	f.rowRight(y, rowNow+4, plain, count(ms.ProcsNow))
	f.rowLetters(m, ms, y, rowProcs, rowMiB-1)
	f.rowRight(y, rowMiB+4, plain, strings.TrimSuffix(mib(ms.Memory.Bytes), " MiB"))
	if in := f.st.incident(m); in != nil {
		figure, st := f.figure(in)
		f.put(y, rowHit, rowTape-rowHit-1, st, figure)
	}
}

// rowLetters are a row's processes, each in its slot, as far as they have room,
// and how many there are beyond.
func (f *frame) rowLetters(m sim.Model, ms *sim.ModelState, y, x, end int) {
	if ms.Parent != nil {
		f.put(y, x, 1, faint, map[bool]string{true: "p", false: "h"}[m == sim.Prefork])
	}
	x += 2
	if len(ms.Procs) == 0 && ms.State == sim.Down {
		f.put(y, x, end-x, bad, clipDots(clean(ms.Why), end-x))
		return
	}
	var shown []sim.Proc
	var beyond string
	for room := end - x; ; room-- {
		alive := taken(ms.Procs[min(room, len(ms.Procs)):])
		shown = ms.Procs[:min(room, len(ms.Procs))]
		if beyond = "+" + count(alive); alive == 0 {
			beyond = ""
		}
		if room+len(beyond) <= end-x || room == 0 {
			break
		}
	}
	f.letters(shown, y, x, end-x)
	f.rowRight(y, end, faint, beyond)
}

// rowLegend names the letters that are to be seen, as far as there is room.
func (f *frame) rowLegend(y int, seen *[256]bool) {
	x := rowTape
	for _, fate := range fates {
		if !seen[fate.cell] {
			continue
		}
		text := string(rune(fate.cell)) + " " + f.t("fate."+fate.id)
		if x+cells(text) > f.w {
			return
		}
		x = f.put(y, x, cells(text), faint, text) + 1
	}
}

// lessonNotice is the row above the keys: what the last key did, or what waits.
func (f *frame) lessonNotice(y int) {
	st := f.st
	switch {
	case st.lesson.opening:
		f.put(y, 0, f.w, note, f.t("lesson.opening"))
	case st.notice != "" && st.now.Before(st.noticeUntil):
		f.put(y, 0, f.w, note, clipDots(clean(st.notice), f.w))
	case f.waits():
		f.put(y, 0, f.w, note, f.armed(f.snap.Armed))
	case st.holding:
		f.put(y, 0, f.w, note, f.t("next.frozen"))
	}
}

// lessonKeys lists the keys that do something on this page.
func (f *frame) lessonKeys(y int) {
	v := &f.st.lesson
	var ids []string
	switch q := v.page.Question; {
	case q != nil && q.Fixed:
	case q != nil:
		ids = append(ids, "answer_"+q.Kind)
	case v.page.Waits:
		ids = append(ids, "start")
	}
	if v.page.Hints > 0 {
		ids = append(ids, "hint")
	} else if v.page.Hints == 0 {
		ids = append(ids, "show")
	}
	if v.page.Again {
		ids = append(ids, "again")
	}
	ids = append(ids, "turn", "leave", "help")
	key := v.page.Key
	if key == "" {
		key = "enter"
	}
	var parts []string
	for _, id := range ids {
		parts = append(parts, f.word.T("lesson.key."+id, map[string]any{"What": key}))
	}
	f.put(y, 0, f.w, faint, strings.Join(parts, "  "))
}
