package ui

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// resizePause is how often the picture follows a window that is being dragged:
// a terminal tells of every column that it passes. The first size and the last
// one are always drawn.
const resizePause = 50 * time.Millisecond

// resizeMsg is the end of a pause.
type resizeMsg struct{}

// resize takes a size at once, or when the pause is over.
func (p *program) resize(w, h int) tea.Cmd {
	p.nextW, p.nextH = w, h
	if p.resizing {
		return nil
	}
	return p.resized()
}

// resized draws in the newest size; if it was another one, a pause follows, in
// which more may come.
func (p *program) resized() tea.Cmd {
	p.resizing = p.w != p.nextW || p.h != p.nextH
	if !p.resizing {
		return nil
	}
	p.w, p.h = p.nextW, p.nextH
	return tea.Tick(resizePause, func(time.Time) tea.Msg { return resizeMsg{} })
}
