package matrix

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"forklore/sim"
	"forklore/sim/fault"
)

// mixed is a document with cells of every kind.
func mixed(t *testing.T) *Document {
	f := newFake()
	f.off[sim.Prefork] = sim.Unavailable
	f.never[sim.FaultHang] = true
	f.refuse = func(c sim.Command, _ *sim.Snapshot) error {
		if c.Inject != nil && c.Inject.Fault == sim.FaultSegv {
			return sim.ErrUnsupported
		}
		return nil
	}
	f.incident = func(fa sim.Fault, c Column) (sim.Incident, bool) {
		if fa == sim.FaultBurst {
			f.once.Do(func() { close(f.quit) })
		}
		e, _ := Of(fa, c)
		i, ok := find(fa, &e, fa != sim.FaultLeak)
		i.Proof = "exit status 2"
		return i, ok && (fa != sim.FaultKill || c != CGI)
	}
	f.start()
	d, err := Run(t.Context(), f, Options{Faults: fault.Catalogue})
	<-f.over
	if err == nil || d == nil {
		t.Fatalf("document %v, error %v", d, err)
	}
	return d
}

func TestTable(t *testing.T) {
	d := mixed(t)
	var out bytes.Buffer
	if err := d.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > pageWidth {
			t.Errorf("a line has %d characters: %s", n, line)
		}
		if strings.ContainsAny(line, "\x1b\t") || strings.HasSuffix(line, " \n") {
			t.Errorf("a line with an escape, a tab or blanks at its end: %q", line)
		}
	}
	flat := strings.Join(strings.Fields(text), " ")
	for i := range d.Cells {
		c := &d.Cells[i]
		for _, want := range []string{c.Expected, c.Sentence, c.Cites, c.URL, c.seen()} {
			if want = strings.Join(strings.Fields(want), " "); !strings.Contains(flat, want) {
				t.Errorf("%s in %s: %q is not in the table", c.Fault, c.column, want)
			}
		}
	}
	for _, want := range []string{"CUT SHORT: " + sim.ErrClosed.Error(), "leak 12MiB, 7s\n", "burst 5 times, 3s\n", "spin 2s\n", "\ncrash\n", "not as expected: kill in cgi"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the table", want)
		}
	}
}

func TestBrief(t *testing.T) {
	d := mixed(t)
	for _, c := range []struct {
		fault sim.Fault
		c     Column
		want  [2]string
	}{
		{sim.FaultSegv, CGI, [2]string{"- not possible"}},
		{sim.FaultCrash, Prefork, [2]string{"- unavailable"}},
		{sim.FaultKill, CGI, [2]string{"✗ nothing to see"}},
		{sim.FaultRetryStorm, Fresh, [2]string{"- not measured"}},
		{sim.FaultCrash, Warm, [2]string{"- not measured"}},
	} {
		if diff := cmp.Diff(c.want, d.cell(t, c.fault, c.c).brief()); diff != "" {
			t.Errorf("%s in %s (-want +got):\n%s", c.fault, c.c, diff)
		}
	}
	yes, no := true, false
	f := Figures{Carriers: 1, Collateral: 19, DowntimeMS: 1044.2, OOMKills: 2, SlopeMiBS: 47.96}
	leak := Cell{Fault: sim.FaultLeak, Figures: &f, Holds: &yes}
	for want, change := range map[[2]string]func(){
		{"✓ 1+19  1.04 s", "  2 oom"}:         func() {},
		{"✓ 1+19  1.04 s", "  48.0 MiB/s"}:    func() { f.OOMKills = 0 },
		{"✗ 1+19  1.04 s", "  not recovered"}: func() { leak.Holds, leak.Reason = &no, "did not recover" },
	} {
		f.OOMKills, leak.Holds, leak.Reason = 2, &yes, ""
		change()
		if diff := cmp.Diff(want, leak.brief()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// The JSON has all figures by their names, and no figures where nothing
// was measured.
func TestJSON(t *testing.T) {
	d := mixed(t)
	var out bytes.Buffer
	if err := d.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema, Source string
		Cells          []map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != "forklore/matrix/v1" || doc.Source != "live" || len(doc.Cells) != len(d.Cells) {
		t.Errorf("schema %q, source %q, %d cells", doc.Schema, doc.Source, len(doc.Cells))
	}
	for n, c := range doc.Cells {
		for _, name := range []string{"fault", "model", "proof", "expected", "holds", "sentence", "source"} {
			if _, ok := c[name]; !ok {
				t.Errorf("cell %d has no %s", n, name)
			}
		}
		for _, name := range figureNames {
			if _, ok := c[name]; ok != (d.Cells[n].Figures != nil) {
				t.Errorf("cell %d, %s in %s: %s is there: %v", n, c["fault"], c["model"], name, ok)
			}
		}
		if c["model"] == "container" != (c["mode"] != nil) {
			t.Errorf("cell %d: model %v, mode %v", n, c["model"], c["mode"])
		}
		if c["holds"] == nil && c["reason"] == nil {
			t.Errorf("cell %d, %s in %s: no reason", n, c["fault"], c["model"])
		}
	}
}
