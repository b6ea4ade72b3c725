package ui

import "forklore/sim"

// usualWeight need not be said where there is little room.
const usualWeight = "application"

// header is the first row: where the figures come from, what traffic runs,
// what a fault would hit, how long it has been running.
func (f *frame) header(y int) int {
	kind := f.t("kind." + string(f.snap.Kind))
	x := f.put(y, 0, f.w, banner, " "+kind+" ")
	load := &f.snap.Load
	end := f.targetAndTime()
	work := load.Workload
	if f.w >= 110 {
		work += "  " + f.t("head.weight") + " " + load.Weight
	} else if load.Weight != usualWeight {
		work = load.Weight + "  " + work
	}
	rate := f.word.T("head.rate", map[string]any{"Rate": perSecond(load.RatePerS)})
	switch load.RateWhy { // which limit --rate auto has met
	case "cpu":
		rate += f.t("head.rule_cpu")
	case "workers":
		rate += f.t("head.rule_workers")
	}
	switch n := f.running(); {
	case load.Paused:
		x = f.put(y, x+1, f.w, warn, f.t("head.paused"))
	case n > 1:
		same := f.tn("head.same", n)
		if x+1+cells(rate+same)+2+cells(work)+2+cells(end) > f.w {
			same = "" // the tapes' heading says it, too
		}
		x = f.put(y, x+1, f.w, plain, rate+same)
	default:
		x = f.put(y, x+1, f.w, plain, rate)
	}
	if p := f.snap.Played; p != nil {
		work = f.word.T("head.recorded", map[string]any{"Where": p.Where})
	}
	x = f.banners(y, x)
	if f.st.holding {
		x = f.put(y, x+1, f.w, banner, " "+f.t("head.frozen")+" ")
	}
	f.put(y, x+2, f.w-x-2-cells(end)-2, faint, clipDots(clean(work), f.w-x-2-cells(end)-2))
	f.right(y, f.w, strong, end)
	return y + 1
}

// targetAndTime is what a fault would hit, and how long it has been running; of a
// recording, where in it this is.
func (f *frame) targetAndTime() string {
	if p := f.snap.Played; p != nil {
		return f.word.T("head.played", map[string]any{"At": clock(p.At), "Of": clock(p.Length)})
	}
	return f.t("head.target") + " " + f.targetName() + "  " + clock(f.snap.At)
}

// banners say that a recording stands still, and that one is made.
func (f *frame) banners(y, x int) int {
	if p := f.snap.Played; p != nil && p.Paused {
		x = f.put(y, x+1, f.w, banner, " "+f.t("head.standing")+" ")
	}
	if f.st.recording {
		x = f.put(y, x+1, f.w, banner, " "+f.word.T("head.recording", map[string]any{"Time": clock(f.st.recorded)})+" ")
	}
	return x
}

// running counts the models that take part.
func (f *frame) running() int {
	n := 0
	for m := range f.snap.Model {
		if s := f.snap.Model[m].State; s != sim.Off && s != sim.Unavailable {
			n++
		}
	}
	return n
}

// targetName is what the next fault hits.
func (f *frame) targetName() string {
	if f.st.target == sim.AllModels {
		return f.t("head.all")
	}
	name := ""
	for m := sim.Model(0); m < sim.NModels; m++ {
		if f.st.target.Has(m) {
			name += digit(m) + " " + f.t("label."+m.String())
		}
	}
	return name
}

// digit is the model's key.
func digit(m sim.Model) string { return string(rune('1' + m)) }

// legendRow says what the process letters mean, and what the lab itself costs.
func (f *frame) legendRow(y int) int {
	lab := &f.snap.Lab
	cost := f.word.T("head.lab", map[string]any{
		"CPU": percent(lab.CPUShare), "Mem": mib(lab.RSSBytes),
	})
	room := f.w - cells(cost) - 2
	f.put(y, 0, room, faint, fit(room, f.t("legend"), f.t("family.legend")))
	f.right(y, f.w, faint, cost)
	return y + 1
}
