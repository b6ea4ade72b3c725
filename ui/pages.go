package ui

import (
	"strconv"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/sim"
)

// The keys of the pages: zoom, compare, events.

// enter chooses in the catalogue, opens the page of one model, and closes it.
func (p *program) enter() {
	switch {
	case p.st.over == catalogueOverlay:
		p.choose()
	case p.snap == nil:
		p.st.say(p.t("wait"))
	case p.st.over != zoomOverlay && (p.w < minWidth || p.h < minHeight):
		p.st.say(p.word.T("said.no_zoom", map[string]any{"MinW": strconv.Itoa(minWidth), "MinH": strconv.Itoa(minHeight)}))
	default:
		p.toggle(zoomOverlay)
	}
}

// show makes a model the one that zoom and small windows show.
func (p *program) show(m sim.Model) {
	if p.st.shown != m {
		p.st.shown, p.st.scroll = m, 0
	}
}

// sideways is left and right: another model's events or page, or, in a window
// with room for one, another model. The target stays.
func (p *program) sideways(msg tea.KeyMsg) {
	by := 1
	if msg.Type == tea.KeyLeft {
		by = -1
	}
	small := p.w < minWidth || p.h < minHeight
	switch {
	case p.st.over == eventsOverlay:
		p.filter((p.st.filter + by + nFilters) % nFilters)
	case p.st.over == zoomOverlay, p.st.over == noOverlay && small:
		p.show(sim.Model((int(p.st.shown) + by + int(sim.NModels)) % int(sim.NModels)))
	default:
		p.st.say(p.said("said.unknown", msg.String()))
	}
}

// nFilters are all, the four models, and the lab.
const nFilters = int(sim.NModels) + 2

// filter lists the events of one of them.
func (p *program) filter(n int) { p.st.filter, p.st.scroll = n, 0 }

// bottom is how far what lies over the screen can be scrolled.
func (p *program) bottom() int {
	f := &p.frame
	f.reset(p.w, p.h, p.pal)
	f.snap, f.st, f.word = p.snap, &p.st, p.word
	switch {
	case p.snap == nil:
		return 0
	case p.st.over == compareOverlay:
		return f.compareBottom()
	case p.st.over == zoomOverlay:
		return f.zoomBottom()
	}
	return max(len(f.overlayLines())-(p.h-3), 0)
}
