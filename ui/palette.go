package ui

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
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
type palette [nStyles]struct{ on, off string }

// newPalette uses the terminal's own sixteen colours, so that a light theme
// stays light. No meaning rests on them: each state also has a glyph and a
// word, each fate a letter. Where NO_COLOR is set, or the terminal has no
// colours, Lip Gloss's renderer gives none.
func newPalette(r *lipgloss.Renderer) *palette {
	colour := func(c string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(c)) }
	of := [nStyles]lipgloss.Style{
		plain:  r.NewStyle(),
		faint:  r.NewStyle().Faint(true),
		strong: r.NewStyle().Bold(true),
		good:   colour("2").Bold(true),
		warn:   colour("3").Bold(true),
		bad:    colour("1").Bold(true),
		note:   colour("6").Bold(true),
		banner: r.NewStyle().Bold(true).Reverse(true),

		series1: colour("6"), series2: colour("3"), series3: colour("5"), series4: colour("2"),
	}
	p := new(palette)
	if r.ColorProfile() == termenv.Ascii {
		return p
	}
	for i := range of {
		p[i].on, p[i].off, _ = strings.Cut(of[i].Render("x"), "x")
	}
	return p
}
