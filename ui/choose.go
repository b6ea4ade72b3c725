package ui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/sim/fault"
)

// The catalogue's keys.

// moveCursor chooses another fault.
func (p *program) moveCursor(key tea.KeyType) {
	last := len(fault.Catalogue) - 1
	by := map[tea.KeyType]int{
		tea.KeyUp: -1, tea.KeyDown: 1, tea.KeyPgUp: -5, tea.KeyPgDown: 5, tea.KeyHome: -last, tea.KeyEnd: last,
	}
	p.st.cursor = min(max(p.st.cursor+by[key], 0), last)
}

// jump moves the cursor to the next fault that begins with that letter, and
// reports whether one does. Keys that choose a target, or leave, stay theirs.
func (p *program) jump(r rune) bool {
	if strings.ContainsRune("qag", r) {
		return false
	}
	for i := range fault.Catalogue {
		at := (p.st.cursor + 1 + i) % len(fault.Catalogue)
		if strings.HasPrefix(string(fault.Catalogue[at].Fault), string(r)) {
			p.st.cursor = at
			return true
		}
	}
	return false
}

// choose puts the chosen fault in. What refuses leaves the catalogue open:
// another may be possible.
func (p *program) choose() {
	if p.inject(fault.Catalogue[p.st.cursor].Fault) {
		p.st.over = noOverlay
	}
}
