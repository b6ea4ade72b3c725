package live

import (
	"fmt"
	"runtime"
	"strings"

	"forklore/sim"
	"forklore/sim/fault"
)

// possible leaves out of an injection the models where it can't be done, and
// tells why; if none is left, that is the error. What isn't said of strength and
// duration is the catalogue's.
func (l *Lab) possible(kind fault.Kind, in sim.Inject) (sim.Inject, error) {
	var whys [sim.NModels]string
	if in.Strength == 0 {
		in.Strength = kind.Strength
	}
	if in.Duration == 0 {
		in.Duration = kind.Duration
	}
	for m := range sim.NModels {
		if !in.Models.Has(m) {
			continue
		}
		if whys[m] = l.impossible(kind, m); whys[m] != "" {
			in.Models &^= 1 << m
		}
	}
	if in.Models == 0 {
		return in, fmt.Errorf("%w: %s", sim.ErrUnsupported, joined(in.Fault, whys))
	}
	for m, why := range whys {
		if why != "" {
			l.event(sim.Model(m), sim.EventRefused, 0, fmt.Sprintf("%s in %s: %s", in.Fault, sim.Model(m), why))
		}
	}
	if kind.Fault == sim.FaultForkBomb && l.house.Yard().Mode() == "none" {
		in.Strength = min(in.Strength, uncagedForks)
	}
	return in, nil
}

// joined says each reason once, with all models that it is of.
func joined(f sim.Fault, whys [sim.NModels]string) string {
	of := map[string][]string{}
	var order []string
	for m, why := range whys {
		if why == "" {
			continue
		}
		if of[why] == nil {
			order = append(order, why)
		}
		of[why] = append(of[why], sim.Model(m).String())
	}
	for i, why := range order {
		order[i] = fmt.Sprintf("%s in %s: %s", f, strings.Join(of[why], ", "), why)
	}
	return strings.Join(order, "; ")
}

// uncagedForks bounds a fork bomb where no cgroup has a pids.max.
const uncagedForks = 64

func (l *Lab) impossible(kind fault.Kind, m sim.Model) string {
	program := ""
	switch m {
	case sim.CGI:
		program = l.cfg.Spec.Script
	case sim.Container:
		program = l.cfg.Spec.Function
	}
	asksBackend := program == "" && l.cfg.Workload.Mean().IO > 0
	switch kind.Fault {
	case sim.FaultSlowBackend, sim.FaultDeadBackend, sim.FaultRetryStorm:
		if !asksBackend {
			return "its requests ask no backend (a workload with an io step does)"
		}
	case sim.FaultOOM:
		if l.house.Yard().Mode() == "none" {
			return "without a cgroup it has no memory limit to go past: " + l.house.Yard().Why()
		}
	case sim.FaultForkBomb:
		if runtime.GOOS != "linux" {
			return "it is done on Linux only"
		}
	}
	if kind.Step != 0 && program != "" {
		return fmt.Sprintf("it runs %s, which can't be asked for a %s; kill one of its processes from a shell instead", program, kind.Fault)
	}
	return ""
}
