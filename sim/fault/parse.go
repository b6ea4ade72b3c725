package fault

import (
	"fmt"
	"strings"
	"time"

	"forklore/sim"
)

// Limits of what --inject takes.
const (
	maxAt       = 24 * time.Hour
	maxDuration = 10 * time.Minute
)

// Injection is a fault at a time, as --inject has it.
type Injection struct {
	At time.Duration
	sim.Inject
}

// Syntax is what Parse reads, for messages.
const Syntax = "fault[=strength]@time[+duration][:model,model], for example crash@3s or leak=8MiB@5s+10s:eventloop"

// Parse reads an injection. running are the models of this run.
func Parse(s string, running sim.Models) (in Injection, err error) {
	bad := func(format string, a ...any) (Injection, error) {
		return Injection{}, fmt.Errorf("--inject %q: %s; write %s", s, fmt.Sprintf(format, a...), Syntax)
	}
	what, rest, ok := strings.Cut(s, "@")
	if !ok {
		return bad("no @ with a time")
	}
	name, strength, hasStrength := strings.Cut(what, "=")
	kind, ok := Find(sim.Fault(name))
	if !ok {
		return bad("unknown fault %q (known: %s)", name, Names())
	}
	times, models, hasModels := strings.Cut(rest, ":")
	at, lasts, hasDuration := strings.Cut(times, "+")
	if in.At, err = time.ParseDuration(at); err != nil || in.At < 0 || in.At > maxAt {
		return bad("%q is not a time from 0s to %v", at, maxAt)
	}
	in.Fault, in.Strength, in.Duration = kind.Fault, kind.Strength, kind.Duration
	if hasStrength {
		if in.Strength, err = kind.strength(strength); err != nil {
			return bad("%v", err)
		}
	}
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

// ParseNames reads "crash,leak": a part of the catalogue, in its order.
func ParseNames(s string) ([]Kind, error) {
	asked := map[sim.Fault]bool{}
	for name := range strings.SplitSeq(s, ",") {
		k, ok := Find(sim.Fault(strings.TrimSpace(name)))
		if !ok {
			return nil, fmt.Errorf("unknown fault %q; the faults are %s", name, Names())
		}
		asked[k.Fault] = true
	}
	var some []Kind
	for _, k := range Catalogue {
		if asked[k.Fault] {
			some = append(some, k)
		}
	}
	return some, nil
}

// Names lists the catalogue.
func Names() string {
	var all []string
	for _, k := range Catalogue {
		all = append(all, string(k.Fault))
	}
	return strings.Join(all, ", ")
}
