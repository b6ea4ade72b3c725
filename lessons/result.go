package lessons

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"forklore/sim"
	"forklore/sim/report"
)

// Schema names the shape of a result's JSON.
const Schema = "forklore/lesson/v1"

// Outcome is how an experiment ended.
type Outcome string

// The outcomes.
const (
	OutcomeHeld        Outcome = "held"        // every check holds
	OutcomeFailed      Outcome = "failed"      // one doesn't, or the fault did not take effect
	OutcomeRefused     Outcome = "refused"     // no steady state, or the source said no
	OutcomeAborted     Outcome = "aborted"     // by the guard
	OutcomeUnavailable Outcome = "unavailable" // a model can't run here
	OutcomeCut         Outcome = "cut"         // by a signal, or the learner
)

// Result is what a run of a lesson showed.
type Result struct {
	Schema     string         `json:"schema"`
	Lesson     string         `json:"lesson"`
	Control    bool           `json:"control"`
	Source     sim.Kind       `json:"source"`
	Machine    report.Machine `json:"machine"`
	Seed       uint64         `json:"seed"`
	Setup      string         `json:"setup"`
	DurationMS int64          `json:"duration_ms"`
	Outcome    Outcome        `json:"outcome"`
	Why        string         `json:"why,omitempty"`
	// Drawn are the faults that were drawn.
	Drawn   []Drawn   `json:"drawn,omitempty"`
	Steady  []Verdict `json:"steady_state"`
	Effects []Verdict `json:"took_effect"`
	Answers []Grade   `json:"answers"`
	Checks  []Verdict `json:"checks"`
	Figures []Figure  `json:"figures"`
	// Unseen are observe questions that no option fits: what was measured is none
	// of what the lesson offers.
	Unseen []string `json:"unseen,omitempty"`

	lesson   *Lesson
	evidence Evidence
}

// Result is what the session's experiment has shown so far.
func (s *Session) Result() *Result {
	r := &Result{Schema: Schema, Lesson: s.lesson.ID, Control: s.o.Control, Setup: s.setup.String(),
		DurationMS: s.Elapsed().Milliseconds(), Outcome: s.outcome, Why: s.why, Drawn: slices.Clone(s.drawn),
		Steady: s.Conditions(), Effects: s.Effects(), Checks: s.Verdicts(), Figures: slices.Clone(s.figures), lesson: s.lesson}
	if len(r.Checks) == 0 { // it did not come to them
		for _, c := range s.lesson.Checks {
			r.Checks = append(r.Checks, Verdict{ID: c.ID, Claim: c.Claim, Expr: c.Expr, Why: "not judged"})
		}
	}
	for i := range r.Checks {
		r.Checks[i].Figures = orEmpty(r.Checks[i].Figures)
	}
	r.Steady, r.Effects, r.Figures, r.Answers = orEmpty(r.Steady), orEmpty(r.Effects), orEmpty(r.Figures), []Grade{}
	if s.last != nil {
		r.Source, r.Seed = s.last.Kind, s.last.Load.Seed
		r.Machine = report.ThisMachine(s.last.Lab.Cgroup)
	}
	if s.o.Recorded {
		r.Source, r.Seed, r.Machine = sim.Replay, s.lesson.Golden.Seed, s.lesson.Golden.Machine
	}
	for _, list := range [][]Question{s.lesson.Predict, s.lesson.Observe} {
		for _, q := range list {
			if g := s.Grade(q.ID); g != nil {
				r.Answers = append(r.Answers, *g)
			}
		}
	}
	if s.final != nil {
		r.evidence = s.final.evidence(s.lesson.models)
	}
	if s.final != nil && !s.o.Control {
		for _, q := range s.lesson.Observe {
			if q.Kind == Choice {
				if _, _, ok := q.choiceFor(Answer{}, s.final); !ok {
					r.Unseen = append(r.Unseen, q.ID)
				}
			}
		}
	}
	return r
}

// orEmpty: JSON has [] for none.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Good: the run shows what it should. With the solution every check holds; in a
// control run every check was judged, and none holds.
func (r *Result) Good() bool {
	if r.Control {
		judged := r.Outcome == OutcomeFailed && len(r.Checks) > 0
		return judged && !slices.ContainsFunc(r.Checks, func(v Verdict) bool { return v.Held || !v.Decided })
	}
	return r.Outcome == OutcomeHeld && len(r.Unseen) == 0
}

// WriteJSON writes one object and nothing else.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// Write prints each claim, the figures that were judged, and the verdict.
func (r *Result) Write(w io.Writer, lang string) error {
	var b strings.Builder
	words := wordsOf(lang)
	title := r.lesson.Title(lang)
	if r.Control {
		title += " (" + words.control + ")"
	}
	fmt.Fprintf(&b, "%s  %s\n", r.Lesson, title)
	for _, claim := range r.lesson.Claims {
		indent := strings.Repeat(" ", len(claim))
		for i, line := range Wrap(r.lesson.Text(lang, "claim."+claim, r.seen()).Body, maxCells-len(claim)-4) {
			lead := indent
			if i == 0 {
				lead = claim
			}
			fmt.Fprintf(&b, "  %s  %s\n", lead, line)
		}
		for _, v := range r.Checks {
			if v.Claim != claim {
				continue
			}
			fmt.Fprintf(&b, "  %s  - %s: %s\n", indent, v.Expr, words.verdict(v))
			for _, f := range v.Figures {
				fmt.Fprintf(&b, "  %s      %s %s\n", indent, f.Name, FigureText(f.Value))
			}
		}
	}
	for _, d := range r.Drawn {
		fmt.Fprintf(&b, "  %s: %s\n", d.Action, fmt.Sprintf(words.drawn, d.Fault, d.By))
	}
	for _, id := range r.Unseen {
		fmt.Fprintf(&b, "  %s: %s\n", id, words.unseen)
	}
	if r.Why != "" {
		fmt.Fprintf(&b, "  %s\n", clip(r.Why))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) seen() map[string]float64 {
	seen := map[string]float64{}
	for _, f := range r.Figures {
		seen[f.Name] = f.Value
	}
	return seen
}
