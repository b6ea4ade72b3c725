package lessons

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"

	"forklore/sim"
)

// A recording is a golden.json with evidence. Where [requires] is not met, a
// session shows it in place of an experiment:
//
//	--record ─▶ golden.json ─▶ Lesson.recorded ─▶ Session.replay ─▶ verdicts, grades
//	               └───── lint: of this experiment? does all hold? ─────┘

// Recorded: there is a recording to fall back to, of this experiment.
func (l *Lesson) Recorded() bool {
	return l.Fallback == ToRecording && l.recorded != nil && l.Golden.Experiment == l.Experiment()
}

// Experiment is a hash of what is done to which lab: a recording is one of that.
func (l *Lesson) Experiment() string {
	text, err := json.Marshal(struct {
		Setup    string
		Warmup   Duration
		Solution []string
		Actions  []Action
	}{l.Setup.String(), l.Warmup, l.Solution, l.Actions})
	if err != nil { // a rate that is no number: no lesson that can be loaded has one
		return "none"
	}
	return shortHash(text)
}

// replay judges the recorded evidence, as an experiment's is judged at its end.
func (s *Session) replay() {
	s.acted, s.at = 0, len(s.plan)
	for i := range s.lesson.Checks {
		c := &s.lesson.Checks[i]
		v := Verdict{ID: c.ID, Claim: c.Claim, Expr: c.Expr}
		v.judge(c, s.lesson.recorded)
		s.checks = append(s.checks, v)
	}
	s.conclude(s.lesson.recorded)
}

// telling are the figures of an incident that are shown of each model.
var telling = []string{"lost", "collateral", "delayed", "wrong", "deaths", "oom_kills", "procs_peak", "queue_peak", "downtime_ms"}

// Showed is what there was to observe when the checks were judged: what the newest
// fault did, model by model, and what was noted.
func (s *Session) Showed() (list []string) {
	if s.final == nil {
		return nil
	}
	for m := range sim.NModels {
		i := &s.final.column(m).Incident
		if !s.lesson.models.Has(m) || !i.known {
			continue
		}
		var figures []Figure
		fieldsOf(reflect.ValueOf(i).Elem(), "", func(name string, v reflect.Value) {
			if slices.Contains(telling, name) && !math.IsNaN(v.Float()) {
				figures = append(figures, Figure{name, v.Float()})
			}
		})
		list = append(list, m.String()+": "+listed(figures))
	}
	var noted []Figure
	for _, name := range sortedKeys(s.final.Noted) {
		noted = append(noted, Figure{name, s.final.Noted[name]})
	}
	if len(noted) > 0 {
		list = append(list, "noted: "+listed(noted))
	}
	return list
}

// shortOf says what of the lesson these figures don't answer, "" if all.
func (l *Lesson) shortOf(e *environment) string {
	for i := range l.Checks {
		var v Verdict
		if v.judge(&l.Checks[i], e); !v.Held {
			return "check " + l.Checks[i].ID + " does not hold: " + l.Checks[i].Expr + figuresText(v.Figures) + v.Why
		}
	}
	for _, q := range slices.Concat(l.Predict, l.Observe) {
		ok := false
		switch q.Kind {
		case Choice:
			_, _, ok = q.choiceFor(Answer{}, e)
		case Rank:
			_, _, ok = q.order(e)
		case Number:
			_, ok = q.answer.value(e)
		}
		if !ok {
			return q.ID + " has no answer"
		}
	}
	for _, name := range sortedKeys(l.figures) {
		if _, ok := l.figures[name].value(e); !ok {
			return name + " of [figures] has no value"
		}
	}
	return ""
}

// lintRecording: what a lesson falls back to is a run of this experiment, and
// shows what the lesson claims. What is wrong with the lesson itself is mended first.
func (l *Lesson) lintRecording(f *findings) {
	broken := slices.ContainsFunc(*f, func(x Finding) bool {
		return !x.Warning && strings.HasPrefix(x.File, l.path+"/") && !strings.HasSuffix(x.File, ".md")
	})
	if l.Fallback != ToRecording || broken {
		return
	}
	golden := l.path + "/golden.json"
	again := "forklore lesson " + l.ID + " --check --record writes it"
	switch {
	case l.recorded == nil:
		l.unfinished(f, golden, 1, "has no evidence to fall back to; %s", again)
	case l.Golden.Experiment != l.Experiment():
		l.unfinished(f, golden, 1, "is of another experiment: the setup or an action has changed since; %s", again)
	default:
		if why := l.shortOf(l.recorded); why != "" {
			l.unfinished(f, golden, 1, "by its evidence %s", why)
		}
	}
}
