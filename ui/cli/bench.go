package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forklore/sim/bench"
)

// benchCommand is the command bench.
func benchCommand(out io.Writer) *cobra.Command {
	var o bench.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measures what the models and engines cost on this machine",
		Long: `Measures, in less than a minute, what it costs here to start a process or a
sandbox of each kind, what an idle one keeps, and how many requests a second
each model answers at most. It needs the machine for itself.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
				if f.Changed && f.Name != "config" {
					err = badInput("--%s: bench measures all that there is, in its own way; it takes no such flag", f.Name)
				}
			})
			if err != nil {
				return err
			}
			return measure(o, asJSON, out)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of tables")
	c.Flags().BoolVar(&o.Quick, "quick", false, "too short for figures; to see that it works")
	c.Flags().MarkHidden("quick")
	return c
}

func measure(o bench.Options, asJSON bool, out io.Writer) error {
	o.Log = openLog()
	o.Note = func(text string) { fmt.Fprintln(os.Stderr, "bench: "+text) }
	ctx, ended := untilSignal()
	defer ended()
	d, err := bench.Run(ctx, o)
	if err := signalStatus(ctx); err != nil {
		return err
	}
	switch {
	case err != nil:
		return status{exitNotAll, err}
	case asJSON:
		return d.WriteJSON(out)
	default:
		return d.WriteTable(out)
	}
}
