package ui

import (
	"strconv"
	"strings"
	"time"

	"forklore/sim"
)

const (
	figureWidth   = 6  // "1+19" before a sentence
	sentenceWidth = 65 // what is left of 80 cells
)

// strip tells the incident: a heading, a sentence for each model, and what
// follows from it. Before the first fault it says what a stranger needs.
func (f *frame) strip(y int) int {
	rows := 1 + int(sim.NModels)
	if f.proof {
		rows += int(sim.NModels)
	}
	last := y + rows
	if n := f.snap.Unattributed; n > 0 {
		defer func() { f.right(last, f.w, faint, f.tn("strip.unattributed", int(n))) }()
	}
	if len(f.st.group) == 0 {
		f.caption(y, last)
		return last + 1
	}
	f.stripHeading(y)
	y++
	for m := sim.Model(0); m < sim.NModels; m++ {
		in := f.st.incident(m)
		f.put(y, 0, labelWidth, plain, f.t("label."+m.String()))
		if in == nil {
			f.put(y, labelWidth, figureWidth, faint, "-")
			f.put(y, labelWidth+figureWidth, f.w, faint, f.t(f.untouched(m)))
		} else {
			figure, st := f.figure(in)
			f.put(y, labelWidth, figureWidth, st, figure)
			f.put(y, labelWidth+figureWidth, sentenceWidth, plain, f.sentence(in))
			if f.proof {
				f.put(y+1, labelWidth+figureWidth, f.w, faint, f.proofLine(in))
			}
		}
		y++
		if f.proof {
			y++
		}
	}
	f.put(last, 0, f.w, strong, f.t("strip.moral."+string(f.st.group[0].Fault)))
	return last + 1
}

// caption is the two sentences before the first fault.
func (f *frame) caption(y, last int) {
	words := []string{f.t("caption.what"), f.t(f.captionID())}
	if say := f.stepWord("say"); say != "" {
		words = []string{say}
	}
	for _, text := range words {
		y++
		for _, line := range wrap(text, f.w) {
			if y < last {
				f.put(y, 0, f.w, strong, line)
				y++
			}
		}
	}
}

// stripHeading says which fault, since when, and how far the recovery is.
func (f *frame) stripHeading(y int) {
	first := &f.st.group[0]
	at, open := first.At, []string{}
	undone, recovered := false, true
	for i := range f.st.group {
		in := &f.st.group[i]
		at = min(at, in.At)
		undone = undone || in.Undone
		recovered = recovered && in.Recovered
		if in.Open() {
			open = append(open, f.t("label."+in.Model.String()))
		}
	}
	for m := range sim.NModels {
		if (f.snap.Coming.Has(m) || f.waitsTurn(m)) && f.st.incident(m) == nil {
			open = append(open, f.t("label."+m.String()))
		}
	}
	status, st := f.t("strip.recovered"), good
	switch active := f.active(first.Fault); {
	case active != nil:
		id := "strip.stops"
		if f.snap.Played != nil {
			id = "strip.stops_alone"
		}
		status, st = f.word.T(id, map[string]any{"Left": f.units(left(active.Until - f.snap.At))}), note
	case len(open) == len(f.st.group):
		status, st = f.t("strip.all_open"), warn
	case len(open) > 0:
		status, st = f.word.T("strip.open", map[string]any{"Models": strings.Join(open, ", ")}), warn
	case !recovered:
		status, st = f.t("strip.cut_short"), warn
	case undone:
		status = f.t("strip.undone")
	}
	ago := f.units(seconds(f.snap.At - at))
	if len(open) == 0 && f.snap.At-at < time.Minute {
		// Nobody waits for this figure any more: whole seconds are calmer.
		ago = f.units(strconv.Itoa(int((f.snap.At - at).Seconds())) + " s")
	}
	carrier := groupCarrier(f.st.group)
	data := map[string]any{"Carrier": plainNumber(carrier), "Ago": ago}
	x := f.put(y, 0, f.w, strong, f.t("fault."+string(first.Fault))) + 2
	room := f.w - x - cells(status) - 2
	id := "strip.head." + string(first.Fault)
	head := f.word.T(id+"_brief", data)
	if carrier != 0 || !hasCarrier[first.Fault] {
		head = fit(room, f.word.T(id, data), head)
	}
	f.put(y, x, room, plain, head)
	f.right(y, f.w, st, status)
}

// untouched is why a model has no incident.
func (f *frame) untouched(m sim.Model) string {
	switch {
	case f.waitsTurn(m):
		return "say.made.turn"
	case f.snap.Coming.Has(m):
		return "say.not_yet"
	}
	return "say.not_hit" // it was no target
}

// waitsTurn: the fault that the strip tells of has still to come to that model.
func (f *frame) waitsTurn(m sim.Model) bool {
	a := f.snap.Armed
	return a != nil && a.Waits == sim.WaitsTurn && a.Models.Has(m) && a.Fault == f.st.group[0].Fault
}

// active is the fault's entry among those in force, nil if it is over.
func (f *frame) active(fault sim.Fault) *sim.Active {
	for i := range f.snap.Active {
		if a := &f.snap.Active[i]; a.Fault == fault && a.Until > f.snap.At {
			return a
		}
	}
	return nil
}

// proofLine is what shows that the fault happened, and the figures that the
// sentence has no room for.
func (f *frame) proofLine(in *sim.Incident) string {
	parts := []string{f.t("proof.label") + " " + in.Proof}
	if in.Proof == "" {
		parts[0] = f.t("proof.label") + " -"
	}
	if in.Pid != 0 && !strings.Contains(in.Proof, "pid ") {
		parts = append(parts, "pid "+strconv.Itoa(in.Pid))
	}
	for _, p := range []struct {
		id string
		n  int
	}{
		{"proof.in_flight", in.InFlight}, {"proof.delayed", in.Delayed}, {"proof.wrong", in.Wrong},
		{"proof.retries", in.Retries}, {"proof.queue", in.QueuePeak},
	} {
		if p.n > 0 {
			parts = append(parts, f.tn(p.id, p.n))
		}
	}
	if in.Model == sim.EventLoop && in.LagPeakMS >= tellLagMS {
		parts = append(parts, f.word.T("effect.lag", map[string]any{"Lag": f.millisText(in.LagPeakMS)}))
	}
	return strings.Join(parts, "; ")
}
