package traffic

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"forklore/runtimes/app"
)

// ParseError is what is wrong with a workload or a weight that a user wrote.
// Its text is one line that also says what would be right.
type ParseError struct {
	What    string // "workload" or "weight"
	Step    int    // which step of the list, from 1; 0: the whole
	Text    string // as it was written
	Problem string
}

func (e *ParseError) Error() string {
	if e.Step > 0 {
		return fmt.Sprintf("%s, step %d %q: %s", e.What, e.Step, e.Text, e.Problem)
	}
	return fmt.Sprintf("%s %q: %s", e.What, e.Text, e.Problem)
}

const (
	// maxUserSteps leaves room in app.MaxSteps for what a fault adds: the
	// fault itself, another one, and the io step that one of them splits.
	maxUserSteps = app.MaxSteps - 4
	// maxText bounds what is read at all, and so what an error repeats.
	maxText = 1024
)

// ParseWorkload reads a preset (hello, api, report) or a list of steps:
//
//	cpu 2ms, io exp(150ms), mem uniform(1MiB,4MiB), reply 1KiB
//
// A quantity is a number with a unit, or const(x), exp(mean), uniform(lo,hi)
// or lognormal(median,sigma).
func ParseWorkload(s string) (Workload, error) {
	wrong := func(format string, a ...any) (Workload, error) {
		return Workload{}, &ParseError{What: "workload", Text: s, Problem: fmt.Sprintf(format, a...)}
	}
	if len(s) > maxText {
		n := len(s)
		s = s[:32]
		return wrong("%d characters, at most %d are read", n, maxText)
	}
	name := strings.TrimSpace(s)
	if list, ok := presets[name]; ok {
		if name = list; list == "" {
			return Workload{}, nil
		}
	}
	if name == "" {
		return wrong("empty: give a preset (%s) or steps, like %q", presetNames(), presets["api"])
	}
	list := splitSteps(name)
	if len(list) > maxUserSteps {
		return wrong("%d steps, at most %d are possible", len(list), maxUserSteps)
	}
	var w Workload
	for i, text := range list {
		st, err := parseStep(text)
		if err != nil {
			return Workload{}, &ParseError{What: "workload", Step: i + 1, Text: text, Problem: err.Error()}
		}
		w.steps = append(w.steps, st)
	}
	return w, nil
}

func presetNames() string { return strings.Join(slices.Sorted(maps.Keys(presets)), ", ") }

// splitSteps splits at the commas that stand outside of parentheses.
func splitSteps(s string) []string {
	var list []string
	depth, from := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				list, from = append(list, strings.TrimSpace(s[from:i])), i+1
			}
		}
	}
	return append(list, strings.TrimSpace(s[from:]))
}

func parseStep(text string) (step, error) {
	verb, quantity, _ := strings.Cut(text, " ")
	v, ok := verbs[verb]
	switch {
	case text == "":
		return step{}, fmt.Errorf("empty: a comma too many?")
	case isFault(verb):
		return step{}, fmt.Errorf("%s is a fault, not work: inject it (--inject %s@3s)", verb, verb)
	case presets[verb] != "" || verb == "hello":
		return step{}, fmt.Errorf("the preset %s stands alone, not in a list", verb)
	case !ok:
		return step{}, fmt.Errorf("unknown step (steps: cpu, io, mem, reply; presets: %s)", presetNames())
	}
	quantity = strings.TrimSpace(quantity)
	if quantity == "" {
		return step{}, fmt.Errorf("no quantity: write %s %s", verb, v.units.text(2*v.units[1].n))
	}
	d, err := parseDist(quantity, v.units, v.kind.Most())
	return step{kind: v.kind, n: d}, err
}

// isFault knows the application's faults by their names on the wire, less the
// unit: leak_bytes is what users call leak.
func isFault(verb string) bool {
	for k := app.Crash; k <= app.Last; k++ {
		name, _, _ := strings.Cut(k.String(), "_")
		if verb == name {
			return true
		}
	}
	return false
}

// parseDist reads a quantity or a distribution of it.
func parseDist(s string, u units, most int64) (dist, error) {
	name, args, isCall := strings.Cut(s, "(")
	if !isCall {
		n, err := u.parse(s, most)
		return dist{a: n}, err
	}
	name = strings.TrimSpace(name)
	sh, ok := shapes[name]
	if !ok {
		return dist{}, fmt.Errorf("unknown distribution %q (%s)", name, strings.Join(slices.Sorted(maps.Keys(shapes)), ", "))
	}
	args, closed := strings.CutSuffix(args, ")")
	if !closed {
		return dist{}, fmt.Errorf("%q is not closed: the last character must be )", s)
	}
	list := strings.Split(args, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	want, form := 1, name+"("+u.text(u[1].n)+")"
	switch sh {
	case uniform:
		want, form = 2, name+"("+u.text(u[1].n)+","+u.text(3*u[1].n)+")"
	case lognormal:
		want, form = 2, name+"("+u.text(u[1].n)+",0.5)"
	}
	if len(list) != want {
		return dist{}, fmt.Errorf("%s takes %d value(s), like %s", name, want, form)
	}
	d := dist{shape: sh}
	var err error
	if d.a, err = u.parse(list[0], most); err != nil {
		return dist{}, err
	}
	switch sh {
	case uniform:
		if d.b, err = u.parse(list[1], most); err != nil {
			return dist{}, err
		}
		if d.b < d.a {
			return dist{}, fmt.Errorf("%s runs from %s down to %s: the smaller comes first", name, list[0], list[1])
		}
	case lognormal:
		d.sigma, err = strconv.ParseFloat(list[1], 64)
		if err != nil || !(d.sigma >= 0 && d.sigma <= maxSigma) {
			return dist{}, fmt.Errorf("sigma %q must be a number from 0 to %d, like %s", list[1], maxSigma, form)
		}
	}
	return d, nil
}

// weights are what an application costs to start.
var weights = map[string]app.Weight{
	"function":    {},
	"application": {CPUUS: 2_000, MemBytes: 2 << 20},
	"monolith":    {CPUUS: 60_000, MemBytes: 8 << 20},
}

// ParseWeight reads the application's weight: function, application, monolith.
func ParseWeight(s string) (app.Weight, error) {
	w, ok := weights[s]
	if !ok {
		text := s[:min(len(s), 64)]
		return w, &ParseError{What: "weight", Text: text, Problem: "unknown (weights: function, application, monolith)"}
	}
	return w, nil
}
