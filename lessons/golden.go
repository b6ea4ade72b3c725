package lessons

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"forklore/sim/report"
)

// GoldenSchema names the shape of golden.json.
const GoldenSchema = "forklore/golden/v1"

// maxEvidence bounds the evidence: all figures of four models, and what was noted.
const maxEvidence = 1000

// Golden is recorded evidence: what the prose may quote, and where it was seen.
type Golden struct {
	Schema   string         `json:"schema"`
	Recorded string         `json:"recorded"` // 2026-11-27
	Machine  report.Machine `json:"machine"`
	Seed     uint64         `json:"seed"`
	// Experiment is a hash of the setup and the actions that it was recorded with.
	Experiment string             `json:"experiment,omitempty"`
	Figures    map[string]float64 `json:"figures"`
	Evidence   Evidence           `json:"evidence,omitempty"`
}

// Where is when and on what machine it was recorded.
func (g *Golden) Where() string { return g.Recorded + ", " + g.Machine.String() }

// parseGolden reads golden.json.
func parseGolden(path string, data []byte, f *findings) *Golden {
	g := &Golden{}
	if len(data) > maxGolden {
		f.add(path, 1, "%d bytes; at most %d are read", len(data), maxGolden)
		return g
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(g)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		f.add(path, 1+bytes.Count(data[:min(int(d.InputOffset()), len(data))], []byte("\n")), "%v", err)
		return g
	}
	if g.Schema != GoldenSchema {
		f.add(path, 1, "the schema is %q; must be %s", g.Schema, GoldenSchema)
	}
	if _, err := time.Parse(time.DateOnly, g.Recorded); err != nil {
		f.add(path, 1, "recorded: %q is no date like 2026-11-27", g.Recorded)
	}
	if len(g.Figures) > maxList {
		f.add(path, 1, "%d figures; at most %d are read", len(g.Figures), maxList)
	}
	if len(g.Evidence) > maxEvidence {
		f.add(path, 1, "%d figures of evidence; at most %d are read", len(g.Evidence), maxEvidence)
	}
	return g
}

// Record is golden.json of a run that held.
func (r *Result) Record(today time.Time) ([]byte, error) {
	if r.Control || !r.Good() {
		return nil, fmt.Errorf("%s: only a run whose checks all hold is recorded", r.Lesson)
	}
	// A check holds from the moment on at which it does, the evidence is the last
	// one's: by then another may not hold any more.
	if e, _ := r.evidence.environment(r.lesson.models); r.lesson.shortOf(e) != "" {
		return nil, fmt.Errorf("%s: not recorded, for by its last figures %s", r.Lesson, r.lesson.shortOf(e))
	}
	g := Golden{Schema: GoldenSchema, Recorded: today.Format(time.DateOnly), Machine: r.Machine, Seed: r.Seed, Experiment: r.lesson.Experiment(),
		Figures: map[string]float64{}, Evidence: r.evidence}
	for _, f := range r.Figures {
		g.Figures[f.Name] = math.Round(f.Value*1000) / 1000
	}
	out, err := json.MarshalIndent(g, "", "  ")
	return append(out, '\n'), err
}
