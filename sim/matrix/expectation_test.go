package matrix

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forklore/sim"
	"forklore/sim/fault"
)

// Every fault of the catalogue has a row, every cell of it an expectation that
// can hold and can fail, a sentence, and a source.
func TestExpectations(t *testing.T) {
	if _, err := programs(); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(fault.Catalogue) {
		t.Errorf("%d rows, and %d faults in the catalogue", len(rows), len(fault.Catalogue))
	}
	for _, k := range fault.Catalogue {
		for c := range NColumns {
			e, ok := Of(k.Fault, c)
			if !ok {
				t.Errorf("%s in %s: no expectation", k.Fault, c)
				continue
			}
			for _, want := range []bool{true, false} {
				if _, ok := find(k.Fault, &e, want); !ok {
					t.Errorf("%s in %s: %q: no figures were found for which it is %v", k.Fault, c, e.Holds, want)
				}
			}
			for _, name := range e.names() {
				if !slices.Contains(figureNames, name) {
					t.Errorf("%s in %s: %q speaks of %s, which is no figure", k.Fault, c, e.Holds, name)
				}
			}
			if !strings.HasSuffix(e.Says, ".") || len(e.Says) < 40 {
				t.Errorf("%s in %s says %q, which is no sentence", k.Fault, c, e.Says)
			}
			if e.Source.Title == "" || e.Source.URL != "" && !strings.HasPrefix(e.Source.URL, "https://") {
				t.Errorf("%s in %s: its source is %q, %q", k.Fault, c, e.Source.Title, e.Source.URL)
			}
			if c > CGI && e.Says == rows[k.Fault].cells[c-1].Says {
				t.Errorf("%s in %s and %s says the same: %q", k.Fault, c-1, c, e.Says)
			}
		}
		for _, tl := range rows[k.Fault].tells {
			if !slices.Contains(figureNames, tl.figure) {
				t.Errorf("%s tells %s, which is no figure", k.Fault, tl.figure)
			}
			if n := len(tl.word); n == 0 || n > 10 {
				t.Errorf("%s: %q has no room in the table", k.Fault, tl.word)
			}
		}
		if len(rows[k.Fault].tells) == 0 {
			t.Errorf("%s tells no figure in the table", k.Fault)
		}
		if in := dose(k); in.Strength < k.Least || in.Strength > k.Most || (in.Duration == 0) != (k.Duration == 0) {
			t.Errorf("%s: dose %+v; the catalogue says %+v", k.Fault, in, k)
		}
	}
}

// Where processes isolate, the figures of a model that doesn't must fail, and
// the other way round: the cells tell the models apart.
func TestMistaken(t *testing.T) {
	isolated := Figures{InFlight: 4, Carried: 8, Lost: 1, Carriers: 1, Errors: 1, Arrivals: 40, OK: 39, Deaths: 1, CapacityLost: 1,
		Started: 40, ProcsBefore: 4, ProcsPeak: 6, LeakMiBS: 40, SlopeMiBS: 0.1, OOMKills: 1, CPUMS: 1900, StrengthMS: 2000, Recovered: true}
	spread := Figures{InFlight: 4, Lost: 20, Carriers: 1, Collateral: 19, Reset: 4, Refused: 16, Arrivals: 40, OK: 10, Delayed: 10,
		Wrong: 5, Deaths: 1, CapacityLost: 1, DowntimeMS: 1040, WorstMS: 2100, StrengthMS: 2000, ProcsBefore: 1, ProcsPeak: 1,
		LeakMiBS: 40, SlopeMiBS: 38, OOMKills: 1, Recovered: true}
	for _, f := range []sim.Fault{sim.FaultCrash, sim.FaultSegv, sim.FaultExit, sim.FaultOOM, sim.FaultKill, sim.FaultLeak, sim.FaultBleed, sim.FaultSpin} {
		for c := range NColumns {
			e, _ := Of(f, c)
			right, mistaken := &isolated, &spread
			if c == EventLoop || (f == sim.FaultLeak || f == sim.FaultBleed) && (c == Prefork || c == Warm) {
				right, mistaken = &spread, &isolated
			}
			if f == sim.FaultLeak && right == &spread && c != EventLoop {
				withoutKill := isolated // a pool that grows no more than what is thrown away
				withoutKill.OOMKills = 0
				mistaken = &withoutKill
			}
			for _, k := range []struct {
				f    *Figures
				want bool
			}{{right, true}, {mistaken, false}} {
				if got, err := e.holds(k.f); err != nil || got != k.want {
					t.Errorf("%s in %s: %q is %v, %v; want %v for %s", f, c, e.Holds, got, err, k.want, e.observed(k.f))
				}
			}
		}
	}
}

func TestRecovery(t *testing.T) {
	e, _ := Of(sim.FaultCrash, CGI)
	f := Figures{Carriers: 1, Lost: 1}
	if ok, _ := e.holds(&f); ok {
		t.Error("a model that did not recover is as expected")
	}
	f.Recovered = true
	if ok, _ := e.holds(&f); !ok {
		t.Error("the same, recovered, is not")
	}
}

func TestCompile(t *testing.T) {
	for text, ok := range map[string]bool{
		"collateral >= 0.8 * in_flight": true,
		"recovered && lost == 0":        true,
		"colateral == 0":                false, // no such figure
		"lost":                          false, // no truth value
		"max(lost, 1) > 0":              false, // no functions
		"lost > '0'":                    false,
		"lost > ":                       false,
	} {
		if _, err := compile(text); (err == nil) != ok {
			t.Errorf("compile(%q): %v", text, err)
		}
	}
}

// The names in an expectation are those of the JSON.
func TestFigureNames(t *testing.T) {
	b, err := json.Marshal(Figures{})
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(b, &object); err != nil {
		t.Fatal(err)
	}
	var inJSON []string
	for name := range object {
		inJSON = append(inJSON, name)
	}
	slices.Sort(inJSON)
	if diff := cmp.Diff(inJSON, slices.Sorted(slices.Values(figureNames))); diff != "" {
		t.Errorf("names (-JSON +expectations):\n%s", diff)
	}
	e := Expectation{Holds: "collateral >= 0.8 * in_flight && collateral > 0"}
	if got, want := e.observed(&Figures{Collateral: 19, InFlight: 5}), "collateral 19, in_flight 5"; got != want {
		t.Errorf("observed %q, want %q", got, want)
	}
}
