// Package ui is the screen: it reads a source, sends it commands, and knows
// nothing else.
package ui

import (
	"context"
	"io"

	"forklore/sim"

	_ "forklore/ui/quiet" // before Bubble Tea
)

// Options are what the screen may be told. The zero value is the terminal, in
// the locale's language.
type Options struct {
	Lang string    // "en", "ja", or "" for the locale's
	In   io.Reader // nil: the terminal
	Out  io.Writer // nil: the terminal
}

// Run shows the source until the user quits or the source ends.
func Run(ctx context.Context, src sim.Source, opt Options) error {
	<-ctx.Done()
	return nil
}
