package ui

import (
	"fmt"
	"strings"

	"forklore/sim"
)

// overlay draws help or events below the header. What lies above the first row
// that is shown depends on how far the user has scrolled.
func (f *frame) overlay() {
	lines := f.overlayLines()
	room := f.h - 3
	from := min(f.st.scroll, max(len(lines)-room, 0))
	for i, line := range lines[from:min(from+room, len(lines))] {
		st := plain
		if text, ok := strings.CutPrefix(line, "# "); ok {
			st, line = strong, text
		}
		f.put(1+i, 0, f.w, st, line)
	}
	f.noticeRowOver(f.h - 2)
	data := map[string]any{
		"From": count(min(from+1, len(lines))), "To": count(min(from+room, len(lines))), "Of": count(len(lines)),
	}
	f.keyRowFrom(f.h-1, f.put(f.h-1, 0, f.w, faint, f.word.T("overlay.place", data))+3)
}

// noticeRowOver shows a notice only: there is nothing to try next in a help.
func (f *frame) noticeRowOver(y int) {
	if f.st.notice != "" && f.st.now.Before(f.st.noticeUntil) {
		f.put(y, 0, f.w, note, clipDots(clean(f.st.notice), f.w))
	}
}

// overlayLines is all that the overlay has; the window shows a part of it.
func (f *frame) overlayLines() []string {
	if f.st.over == eventsOverlay {
		return f.eventLines()
	}
	if f.st.over == helpOverlay {
		return f.keyLines()
	}
	return append(f.figureLines(), f.addresses()...)
}

// figureLines say what every figure is; those of the page that one comes from
// stand first.
func (f *frame) figureLines() (lines []string) {
	charts, page, _ := strings.Cut(f.t("help.pages"), "\n\n")
	parts := []string{f.t("help.text"), charts, page}
	switch f.st.under {
	case compareOverlay:
		parts = []string{charts, page, parts[0]}
	case zoomOverlay:
		parts = []string{page, charts, parts[0]}
	}
	for i, part := range parts {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, helpLines(part, f.w)...)
	}
	return lines
}

// eventLines are the events of those whom the filter lets through, the newest
// first.
func (f *frame) eventLines() []string {
	whose := f.t("events.all")
	switch n := f.st.filter; {
	case n == nFilters-1:
		whose = f.t("events.lab")
	case n > 0:
		whose = digit(sim.Model(n-1)) + " " + f.t("label."+sim.Model(n-1).String())
	}
	lines := []string{"# " + f.word.T("events.of", map[string]any{"Whose": whose}), ""}
	if f.st.blind() {
		return append(lines, f.t("events.blind"))
	}
	for i := len(f.st.events) - 1; i >= 0; i-- {
		if e := &f.st.events[i]; f.st.listed(e) {
			lines = append(lines, f.eventLine(e))
		}
	}
	if len(lines) == 2 {
		lines = append(lines, f.t("events.none"))
	}
	return lines
}

// addresses are where the models serve, and what is missing here.
func (f *frame) addresses() []string {
	lines := []string{"", "# " + f.t("help.addresses")}
	for m := range sim.NModels {
		ms := &f.snap.Model[m]
		switch name := f.t("label." + m.String()); {
		case ms.Address != "" && f.snap.Played == nil:
			lines = append(lines, helpLines(name+" | curl '"+ms.Address+"/?cpu_us=1000&io_us=250000'", f.w)...)
		case ms.Why != "":
			lines = append(lines, helpLines(name+" | "+clean(ms.Why), f.w)...)
		}
	}
	if why := f.snap.Lab.Why; why != "" {
		lines = append(lines, helpLines(f.t("help.no_cgroups")+" | "+clean(why), f.w)...)
	}
	return lines
}

const helpIndent = 16 // cells of the left column: keys, or a figure's name

// helpLines lays the help's text out: "# " is a heading, "left | right" a row
// of two columns, all else a paragraph.
func helpLines(text string, w int) []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		name, what, two := strings.Cut(line, " | ")
		if !two {
			lines = append(lines, wrap(line, w)...)
			continue
		}
		lines = append(lines, helpRow(name, what, w)...)
	}
	return lines
}

func helpRow(name, what string, w int) (lines []string) {
	for i, part := range wrap(what, w-helpIndent) {
		if i > 0 {
			name = ""
		}
		lines = append(lines, name+strings.Repeat(" ", max(helpIndent-cells(name), 1))+part)
	}
	return lines
}

// eventLine is one event: when, where, what, and the log's words.
func (f *frame) eventLine(e *sim.Event) string {
	where := f.t("events.lab")
	if e.Model >= 0 && e.Model < sim.NModels {
		where = digit(e.Model) + " " + f.t("label."+e.Model.String())
	}
	what := f.t("event." + string(e.What))
	pid := ""
	if e.Pid != 0 {
		pid = fmt.Sprint(e.Pid)
	}
	pad := func(s string, n int) string { return s + strings.Repeat(" ", max(n-cells(s), 1)) }
	if f.w < minWidth { // what happened matters more than straight columns
		return clock(e.At) + " " + where + " " + what + " " + pad(pid, 0) + clean(e.Text)
	}
	return pad(clock(e.At), 7) + pad(where, 12) + pad(what, 14) + pad(pid, 8) + clean(e.Text)
}

// eventList fills the rows that a tall window has left with the newest events.
func (f *frame) eventList(y int) {
	if f.events == 0 {
		return
	}
	f.put(y, 0, f.w, strong, f.t("events.title"))
	from := max(len(f.st.events)-(f.events-1), 0)
	for i := range f.st.events[from:] {
		f.put(y+1+i, 0, f.w, faint, f.eventLine(&f.st.events[from+i]))
	}
}
