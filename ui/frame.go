package ui

import (
	"strconv"
	"strings"

	"forklore/assets"
	"forklore/sim"
)

// frame draws one picture: a pure function of the newest snapshot, the state,
// the window's size and the language.
type frame struct {
	canvas
	layout
	snap *sim.Snapshot
	st   *state
	word *assets.Printer

	row  keptRow
	plot plot // of the chart that is being drawn
	bins []bin

	ids     []groupID // see groups
	grouped bool
}

// t is a word without figures.
func (f *frame) t(id string) string { return f.word.T(id, nil) }

// tn is a word that depends on a number.
func (f *frame) tn(id string, n int) string {
	return f.word.T(id, map[string]any{"N": n, "Count": count(n)})
}

// units writes a duration's unit in the language of the screen.
func (f *frame) units(d string) string {
	if n, ok := strings.CutSuffix(d, " ms"); ok {
		return n + f.t("unit.ms")
	}
	if n, ok := strings.CutSuffix(d, " s"); ok {
		return n + f.t("unit.s")
	}
	return d
}

// draw returns the whole window.
func (f *frame) draw(snap *sim.Snapshot, st *state, word *assets.Printer, w, h int, pal *palette) string {
	f.reset(w, h, pal)
	f.ja = word.Lang() == "ja"
	f.layout = layoutFor(w, h, st.slots)
	f.snap, f.st, f.word, f.grouped = snap, st, word, false
	switch {
	case st.blank:
	case w < oneWidth || h < oneHeight:
		f.tooSmall()
	case snap == nil:
		f.put(0, 0, w, faint, f.t("wait"))
	case st.over == catalogueOverlay:
		f.header(0)
		f.catalogue()
	case st.over == compareOverlay:
		f.header(0)
		f.compare()
	case st.over == zoomOverlay && f.fitsFour():
		f.header(0)
		f.zoom()
	case st.over == lessonsOverlay:
		f.header(0)
		f.lessonList()
	case st.over != noOverlay && st.over != zoomOverlay:
		f.header(0)
		f.overlay()
	case st.lesson.page != nil:
		f.lesson()
	case f.fitsFour():
		f.screen()
	default:
		f.one()
	}
	return f.String()
}

// fitsFour reports whether the window has room for all four models.
func (f *frame) fitsFour() bool { return f.w >= minWidth && f.h >= minHeight }

func (f *frame) screen() {
	y := f.header(0)
	window := f.w
	f.w = f.main
	if f.legend {
		y = f.legendRow(y)
	}
	y = f.gap(y, 2)
	y = f.columns(y)
	y = f.gap(y, 1)
	y = f.tapes(y)
	y = f.gap(y, 3)
	y = f.strip(y)
	f.w = window
	if f.main < f.w {
		f.soFar(y+1, f.main)
		f.side(1, f.main+2, f.w-f.main-2, f.h-3)
	} else {
		f.eventList(y + 1)
	}
	f.noticeRow(f.h - 2)
	f.keyRow(f.h - 1)
}

// gap leaves a row blank where the layout has that many gaps.
func (f *frame) gap(y, nth int) int {
	if f.gaps >= nth {
		return y + 1
	}
	return y
}

func (f *frame) tooSmall() {
	data := map[string]any{
		"W": strconv.Itoa(f.w), "H": strconv.Itoa(f.h),
		"MinW": strconv.Itoa(oneWidth), "MinH": strconv.Itoa(oneHeight),
	}
	text := fit(f.w, f.word.T("small", data), f.word.T("small_brief", data))
	for y, line := range wrap(text, f.w) {
		f.put(y, 0, f.w, strong, line)
	}
}
