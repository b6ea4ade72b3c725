package lessons

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"forklore/sim"
	"forklore/sim/traffic"
)

// Setup is the lab that a lesson needs: the command line's flags, by their names.
type Setup map[string]any

// Flags is the setup as it would be written on the command line, name -> value.
func (s Setup) Flags() map[string]string {
	flags := make(map[string]string, len(s))
	for name, v := range s {
		flags[name] = flagText(v)
	}
	return flags
}

// With is the setup with some flags changed.
func (s Setup) With(changed Setup) Setup {
	all := maps.Clone(s)
	if all == nil {
		all = Setup{}
	}
	maps.Copy(all, changed)
	return all
}

// String writes it as it would stand on the command line.
func (s Setup) String() string {
	flags := s.Flags()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		list = append(list, "--"+name+"="+flags[name])
	}
	return strings.Join(list, " ")
}

func flagText(v any) string {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = flagText(v[i])
		}
		return strings.Join(parts, ",")
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// flagChecks say of each flag what a lesson may give it. The bounds are the
// command line's, or narrower: a lesson runs on other people's machines.
var flagChecks = map[string]func(string) error{
	"models": func(s string) error { _, err := modelsOf(strings.Split(s, ",")); return err },
	"rate": func(s string) error {
		if s == "auto" {
			return nil
		}
		return number(s, sim.MinRate, 1000)
	},
	"workload":      func(s string) error { _, err := traffic.ParseWorkload(s); return err },
	"weight":        func(s string) error { _, err := traffic.ParseWeight(s); return err },
	"arrivals":      oneOf("poisson", "even"),
	"seed":          func(s string) error { _, err := strconv.ParseUint(s, 10, 64); return err },
	"timeout":       between(time.Millisecond, time.Minute),
	"keepalive":     oneOf("true", "false"),
	"memory":        func(s string) error { return size(s, 16<<20, 4<<30) },
	"pids":          whole(1, 4096),
	"workers":       whole(1, 256),
	"max-requests":  whole(0, 1_000_000),
	"max-calls":     whole(1, 1024),
	"queue":         whole(0, 100_000),
	"call-timeout":  between(10*time.Millisecond, time.Minute),
	"restart-delay": between(0, time.Minute),
	"loop-listener": oneOf("own", "supervisor"),
	"container":     oneOf(sim.ModeFresh, sim.ModePrewarmed, sim.ModeWarm),
	"pool":          whole(1, 64),
	"idle":          between(10*time.Millisecond, time.Minute),
	"concurrency":   whole(0, 1024),
	"engine":        oneOf("native", "runc", "crun"),
}

func oneOf(list ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(list, s) {
			return fmt.Errorf("%q is none of %s", s, strings.Join(list, ", "))
		}
		return nil
	}
}

func number(s string, least, most float64) error {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= least && n <= most) {
		return fmt.Errorf("%q is no number from %v to %v", s, least, most)
	}
	return nil
}

func whole(least, most int64) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is no whole number from %d to %d", s, least, most)
		}
		return nil
	}
}

func between(least, most time.Duration) func(string) error {
	return func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < least || d > most {
			return fmt.Errorf("%q is no time from %v to %v, like %q", s, least, most, "2s")
		}
		return nil
	}
}

func size(s string, least, most int64) error {
	n, err := traffic.ParseSize(s)
	if err != nil {
		return err
	}
	if n < least || n > most {
		return fmt.Errorf("%q is not from %dMiB to %dMiB", s, least>>20, most>>20)
	}
	return nil
}

// modelsOf reads names of models.
func modelsOf(names []string) (set sim.Models, err error) {
	for _, name := range names {
		m, ok := sim.ParseModel(name)
		if !ok {
			return 0, fmt.Errorf("%q is no model; the models are cgi, prefork, eventloop, container", name)
		}
		if set.Has(m) {
			return 0, fmt.Errorf("the model %s is named twice", name)
		}
		set = set.With(m)
	}
	if set == 0 {
		return 0, fmt.Errorf("no model is named")
	}
	return set, nil
}

// check adds what is wrong with the setup, whose table stands at path.
func (s Setup) check(l *Lesson, path string, f *findings) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		at := l.lines.of(path + "." + name)
		check, ok := flagChecks[name]
		if !ok {
			f.add(l.toml(), at, "%s: unknown flag %q (known: %s)", path, name, strings.Join(slices.Sorted(maps.Keys(flagChecks)), ", "))
			continue
		}
		switch s[name].(type) {
		case string, int64, float64, bool, []any:
		default:
			f.add(l.toml(), at, "%s: %s must be text, a number, true or false, or a list", path, name)
			continue
		}
		if err := check(flagText(s[name])); err != nil {
			f.add(l.toml(), at, "%s: %s: %v", path, name, err)
		}
	}
}
