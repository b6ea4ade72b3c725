package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forklore/sim/fault"
	"forklore/sim/matrix"
)

// matrixCommand is the command matrix.
func matrixCommand(o *options, out io.Writer) *cobra.Command {
	var only string
	var asJSON bool
	c := &cobra.Command{
		Use:   "matrix",
		Short: "Puts every fault into every model, and holds what happened against what should have",
		Long: `Puts every fault of the catalogue into every model (the container with fresh
and with warm sandboxes), and prints how far each one spread and for how long,
what was expected beside what was seen, why, and who says so. It takes some
minutes, and needs the machine for itself.`,
		Example: "  forklore matrix\n  forklore matrix --only crash,leak --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
				if f.Changed && !f.Hidden && !slices.Contains(matrixFlags, f.Name) {
					err = badInput("--%s: what is expected of the models rests on the lab's own settings; matrix takes only --%s of it",
						f.Name, strings.Join(matrixFlags, ", --"))
				}
			})
			faults := fault.Catalogue
			if err == nil && c.Flags().Changed("only") {
				if faults, err = fault.ParseNames(only); err != nil {
					err = badInput("--only %q: %w", clip(only), err)
				}
			}
			if err != nil {
				return err
			}
			return o.matrix(faults, asJSON, out)
		},
	}
	c.Flags().StringVar(&only, "only", "", "some of the faults: "+fault.Names())
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of a table")
	return c
}

// matrixFlags are those of the lab that change nothing of what is expected.
var matrixFlags = []string{"models", "seed", "engine", "port", "config"}

func (o *options) matrix(faults []fault.Kind, asJSON bool, out io.Writer) error {
	ctx, ended := untilSignal() // first: from here on a signal finds something to clean up
	defer ended()
	l, _, err := o.open()
	if err != nil {
		return err
	}
	d, err := matrix.Run(ctx, l, matrix.Options{
		Faults: faults,
		Note:   func(text string) { fmt.Fprintln(os.Stderr, "matrix: "+text) },
	})
	err = errors.Join(err, l.Close())
	switch {
	case d == nil:
	case asJSON:
		err = errors.Join(err, d.WriteJSON(out))
	default:
		err = errors.Join(err, d.WriteTable(out))
	}
	if err := signalStatus(ctx); err != nil {
		return err
	}
	switch {
	case err != nil:
		return status{exitProblem, err}
	case d.Missing():
		return status{code: exitNotAll}
	case d.Failed() > 0:
		return status{code: exitProblem}
	}
	return nil
}
