package ui

import (
	"cmp"
	"forklore/sim"
	"slices"
)

// sidePanels are the charts beside the four columns of a wide window, which have
// the memory themselves.
var sidePanels = []int{0, 2, 3, 4}

// side draws them, and the events below them.
func (f *frame) side(y, x, w, bottom int) {
	f.legendModels(y, x, w)
	y++
	events := max((bottom-y)/4, 6)
	height := (bottom - y - events) / len(sidePanels)
	for _, i := range sidePanels {
		f.panel(i, y, x, w, height)
		y += height
	}
	y++
	f.put(y, x, w, strong, f.t("events.title"))
	for _, e := range f.newest(bottom - y - 1) {
		y++
		f.put(y, x, w, faint, clipDots(f.eventLine(e), w))
	}
}

// newest are the last events, the newest first.
func (f *frame) newest(n int) []*sim.Event {
	var list []*sim.Event
	for i := len(f.st.events) - 1; i >= 0 && len(list) < n; i-- {
		list = append(list, &f.st.events[i])
	}
	return list
}

// soFar lists the faults of the run beside the newest one, with the figure of
// each model, the newest first.
func (f *frame) soFar(y, w int) {
	if f.events == 0 {
		return
	}
	const whenWidth, whatWidth = 8, 18
	width := min((w-whenWidth-whatWidth)/int(sim.NModels), 16)
	f.put(y, 0, w, strong, f.t("so_far.title"))
	for m := range sim.NModels {
		f.put(y, whenWidth+whatWidth+int(m)*width, width, faint, digit(m)+" "+f.t("label."+m.String()))
	}
	row := y
	for _, id := range f.groups() {
		if row++; row > y+f.events-1 {
			return
		}
		for i, in := range gather(id, nil, f.snap.Current) {
			if i == 0 {
				f.put(row, 0, whenWidth, faint, clock(in.At))
				f.put(row, whenWidth, whatWidth-1, plain, f.t("fault."+string(in.Fault)))
			}
			figure, st := f.figure(&in)
			f.put(row, whenWidth+whatWidth+int(in.Model)*width, width, st, figure)
		}
	}
	if row == y {
		f.put(y+1, 0, w, faint, f.t("so_far.none"))
	}
}

// mostGroups bounds the list: a fault a second for ten minutes is no reason to
// draw slowly.
const mostGroups = 40

// groups are the incidents' groups since the reset, the newest first. They are
// made once a frame.
func (f *frame) groups() []groupID {
	if f.grouped {
		return f.ids
	}
	f.grouped, f.ids = true, f.ids[:0]
	order := make([]int, 0, len(f.snap.Current))
	for i := range f.snap.Current {
		if in := &f.snap.Current[i]; in.At > f.st.resetAt || f.st.resetAt == 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(f.snap.Current[b].At, f.snap.Current[a].At) })
	for _, i := range order {
		in := &f.snap.Current[i]
		if len(f.ids) < mostGroups && !slices.ContainsFunc(f.ids, func(id groupID) bool { return id.has(in) }) {
			f.ids = append(f.ids, idOf(in))
		}
	}
	return f.ids
}
