package matrix

import (
	"encoding/json"
	"io"

	"forklore/sim"
	"forklore/sim/report"
)

// Schema names the shape of the JSON.
const Schema = "forklore/matrix/v1"

// Document is what was measured. Units stand last in the names.
type Document struct {
	Schema       string         `json:"schema"`
	Source       sim.Kind       `json:"source"`
	Machine      report.Machine `json:"machine"`
	Seed         uint64         `json:"seed"`
	RatePerS     float64        `json:"rate_per_s"`
	Workload     string         `json:"workload"`
	Weight       string         `json:"weight"`
	DurationMS   int64          `json:"duration_ms"`
	Unattributed uint64         `json:"unattributed"`
	// UnattributedIn says which fault was being tried when they were given up on,
	// two seconds after they came.
	UnattributedIn map[sim.Fault]uint64 `json:"unattributed_in,omitempty"`
	// CutShort says why it ended before all was measured; absent if it didn't.
	CutShort string `json:"cut_short,omitempty"`
	Cells    []Cell `json:"cells"`
}

// Cell is a fault in a model.
type Cell struct {
	Fault    sim.Fault `json:"fault"`
	Model    string    `json:"model"`
	Mode     string    `json:"mode,omitempty"` // of the container
	*Figures           // absent where nothing was measured
	Proof    string    `json:"proof"`
	Expected string    `json:"expected"`
	// Holds is null where nothing was to be measured; Reason says why. A reason
	// beside false says why the figures don't count.
	Holds    *bool  `json:"holds"`
	Reason   string `json:"reason,omitempty"`
	Sentence string `json:"sentence"`
	Cites    string `json:"source"`
	URL      string `json:"source_url,omitempty"`

	column      Column
	expectation *Expectation
	unavailable bool
}

// notMeasured is the reason where the run ended before the cell's turn.
const notMeasured = "not measured"

// document puts the results into their JSON shape: a cell for each fault and
// each column of a model that is part of the run. cut says why it ended early.
func (r *run) document(cut string) (*Document, error) {
	s := r.last
	d := &Document{
		Schema: Schema, Source: s.Kind, Machine: report.ThisMachine(s.Lab.Cgroup), Seed: s.Load.Seed,
		RatePerS: s.Load.RatePerS, Workload: s.Load.Workload, Weight: s.Load.Weight,
		DurationMS: s.At.Milliseconds(), Unattributed: s.Unattributed, UnattributedIn: r.stray, CutShort: cut, Cells: []Cell{},
	}
	for _, k := range r.faults {
		for c := range NColumns {
			e, ok := Of(k.Fault, c)
			if v := &s.Model[c.Model()]; ok && v.State != sim.Off {
				cell, err := r.cell(k.Fault, c, &e, v)
				if err != nil {
					return d, err
				}
				d.Cells = append(d.Cells, cell)
			}
		}
	}
	return d, nil
}

func (r *run) cell(f sim.Fault, c Column, e *Expectation, v *sim.ModelState) (Cell, error) {
	cell := Cell{Fault: f, Model: c.Model().String(), Mode: c.Mode(), Expected: e.Holds, Sentence: e.Says,
		Cites: e.Source.Title, URL: e.Source.URL, column: c, expectation: e}
	res, tried := r.results[place{f, c}]
	cell.Figures, cell.Proof, cell.Reason = res.figures, res.proof, res.reason
	holds := false
	switch {
	case !tried && v.State == sim.Unavailable:
		cell.Reason, cell.unavailable = v.Why, true
		return cell, nil
	case !tried:
		cell.Reason = notMeasured
		return cell, nil
	case res.unfit:
		return cell, nil
	case res.figures != nil:
		var err error
		if holds, err = e.holds(res.figures); err != nil {
			return cell, err
		}
	}
	if holds && cell.Proof == "" {
		holds, cell.Reason = false, "nothing shows that the fault took effect"
	} else if holds {
		cell.Reason = "" // it was not to recover
	}
	cell.Holds = &holds
	return cell, nil
}

// Failed is how many cells are not as expected.
func (d *Document) Failed() (n int) {
	for i := range d.Cells {
		if h := d.Cells[i].Holds; h != nil && !*h {
			n++
		}
	}
	return n
}

// Missing reports whether a model of the run could not be started.
func (d *Document) Missing() bool {
	for i := range d.Cells {
		if d.Cells[i].unavailable {
			return true
		}
	}
	return false
}

// WriteJSON writes one object and nothing else.
func (d *Document) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}
