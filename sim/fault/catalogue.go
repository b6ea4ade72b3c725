// Package fault is the catalogue of faults, what a user writes to ask for one,
// and the plan that decides which requests carry it.
//
// Cost: a lock and a comparison for each arrival and model.
// May not enter: what a fault did; that is the ledger's.
package fault

import (
	"fmt"
	"strings"
	"time"

	"forklore/sim"
)

// Kind is an entry of the catalogue.
type Kind struct {
	Fault sim.Fault
	// Duration is how long the fault is in force; 0: it strikes once.
	Duration time.Duration
	// FromInside: the application does it to itself, as a step of a request,
	// so a program that isn't ours can't be asked for it.
	FromInside bool
}

// Limits of what --inject takes.
const (
	maxAt       = 24 * time.Hour
	maxDuration = 10 * time.Minute
)

// LeakEvery and LeakBytes: while the leak is in force, one handler leaks: one
// request in four leaves this much behind.
const (
	LeakEvery = 4
	LeakBytes = 4 << 20
)

// Catalogue is every fault that can be asked for.
var Catalogue = []Kind{
	{Fault: sim.FaultCrash, FromInside: true},
	{Fault: sim.FaultLeak, FromInside: true, Duration: 20 * time.Second},
}

// Find looks a fault up.
func Find(f sim.Fault) (Kind, bool) {
	for _, k := range Catalogue {
		if k.Fault == f {
			return k, true
		}
	}
	return Kind{}, false
}

// Injection is a fault at a time, as --inject has it.
type Injection struct {
	At time.Duration
	sim.Inject
}

// Syntax is what Parse reads, for messages.
const Syntax = "fault@time[+duration][:model,model], for example crash@3s or leak@5s+10s:eventloop"

// Parse reads an injection. running are the models of this run.
func Parse(s string, running sim.Models) (in Injection, err error) {
	bad := func(format string, a ...any) (Injection, error) {
		return Injection{}, fmt.Errorf("--inject %q: %s; write %s", s, fmt.Sprintf(format, a...), Syntax)
	}
	name, rest, ok := strings.Cut(s, "@")
	if !ok {
		return bad("no @ with a time")
	}
	kind, ok := Find(sim.Fault(name))
	if !ok {
		return bad("unknown fault %q (known: %s)", name, names())
	}
	times, models, hasModels := strings.Cut(rest, ":")
	at, lasts, hasDuration := strings.Cut(times, "+")
	if in.At, err = time.ParseDuration(at); err != nil || in.At < 0 || in.At > maxAt {
		return bad("%q is not a time from 0s to %v", at, maxAt)
	}
	in.Fault, in.Duration = kind.Fault, kind.Duration
	if hasDuration {
		if kind.Duration == 0 {
			return bad("%s strikes once and has no duration", name)
		}
		if in.Duration, err = time.ParseDuration(lasts); err != nil || in.Duration <= 0 || in.Duration > maxDuration {
			return bad("%q is not a duration up to %v", lasts, maxDuration)
		}
	}
	in.Models = running
	if hasModels {
		in.Models = 0
		for part := range strings.SplitSeq(models, ",") {
			m, ok := sim.ParseModel(part)
			if !ok {
				return bad("unknown model %q (known: cgi, prefork, eventloop, container)", part)
			}
			if !running.Has(m) {
				return bad("model %s is not part of this run", m)
			}
			in.Models = in.Models.With(m)
		}
	}
	return in, nil
}

func names() string {
	var all []string
	for _, k := range Catalogue {
		all = append(all, string(k.Fault))
	}
	return strings.Join(all, ", ")
}
