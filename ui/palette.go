package ui

import (
	"github.com/charmbracelet/lipgloss"
)

// style is a role that text has on the screen.
type style int

const (
	plain   style = iota
	faint         // labels, what waits
	strong        // headings
	good          // OK, nobody else hurt
	warn          // something is lost, or not steady
	bad           // down, others were hit
	note          // a message to the user
	banner        // LIVE, SIMULATED, REPLAY
	series1       // the models' lines in a chart, which have their numbers, too
	series2
	series3
	series4
	nStyles
)

// palette has the escape sequences of each style, made once: a frame has some
// hundreds of pieces of text, and rendering each through Lip Gloss would cost
// more than all the rest of the frame.
type palette struct {
	of    [nStyles]struct{ on, off string }
	paper string // begins every line, "" where the terminal's own is used
	ascii bool   // nothing else is written in English
}

// newPalette is the terminal's own sixteen colours.
func newPalette(r *lipgloss.Renderer) *palette {
	return themes[0].palette(r.ColorProfile(), false)
}
