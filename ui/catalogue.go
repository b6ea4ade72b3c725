package ui

import (
	"strconv"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// Where a row of the catalogue has its columns: who, what he does, how hard,
// how long. What a window has beyond 80 cells goes to what he does.
const (
	nameAt, whoAt, doesAt = 2, 17, 33
	hardWidth, longWidth  = 8, 6
	detailWidth           = 100 // longer lines are hard to read
)

// catalogue draws all faults, and what there is to say of the chosen one.
func (f *frame) catalogue() {
	f.put(1, 0, f.w, strong, f.word.T("catalogue.title", map[string]any{"Target": f.targetName()}))
	foot := f.h - 3
	// A small window shows the part of the list that has the chosen one in it.
	rows := min(foot-2, len(fault.Catalogue))
	from := max(f.st.cursor-rows+1, 0)
	for i := range rows {
		f.faultRow(2+i, &fault.Catalogue[from+i], from+i == f.st.cursor)
	}
	f.put(foot, 0, f.w, faint, f.t("catalogue.presses"))
	y := 3 + len(fault.Catalogue)
	for _, line := range f.details(&fault.Catalogue[f.st.cursor]) {
		if y < foot {
			f.put(y, 0, f.w, plain, line)
		}
		y++
	}
	f.noticeRowOver(f.h - 2)
	f.keyRow(f.h - 1)
}

func (f *frame) faultRow(y int, k *fault.Kind, chosen bool) {
	st := plain
	if chosen {
		st = strong
		f.put(y, 0, 1, note, ">")
	}
	hardAt := min(f.w, detailWidth) - hardWidth - longWidth
	name := string(k.Fault)
	if k.Presses {
		name += " *"
	}
	f.put(y, nameAt, whoAt-nameAt-1, st, name)
	f.put(y, whoAt, doesAt-whoAt-1, st, f.who(k))
	f.put(y, doesAt, hardAt-doesAt-1, st, f.t("catalogue.does."+string(k.Fault)))
	f.put(y, hardAt, hardWidth-1, st, f.hard(k))
	f.put(y, hardAt+hardWidth, longWidth, st, f.long(k))
}

// who does it, or has it done to him, and how many they are.
func (f *frame) who(k *fault.Kind) string {
	switch {
	case k.Every > 0:
		return f.word.T("catalogue.who.every", map[string]any{"Every": count(k.Every)})
	case k.Unit == fault.Requests:
		return f.tn("catalogue.who.request", int(k.Strength))
	case k.Step != 0:
		return f.tn("catalogue.who.request", 1)
	case k.Unit == fault.Processes:
		return f.tn("catalogue.who.process", int(k.Strength))
	case k.Unit == fault.Clients:
		return f.tn("catalogue.who.client", int(k.Strength))
	case k.Unit == fault.Factor:
		return f.t("catalogue.who.traffic")
	case k.Unit == fault.Backoff:
		return f.t("catalogue.who.everyone")
	}
	return f.t("catalogue.who.backend")
}

// hard is the strength, where neither who nor how long has said it.
func (f *frame) hard(k *fault.Kind) string {
	text := k.Unit.Text(k.Strength)
	switch k.Unit {
	case fault.Requests, fault.Clients:
		return ""
	case fault.Processes:
		if k.Step == 0 {
			return ""
		}
	case fault.Percent:
		return text + "%"
	case fault.Factor:
		return "x" + text
	case fault.Time:
		if k.Duration == 0 {
			return ""
		}
		return "+" + f.length(time.Duration(k.Strength))
	case fault.Backoff:
		if k.Strength == 0 {
			return f.t("catalogue.at_once")
		}
	}
	return text
}

func (f *frame) long(k *fault.Kind) string {
	if d := k.Lasts(sim.Inject{Strength: k.Strength}); d > 0 {
		return f.length(d)
	}
	return f.t("catalogue.once")
}

func (f *frame) length(d time.Duration) string {
	return f.units(strconv.FormatFloat(d.Seconds(), 'g', -1, 64) + " s")
}

// details are what it does and who says so, and, below what 80x24 has room
// for, how the command line puts it in.
func (f *frame) details(k *fault.Kind) []string {
	lines := wrap(f.t("detail."+string(k.Fault)), min(f.w, detailWidth))
	inject := string(k.Fault)
	if k.Unit != "" {
		inject += "=" + k.Unit.Text(k.Strength)
	}
	inject += "@3s"
	if k.Duration > 0 {
		inject += "+" + k.Duration.String()
	}
	for len(lines) < 3 { // the rows below stay where they are
		lines = append(lines, "")
	}
	lines = append(lines, f.word.T("catalogue.command", map[string]any{"Inject": inject}))
	if k.Unit != "" {
		lines = append(lines, f.word.T("catalogue.range", map[string]any{
			"Unit": f.t("catalogue.unit." + string(k.Unit)), "Least": k.Unit.Text(k.Least), "Most": k.Unit.Text(k.Most),
		}))
	}
	return lines
}
