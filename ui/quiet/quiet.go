// Package quiet keeps the terminal unasked at start.
//
// Bubble Tea's init asks the terminal for its background colour, in every
// program that links it: a terminal that doesn't answer delays the start by
// five seconds, and `ESC ] 11 ; ?` gets into the output. Lip Gloss doesn't ask
// what it has been told, so this package tells it, and has to do so first: Go
// initialises packages in the order of their import paths, as far as their
// imports allow (the Go specification, "Program initialization"), and
// "forklore/..." sorts before "github.com/...". The screen uses the terminal's
// own sixteen colours, so the answer would not be used anyway.
//
// Costs nothing. May not enter: anything else; every import could put this
// package behind the one that it has to precede.
package quiet

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
