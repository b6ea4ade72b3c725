package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"forklore/sim"
	"forklore/sim/fault"
	"forklore/sim/report"
)

// withoutScreen is the command run.
func withoutScreen(o *options, out io.Writer) error {
	cfg, err := o.config()
	if err != nil {
		return err
	}
	p := report.Plan{For: o.runFor, Timeout: cfg.Timeout}
	for _, text := range o.injections {
		in, err := fault.Parse(text, cfg.Models)
		if err != nil {
			return status{exitBadInput, err}
		}
		if in.At > o.runFor {
			return badInput("--inject %q: the run ends at %v", text, o.runFor)
		}
		p.Injections = append(p.Injections, in)
	}
	ctx, ended := untilSignal() // first: from here on a signal finds something to clean up
	defer ended()
	l, _, err := o.open()
	if err != nil {
		return err
	}
	p.Serving = func(s *sim.Snapshot) {
		for m := range sim.NModels {
			switch v := s.Model[m]; v.State {
			case sim.Off:
			case sim.Unavailable:
				fmt.Fprintf(os.Stderr, "%s: %s\n", m, v.Why)
			default:
				fmt.Fprintf(os.Stderr, "%s: http://%s/\n", m, v.Address)
			}
		}
		if why := s.Lab.Why; why != "" {
			fmt.Fprintf(os.Stderr, "no cgroups: %s\n", why)
		}
	}
	r, err := report.Do(ctx, l, p)
	closed := l.Close()
	if err == nil || r.Final != nil {
		if o.json {
			err = errors.Join(err, r.WriteJSON(out))
		} else {
			err = errors.Join(err, r.WriteTable(out))
		}
	}
	if err = errors.Join(err, closed); err != nil && ctx.Err() == nil {
		return status{exitProblem, err}
	}
	if err := signalStatus(ctx); err != nil {
		return err
	}
	for _, why := range r.Refused {
		fmt.Fprintln(os.Stderr, "forklore: refused: "+why)
	}
	for _, what := range r.Broken {
		fmt.Fprintln(os.Stderr, "forklore: a mistake in forklore: "+what)
	}
	switch {
	case r.Missing():
		return status{code: exitNotAll}
	case len(r.Refused) > 0, len(r.Broken) > 0:
		return status{code: exitProblem}
	}
	return nil
}
