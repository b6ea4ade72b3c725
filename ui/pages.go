package ui

import (
	tea "github.com/charmbracelet/bubbletea"

	"forklore/sim"
)

// The keys of the pages: zoom, compare, events.

// show makes a model the one that zoom and small windows show.
func (p *program) show(m sim.Model) {
	if p.st.shown != m {
		p.st.shown, p.st.scroll = m, 0
	}
}

// sideways is left and right: another model's page, or, in a window with room
// for one, another model. The target stays.
func (p *program) sideways(key string) tea.Cmd {
	by := 1
	if key == "left" {
		by = -1
	}
	p.show(sim.Model((int(p.st.shown) + by + int(sim.NModels)) % int(sim.NModels)))
	return nil
}

// whose lists another one's events.
func (p *program) whose(key string) tea.Cmd {
	switch key {
	case "left":
		p.filter((p.st.filter - 1 + nFilters) % nFilters)
	case "right":
		p.filter((p.st.filter + 1) % nFilters)
	case "a":
		p.filter(0)
	default:
		p.filter(int(key[0] - '0'))
	}
	return nil
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
