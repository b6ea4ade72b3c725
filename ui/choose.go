package ui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/sim/fault"
)

// The catalogue's keys.

// moveCursor chooses another fault.
func (p *program) moveCursor(key string) tea.Cmd {
	last := len(fault.Catalogue) - 1
	by := map[string]int{"up": -1, "down": 1, "pgup": -5, "pgdown": 5, "home": -last, "end": last}
	p.st.cursor = min(max(p.st.cursor+by[key], 0), last)
	return nil
}

// jump moves the cursor to the next fault that begins with that letter, and
// reports whether one does. Keys that choose a target, or leave, stay theirs.
func (p *program) jump(key string) bool {
	if len(key) != 1 || strings.Contains("qag", key) {
		return false
	}
	for i := range fault.Catalogue {
		at := (p.st.cursor + 1 + i) % len(fault.Catalogue)
		if strings.HasPrefix(string(fault.Catalogue[at].Fault), key) {
			p.st.cursor = at
			return true
		}
	}
	return false
}

// choose puts the chosen fault in. What refuses leaves the catalogue open:
// another may be possible.
func (p *program) choose(string) tea.Cmd {
	if p.inject(fault.Catalogue[p.st.cursor].Fault) {
		p.close()
	}
	return nil
}
