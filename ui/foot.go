package ui

import (
	"slices"
	"strings"

	"forklore/sim"
)

// noticeRow is the row above the keys: what the last key did or why it did
// nothing, else what waits, else what to try next.
func (f *frame) noticeRow(y int) {
	st, text := f.notice()
	f.put(y, 0, f.w, st, clipDots(text, f.w))
}

func (f *frame) notice() (style, string) {
	st := f.st
	switch {
	case st.notice != "" && st.now.Before(st.noticeUntil):
		return note, clean(st.notice)
	case f.waits():
		return note, f.armed(f.snap.Armed)
	case st.tour > 0:
		return note, f.t(tourWords[st.tour-1])
	case st.step > 0:
		return strong, f.stepWord("row")
	case st.holding:
		return note, f.t("next.frozen")
	case st.aloft:
		return plain, f.t("next.aloft")
	case f.snap.Played != nil:
		return plain, f.t("next.played")
	case f.snap.Load.Paused:
		return strong, f.t("next.paused")
	case len(st.group) == 0:
		return plain, f.t("next.start")
	case anyOpen(st.group):
		return plain, f.t("next.open")
	case stays(st.group[0].Fault) && f.snap.Model[sim.Container].Mode == sim.ModeFresh && slices.Contains(f.snap.Model[sim.Container].Modes, sim.ModeWarm):
		return plain, f.t("next." + string(st.group[0].Fault) + "_fresh")
	}
	return plain, f.t("next." + string(st.group[0].Fault))
}

// waits: a fault is armed. That one waits for its turn tells which few it can be.
func (f *frame) waits() bool {
	a := f.snap.Armed
	return a != nil && !(f.st.blind() && a.Waits == sim.WaitsTurn)
}

// stays: what the fault leaves in a process stays as long as that is kept.
func stays(fault sim.Fault) bool {
	return fault == sim.FaultLeak || fault == sim.FaultFDLeak || fault == sim.FaultBleed
}

// armed says which fault waits, and for what.
func (f *frame) armed(a *sim.Armed) string {
	waits := a.Waits
	switch waits {
	case sim.WaitsTurn:
		var models []string
		for m := range sim.NModels {
			if a.Models.Has(m) {
				models = append(models, digit(m))
			}
		}
		data := map[string]any{"Fault": f.called(a.Fault), "Models": strings.Join(models, ", ")}
		return fit(f.w, f.word.T("armed_turn", data), f.word.T("armed_turn_brief", data))
	case sim.WaitsSteady:
		waits = f.t("waits.steady")
	case sim.WaitsRequest:
		waits = f.t("waits.request")
	}
	since := ""
	if a.For > 0 {
		since = " (" + f.units(seconds(a.For)) + ")"
	}
	return f.word.T("armed", map[string]any{
		"Fault": f.called(a.Fault), "Waits": clean(waits), "For": since,
	})
}
