package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"forklore/sim"
	"forklore/sim/fault"
	"forklore/sim/report"
	"forklore/sim/trace"
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
	var rec *trace.Recorder
	if o.record != "" {
		if most := trace.MaxSnapshots * sim.Interval; o.runFor > most {
			return badInput("--record: at most %v can be played, and the run takes %v", most, o.runFor)
		}
		if rec, err = trace.Create(o.record); err != nil {
			return badInput("--record: %w", err)
		}
		defer rec.Close()
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
	var src sim.Source = l
	if rec != nil {
		src = trace.NewTee(l, rec)
	}
	r, err := report.Do(ctx, src, p)
	closed := src.Close()
	if rec != nil {
		if err := rec.Close(); err != nil {
			closed = errors.Join(closed, fmt.Errorf("--record %s: %w", o.record, err))
		}
	}
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
