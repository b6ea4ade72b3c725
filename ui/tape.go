package ui

import (
	"strings"

	"forklore/sim"
)

const labelWidth = 9 // the models' names before the tapes and the sentences

// fates are the letters of the tape, in the legend's order; those that are
// always there come first, the others are named when they are to be seen.
var fates = []struct {
	cell   sim.Cell
	id     string
	always bool
	style  style
}{
	{sim.CellOK, "ok", true, plain},
	{sim.CellOpen, "open", true, faint},
	{sim.CellFault, "fault", true, bad},
	{sim.CellReset, "cut", true, bad},
	{sim.CellRefused, "refused", true, bad},
	{sim.CellLeak, "leak", false, warn},
	{sim.CellLate, "late", false, warn},
	{sim.CellError, "error", false, bad},
	{sim.CellTimeout, "timeout", false, bad},
	{sim.CellWrong, "wrong", false, bad},
}

// cellStyle is the style by cell.
var cellStyle = func() (of [256]style) {
	for _, f := range fates {
		of[f.cell] = f.style
	}
	return of
}()

// tapes draws the four rows of requests on one axis, their heading, and the
// mark under the request that carried the fault.
func (f *frame) tapes(y int) int {
	width := f.w - labelWidth
	carrier := groupCarrier(f.st.group)
	tape, from, to, mark := f.tapeView(width)
	indent := width - (to - from) // the newest cell is at the right edge

	var seen [256]bool
	for m := sim.Model(0); m < sim.NModels; m++ {
		row := y + 1 + int(m)
		f.put(row, 0, labelWidth, plain, f.t("label."+m.String()))
		cell := tape.Cell[m]
		f.cells(row, labelWidth+indent, cell[min(from, len(cell)):min(to, len(cell))], &seen)
	}
	f.tapeHeading(y, tape, &seen)
	if mark >= from && mark < to {
		f.mark(y+1+int(sim.NModels), labelWidth+indent+mark-from, carrier)
	}
	if !f.st.held {
		f.right(y+1+int(sim.NModels), f.w, faint, f.t("tape.now"))
	}
	return y + 2 + int(sim.NModels)
}

// tapeView is the tape that is shown, the part of it that so many cells have
// room for, and the carrier's cell, -1 without one.
func (f *frame) tapeView(width int) (tape *sim.Tape, from, to, mark int) {
	tape = &f.snap.Tape
	if f.st.held {
		tape = &f.st.tape
	}
	carrier := groupCarrier(f.st.group)
	mark = tapeIndex(tape, carrier)
	if carrier == 0 {
		mark = -1
	}
	n := tapeLen(tape)
	from = max(n-width, 0)
	if f.st.held && mark >= 0 && mark < from+2 {
		// What followed matters more than what was before.
		from = max(mark-width/3, 0)
	}
	return tape, from, min(from+width, n), mark
}

// cells draws a row of the tape, one piece for each run of the same style.
func (f *frame) cells(y, x int, cell []sim.Cell, seen *[256]bool) {
	var buf [sim.TapeLen]byte
	for i := 0; i < len(cell); {
		st, n := cellStyle[cell[i]], 0
		for ; i < len(cell) && n < len(buf) && cellStyle[cell[i]] == st; i++ {
			seen[cell[i]] = true
			buf[n] = byte(cell[i])
			if buf[n] < ' ' || buf[n] >= 0x7f {
				buf[n] = ' '
			}
			n++
		}
		x = f.run(y, x, f.w, st, string(buf[:n]), n)
	}
}

// tapeHeading names the letters, says when a cell stands for several requests,
// and that the tape is held.
func (f *frame) tapeHeading(y int, tape *sim.Tape, seen *[256]bool) {
	held := ""
	if f.st.held {
		held = f.word.T("tape.held", map[string]any{"Left": f.units(left(f.st.heldTill - f.snap.At))})
	}
	var legend strings.Builder
	for _, fate := range fates {
		if !fate.always && !seen[fate.cell] {
			continue
		}
		legend.WriteString("  " + string(rune(fate.cell)) + " " + f.t("fate."+fate.id))
	}
	wide := legend.String()
	tight := strings.ReplaceAll(wide, "  ", " ")
	titles := [2]string{f.t("tape.title"), f.t("tape.brief")}
	if tape.PerCell > 1 {
		data := map[string]any{"N": int(tape.PerCell), "Count": count(tape.PerCell)}
		titles = [2]string{f.word.T("tape.worst", data), f.word.T("tape.worst_brief", data)}
	}
	room := f.w - cells(held) - 1
	title, words := "", tight
	for _, try := range [][2]string{{titles[0], wide}, {titles[0], tight}, {titles[1], wide}, {titles[1], tight}} {
		if cells(try[0])+cells(try[1]) <= room {
			title, words = try[0], try[1]
			break
		}
	}
	x := f.put(y, 0, room, strong, title)
	if x == 0 {
		words = strings.TrimLeft(words, " ")
	}
	f.put(y, x, room-x, faint, words)
	f.right(y, f.w, note, held)
}

// mark points at the carrier.
func (f *frame) mark(y, x int, carrier uint64) {
	text := f.word.T("tape.mark."+string(f.st.group[0].Fault), map[string]any{"Carrier": plainNumber(carrier)})
	if f.st.blind() {
		text = f.called(f.st.group[0].Fault)
	}
	room := f.w
	if !f.st.held {
		room -= cells(f.t("tape.now")) + 1
	}
	if n := cells(text); x+2+n <= room {
		f.put(y, x, n+2, note, "^ "+text)
	} else if x >= n+1 {
		f.put(y, x-n-1, n+2, note, text+" ^")
	}
}
