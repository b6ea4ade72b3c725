package live

import (
	"fmt"
	goruntime "runtime"

	"forklore/runtimes"
	"forklore/runtimes/app"
	"forklore/sim"
	"forklore/sim/traffic"
)

// setWeight changes what the application costs to start, by a renewal: resident
// processes pay when they are started, and a host learns only then how many of
// the new weight its cage has room for.
func (l *Lab) setWeight(name string) error {
	w, err := traffic.ParseWeight(name)
	if err != nil {
		return fmt.Errorf("%w: %w", sim.ErrUnsupported, err)
	}
	if l.renewal != nil {
		return fmt.Errorf("%w: all processes are being started anew", sim.ErrNotSteady)
	}
	if l.served.IsZero() {
		return fmt.Errorf("%w: it is only just starting", sim.ErrNotSteady)
	}
	if err := l.house.SetWeight(w, l.cfg.names()); err != nil {
		return fmt.Errorf("%w: %w", sim.ErrUnsupported, err)
	}
	if err := l.beginRenewal(); err != nil {
		return err
	}
	l.renewal.weight = true
	l.weight = name
	if l.rateWhy == "" {
		return nil // the user's own
	}
	l.autoRate(w)
	return l.applyRate()
}

// autoRate is the rate that this machine can be shown at.
func (l *Lab) autoRate(w app.Weight) {
	cfg := &l.cfg
	starters := 0
	for _, m := range []sim.Model{sim.CGI, sim.Container} {
		if cfg.Models.Has(m) {
			starters++
		}
	}
	startCPU := traffic.StartCPU(starters, w, l.house.StartCPU())
	if cfg.Models.Has(sim.Container) {
		startCPU += runtimes.EngineCPU(cfg.Spec.Engine)
	}
	workers := 0
	if cfg.Models.Has(sim.Prefork) { // only then is there a pool to be kept half idle
		workers = cfg.Spec.Workers
	}
	l.rate, l.rateWhy = traffic.AutoRate(cfg.Workload.Mean(), workers, goruntime.NumCPU(), len(cfg.names()), startCPU)
}

// forgetStarts begins the times of the starts anew. What else is measured of a
// sandbox doesn't hang on the weight.
func (l *Lab) forgetStarts() {
	for m := range l.models {
		s := &l.models[m]
		if s.rt != nil { // those that have not been read yet, too
			s.rt.Starts(func(int64) {})
		}
		s.starts = newDurations()
	}
}

// names are those of the models that run, as the runtimes have them.
func (c *Config) names() (names []string) {
	for m := range sim.NModels {
		if c.Models.Has(m) {
			names = append(names, m.String())
		}
	}
	return names
}
