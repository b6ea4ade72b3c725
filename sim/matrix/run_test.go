package matrix

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/sim"
	"forklore/sim/fault"
)

// asExpected plays a lab in which every cell holds.
func asExpected(f sim.Fault, c Column) (sim.Incident, bool) {
	e, _ := Of(f, c)
	return find(f, &e, true)
}

// some are the faults of that text.
func some(t *testing.T, names string) []fault.Kind {
	t.Helper()
	kinds, err := fault.ParseNames(names)
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// measure runs the matrix against a fake, and ends it.
func measure(t *testing.T, f *fake, faults string) (*Document, error) {
	t.Helper()
	if f.incident == nil {
		f.incident = asExpected
	}
	f.start()
	defer f.Close()
	o := Options{}
	if faults != "" {
		o.Faults = some(t, faults)
	}
	return Run(t.Context(), f, o)
}

// cell finds one.
func (d *Document) cell(t *testing.T, f sim.Fault, c Column) *Cell {
	t.Helper()
	for i := range d.Cells {
		if d.Cells[i].Fault == f && d.Cells[i].column == c {
			return &d.Cells[i]
		}
	}
	t.Fatalf("no cell for %s in %s", f, c)
	return nil
}

// Everything, in a lab that behaves: all cells hold, each fault was put in twice
// with its dose, and all processes are new in between.
func TestAll(t *testing.T) {
	f := newFake()
	var notes []string
	f.incident = asExpected
	f.start()
	defer f.Close()
	d, err := Run(t.Context(), f, Options{Note: func(s string) { notes = append(notes, s) }})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(fault.Catalogue) * int(NColumns); len(d.Cells) != want {
		t.Errorf("%d cells, want %d", len(d.Cells), want)
	}
	for i := range d.Cells {
		c := &d.Cells[i]
		if c.Holds == nil || !*c.Holds {
			t.Errorf("%s in %s: %s; %s", c.Fault, c.column, c.Expected, c.seen())
		}
	}
	if d.Failed() != 0 || d.Missing() || d.CutShort != "" {
		t.Errorf("failed %d, missing %v, cut short %q", d.Failed(), d.Missing(), d.CutShort)
	}
	var want []string
	for pass, mode := range []string{sim.ModeFresh, sim.ModeWarm} {
		if pass > 0 {
			want = append(want, mode)
		}
		for _, k := range fault.Catalogue {
			want = append(want, string(k.Fault), "renew")
		}
	}
	if diff := cmp.Diff(want[:len(want)-1], f.commands); diff != "" { // nothing follows the last
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	for n, in := range f.injected {
		k := fault.Catalogue[n%len(fault.Catalogue)]
		want := dose(k)
		want.Models = sim.AllModels
		if n >= len(fault.Catalogue) {
			want.Models = sim.Models(0).With(sim.Container)
		}
		if diff := cmp.Diff(want, in); diff != "" {
			t.Errorf("injection %d (-want +got):\n%s", n, diff)
		}
	}
	if len(notes) != 1+2*len(fault.Catalogue) || !strings.HasPrefix(notes[6], "6/32 leak 12MiB, 7s: all models at once (at ") {
		t.Errorf("%d notes, the seventh %q", len(notes), notes[6])
	}
}

// What presses on the machine strikes one model after the other: the runner
// waits for the last, however long that takes.
func TestOneAfterTheOther(t *testing.T) {
	f := newFake()
	d, err := measure(t, f, "spin")
	if err != nil || d.Failed() != 0 {
		t.Fatalf("%v, %d failed", err, d.Failed())
	}
	at := slices.Clone(f.opened[:sim.NModels])
	if slices.Sort(at); len(slices.Compact(at)) != int(sim.NModels) {
		t.Errorf("opened at %v: some at once", f.opened)
	}
}

// A mis-wired lab: what is done to a model isn't what was asked for, and each of
// its cells says so.
func TestMiswired(t *testing.T) {
	f := newFake()
	f.incident = func(fa sim.Fault, c Column) (sim.Incident, bool) {
		e, _ := Of(fa, c)
		return find(fa, &e, c != EventLoop)
	}
	d, err := measure(t, f, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.Cells {
		if c := &d.Cells[i]; c.Holds == nil || *c.Holds != (c.column != EventLoop) {
			t.Errorf("%s in %s: holds is %v", c.Fault, c.column, c.Holds)
		}
	}
	if want := len(fault.Catalogue); d.Failed() != want {
		t.Errorf("%d failed, want %d", d.Failed(), want)
	}
}

func TestNoRecovery(t *testing.T) {
	f := newFake()
	f.never[sim.FaultCrash] = true
	d, err := measure(t, f, "crash,kill")
	if err != nil {
		t.Fatal(err)
	}
	for c := range NColumns {
		crash, kill := d.cell(t, sim.FaultCrash, c), d.cell(t, sim.FaultKill, c)
		if crash.Holds == nil || *crash.Holds || crash.Figures == nil || crash.Recovered || !strings.Contains(crash.Reason, "did not recover") {
			t.Errorf("crash in %s: holds %v, reason %q", c, crash.Holds, crash.Reason)
		}
		if kill.Holds == nil || !*kill.Holds {
			t.Errorf("the kill after it in %s: %s", c, kill.seen())
		}
	}
	if diff := cmp.Diff([]string{"crash", "undo", "renew"}, f.commands[:3]); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestNoEffect(t *testing.T) {
	f := newFake()
	f.incident = func(fa sim.Fault, c Column) (sim.Incident, bool) {
		i, ok := asExpected(fa, c)
		return i, ok && c != Prefork
	}
	d, err := measure(t, f, "leak")
	if err != nil {
		t.Fatal(err)
	}
	c := d.cell(t, sim.FaultLeak, Prefork)
	if c.Holds == nil || *c.Holds || c.Figures != nil || !strings.Contains(c.Reason, "did not take effect") || d.Failed() != 1 {
		t.Errorf("holds %v, figures %v, reason %q, %d failed", c.Holds, c.Figures, c.Reason, d.Failed())
	}
}

// What a source refuses, and what becomes of the cells.
func TestRefused(t *testing.T) {
	short := errors.New("short of memory: 64 MiB are left")
	inject := func(c sim.Command, f sim.Fault) bool { return c.Inject != nil && c.Inject.Fault == f }
	for _, tc := range []struct {
		name   string
		refuse func(*fake) func(sim.Command, *sim.Snapshot) error
		// of the crash in cgi: holds is null, false or true
		crash  string
		reason string
		kill   string // the next fault's cell
		failed int
		err    error
	}{
		{name: "unsupported", crash: "null", reason: "not possible here: no", kill: "true",
			refuse: func(*fake) func(sim.Command, *sim.Snapshot) error {
				return func(c sim.Command, _ *sim.Snapshot) error {
					if inject(c, sim.FaultCrash) {
						return fmt.Errorf("%w: no", sim.ErrUnsupported)
					}
					return nil
				}
			}},
		{name: "not steady for a while", crash: "true", kill: "true",
			refuse: func(*fake) func(sim.Command, *sim.Snapshot) error {
				asked := 0
				return func(c sim.Command, _ *sim.Snapshot) error {
					if inject(c, sim.FaultCrash) {
						if asked++; asked < 50 {
							return fmt.Errorf("%w: cgi lacks processes", sim.ErrNotSteady)
						}
					}
					return nil
				}
			}},
		{name: "never steady", crash: "false", reason: "not in steady state", kill: "true", failed: int(NColumns),
			refuse: func(*fake) func(sim.Command, *sim.Snapshot) error {
				return func(c sim.Command, _ *sim.Snapshot) error {
					if inject(c, sim.FaultCrash) {
						return sim.ErrNotSteady
					}
					return nil
				}
			}},
		{name: "short of memory", crash: "true", kill: "null", reason: "", err: short,
			refuse: func(*fake) func(sim.Command, *sim.Snapshot) error {
				return func(c sim.Command, _ *sim.Snapshot) error {
					if inject(c, sim.FaultKill) {
						return short
					}
					return nil
				}
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake()
			f.refuse = tc.refuse(f)
			d, err := measure(t, f, "crash,kill")
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if tc.err != nil && d.CutShort != tc.err.Error() {
				t.Errorf("cut short %q", d.CutShort)
			}
			crash, kill := d.cell(t, sim.FaultCrash, CGI), d.cell(t, sim.FaultKill, CGI)
			if got := word(crash.Holds); got != tc.crash || !strings.HasPrefix(crash.Reason, tc.reason) {
				t.Errorf("crash: holds %s, reason %q; want %s, %q", got, crash.Reason, tc.crash, tc.reason)
			}
			if got := word(kill.Holds); got != tc.kill {
				t.Errorf("kill: holds %s, reason %q; want %s", got, kill.Reason, tc.kill)
			}
			if d.Failed() != tc.failed {
				t.Errorf("%d failed, want %d", d.Failed(), tc.failed)
			}
		})
	}
}

func word(holds *bool) string {
	if holds == nil {
		return "null"
	}
	return fmt.Sprint(*holds)
}

// A part of the targets is refused, in an event.
func TestRefusedInPart(t *testing.T) {
	f := newFake()
	f.incident = func(fa sim.Fault, c Column) (sim.Incident, bool) {
		if c == CGI {
			f.events = append(f.events, sim.Event{Model: sim.CGI, What: sim.EventRefused, Text: "cgi runs a program that can't be asked for it"})
			return sim.Incident{}, false
		}
		return asExpected(fa, c)
	}
	d, err := measure(t, f, "crash")
	if err != nil {
		t.Fatal(err)
	}
	if c := d.cell(t, sim.FaultCrash, CGI); c.Holds != nil || !strings.HasPrefix(c.Reason, "cgi runs") || d.Failed() != 0 {
		t.Errorf("holds %v, reason %q, %d failed", c.Holds, c.Reason, d.Failed())
	}
}

func TestWarmRefused(t *testing.T) {
	f := newFake()
	f.refuse = func(c sim.Command, _ *sim.Snapshot) error {
		if c.Mode == sim.ModeWarm {
			return fmt.Errorf("%w: nothing freezes", sim.ErrUnsupported)
		}
		return nil
	}
	d, err := measure(t, f, "crash")
	if err != nil {
		t.Fatal(err)
	}
	if c := d.cell(t, sim.FaultCrash, Warm); c.Holds != nil || !strings.Contains(c.Reason, "nothing freezes") {
		t.Errorf("warm: holds %v, reason %q", c.Holds, c.Reason)
	}
	if c := d.cell(t, sim.FaultCrash, Fresh); c.Holds == nil || !*c.Holds {
		t.Errorf("fresh: %s", c.seen())
	}
}

func TestUnavailable(t *testing.T) {
	f := newFake()
	f.off[sim.Container], f.off[sim.Prefork] = sim.Unavailable, sim.Off
	d, err := measure(t, f, "crash")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Cells) != 4 || !d.Missing() || d.Failed() != 0 {
		t.Errorf("%d cells, missing %v, %d failed; want 4 (no prefork), true, 0", len(d.Cells), d.Missing(), d.Failed())
	}
	for _, c := range []Column{Fresh, Warm} {
		if c := d.cell(t, sim.FaultCrash, c); c.Holds != nil || c.Figures != nil || c.Reason != "no such thing here" {
			t.Errorf("%s: holds %v, reason %q", c.column, c.Holds, c.Reason)
		}
	}
	if in := f.injected[0].Models; in.Has(sim.Container) || in.Has(sim.Prefork) {
		t.Errorf("injected into %b", in)
	}
}

func TestNothingRuns(t *testing.T) {
	f := newFake()
	for m := range sim.NModels {
		f.off[m] = sim.Unavailable
	}
	d, err := measure(t, f, "")
	if err != nil || !d.Missing() || d.Failed() != 0 || len(f.commands) != 0 {
		t.Errorf("%v, missing %v, %d failed, commands %q", err, d.Missing(), d.Failed(), f.commands)
	}
}

// A signal midway: what was measured is kept, the rest says that it wasn't.
func TestInterrupted(t *testing.T) {
	f := newFake()
	ctx, cancel := context.WithCancel(t.Context())
	f.incident = func(fa sim.Fault, c Column) (sim.Incident, bool) {
		if fa == sim.FaultKill {
			cancel()
		}
		return asExpected(fa, c)
	}
	f.start()
	defer f.Close()
	d, err := Run(ctx, f, Options{Faults: some(t, "crash,kill")})
	if err != nil || d.CutShort != "interrupted" {
		t.Fatalf("%v, cut short %q", err, d.CutShort)
	}
	if c := d.cell(t, sim.FaultCrash, EventLoop); c.Holds == nil || !*c.Holds {
		t.Errorf("crash: %s", c.seen())
	}
	if c := d.cell(t, sim.FaultKill, EventLoop); c.Holds != nil || c.Reason != notMeasured {
		t.Errorf("kill: holds %v, reason %q", c.Holds, c.Reason)
	}
}

func TestInterruptedAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent := newFake() // not started: no snapshot comes
	if d, err := Run(ctx, silent, Options{}); d != nil || !errors.Is(err, errInterrupted) {
		t.Errorf("document %v, error %v", d, err)
	}
}

func TestSourceEnds(t *testing.T) {
	f := newFake()
	f.incident = func(sim.Fault, Column) (sim.Incident, bool) {
		f.once.Do(func() { close(f.quit) })
		return sim.Incident{}, false
	}
	f.start()
	d, err := Run(t.Context(), f, Options{Faults: some(t, "crash")})
	if !errors.Is(err, sim.ErrClosed) || d == nil || d.CutShort == "" {
		t.Errorf("document %v, error %v", d, err)
	}
	<-f.over
}

// Books that don't add up end the run.
func TestBooks(t *testing.T) {
	for name, spoil := range map[string]func(*sim.Snapshot){
		"a request too many": func(s *sim.Snapshot) { s.Model[sim.Prefork].Requests.Sent++ },
		"more carriers than lost": func(s *sim.Snapshot) {
			s.Current = []sim.Incident{{Fault: sim.FaultCrash, Lost: 1, Carriers: 2}}
		},
		"more refused than lost": func(s *sim.Snapshot) {
			s.Current = []sim.Incident{{Fault: sim.FaultCrash, Lost: 1, Refused: 2}}
		},
	} {
		f := newFake()
		f.spoil = spoil
		if _, err := measure(t, f, "crash"); err == nil || !strings.Contains(err.Error(), "a mistake in the books") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// What the ledger learns after an incident has closed is part of it.
func TestLateFigures(t *testing.T) {
	f := newFake()
	var closed time.Duration
	f.spoil = func(s *sim.Snapshot) {
		for n := range s.Current {
			i := &s.Current[n]
			if i.Model != sim.CGI || i.Open() {
				continue
			}
			if closed == 0 {
				closed = s.At
			}
			if s.At >= closed+2*time.Second {
				i.Lost, i.Errors = i.Lost+7, i.Errors+7
			}
		}
	}
	d, err := measure(t, f, "crash")
	if err != nil {
		t.Fatal(err)
	}
	if c := d.cell(t, sim.FaultCrash, CGI); c.Collateral != 7 || *c.Holds {
		t.Errorf("collateral %d, holds %v; want the 7 that came late, and false", c.Collateral, *c.Holds)
	}
}

// A death that nobody asked for stands beside the cell.
func TestOutside(t *testing.T) {
	f := newFake()
	f.spoil = func(s *sim.Snapshot) {
		if len(s.Current) > 0 {
			s.Current = append(s.Current, sim.Incident{Fault: sim.FaultOutside, Model: sim.CGI, At: s.At, Closed: s.At + 1})
		}
	}
	d, err := measure(t, f, "crash")
	if err != nil {
		t.Fatal(err)
	}
	if c := d.cell(t, sim.FaultCrash, CGI); c.Outside != 1 || !strings.Contains(c.seen(), "no fault explains") {
		t.Errorf("outside %d: %s", c.Outside, c.seen())
	}
	if c := d.cell(t, sim.FaultCrash, Prefork); c.Outside != 0 {
		t.Errorf("prefork: outside %d", c.Outside)
	}
}

// A cell of which nothing shows that the fault took effect isn't as expected,
// whatever its figures are.
func TestUnproven(t *testing.T) {
	f := newFake()
	f.incident = func(fa sim.Fault, c Column) (sim.Incident, bool) {
		i, ok := asExpected(fa, c)
		i.Proof = ""
		return i, ok
	}
	f.start()
	defer f.Close()
	d, err := Run(t.Context(), f, Options{Faults: some(t, "crash")})
	if err != nil || d.Failed() != len(d.Cells) {
		t.Errorf("%d of %d cells failed, %v; want all", d.Failed(), len(d.Cells), err)
	}
}
