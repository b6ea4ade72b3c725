package lessons

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"forklore/sim"
)

// Evidence is what a run had to show when its last check was judged, under the
// names that expressions use: "cgi.incident.lost". What was 0 is left out. Where a
// machine can't do the experiment, the lesson falls back to it.
type Evidence map[string]float64

// evidence is what the environment says of these models.
func (e *environment) evidence(models sim.Models) Evidence {
	out := Evidence{}
	e.fields(models, func(name string, v reflect.Value) {
		x := 0.0
		switch {
		case v.Kind() == reflect.Float64:
			x = math.Round(v.Float()*1000) / 1000
		case v.Bool():
			x = 1
		}
		// Of an incident something is always named: else there was none.
		if x != 0 && !math.IsNaN(x) && !math.IsInf(x, 0) || x == 0 && strings.HasSuffix(name, ".incident.age_ms") {
			out[name] = x
		}
	})
	for name, x := range e.Noted {
		out["noted."+name] = math.Round(x*1000) / 1000
	}
	return out
}

// environment is what expressions see of it. unknown are the names that no
// figure of these models has.
func (ev Evidence) environment(models sim.Models) (e *environment, unknown []string) {
	e = &environment{Noted: map[string]float64{}}
	left := maps.Clone(ev)
	for name, x := range ev {
		if noted, ok := strings.CutPrefix(name, "noted."); ok {
			e.Noted[noted] = x
			delete(left, name)
		}
	}
	for m := range sim.NModels {
		e.column(m).Incident = incidentOf(nil, 0)
		for name := range ev {
			if strings.HasPrefix(name, m.String()+".incident.") {
				e.column(m).Incident = incident{known: true}
				break
			}
		}
	}
	e.fields(models, func(name string, v reflect.Value) {
		x, ok := ev[name]
		switch {
		case !ok:
		case v.Kind() == reflect.Float64:
			v.SetFloat(x)
		default:
			v.SetBool(x != 0)
		}
		delete(left, name)
	})
	for m := range sim.NModels {
		e.column(m).Incident.settle()
		if models.Has(m) {
			e.Models = append(e.Models, *e.column(m))
		}
	}
	return e, slices.Sorted(maps.Keys(left))
}

// fields calls do for each figure of these models, and for those of none.
func (e *environment) fields(models sim.Models, do func(name string, v reflect.Value)) {
	for m := range sim.NModels {
		if models.Has(m) {
			fieldsOf(reflect.ValueOf(e.column(m)).Elem(), m.String()+".", do)
		}
	}
	fieldsOf(reflect.ValueOf(e).Elem(), "", do)
}

func fieldsOf(v reflect.Value, prefix string, do func(string, reflect.Value)) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("expr")
		switch f := v.Field(i); {
		case name == "": // known
		case f.Kind() == reflect.Float64, f.Kind() == reflect.Bool:
			do(prefix+name, f)
		case f.Type() == reflect.TypeFor[incident]():
			fieldsOf(f, prefix+name+".", do)
		}
	}
}

// Recorded: there is a recording to fall back to, of this experiment.
func (l *Lesson) Recorded() bool {
	return l.Fallback == ToRecording && l.recorded != nil && l.Golden.Experiment == l.Experiment()
}

// replay takes the recorded evidence in place of an experiment's.
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

// Experiment is a hash of what is done to which lab: a recording is one of that.
func (l *Lesson) Experiment() string {
	text, err := json.Marshal(struct {
		Setup    string
		Warmup   Duration
		Solution []string
		Actions  []Action
	}{l.Setup.String(), l.Warmup, l.Solution, l.Actions})
	if err != nil {
		panic("lessons: an action that can't be written: " + err.Error()) // texts, numbers and lists of them
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}

// shortOf says what of the lesson the evidence doesn't answer, "" if all.
func (l *Lesson) shortOf(e *environment) string {
	for i := range l.Checks {
		if c := &l.Checks[i]; c.prog != nil {
			var v Verdict
			if v.judge(c, e); !v.Held {
				return "check " + c.ID + " does not hold: " + c.Expr + figuresText(v.Figures) + v.Why
			}
		}
	}
	for _, list := range [][]Question{l.Predict, l.Observe} {
		for _, q := range list {
			ok := true
			switch q.Kind {
			case Choice:
				_, _, ok = q.choiceFor(Answer{}, e)
			case Rank:
				_, _, ok = q.order(e)
			case Number:
				if q.answer != nil {
					_, ok = q.answer.value(e)
				}
			}
			if !ok {
				return q.ID + " has no answer"
			}
		}
	}
	for _, name := range sortedKeys(l.figures) {
		if p := l.figures[name]; p != nil {
			if _, ok := p.value(e); !ok {
				return name + " of [figures] has no value"
			}
		}
	}
	return ""
}

// lintRecording: what a lesson falls back to is a run of this experiment, and
// shows what the lesson claims.
func (l *Lesson) lintRecording(f *findings) {
	if l.Fallback != ToRecording {
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

// Showed is what the recording's machine showed: model by model what the newest
// fault did there, and what was noted.
func (s *Session) Showed() (list []string) {
	e := s.final
	if e == nil {
		return nil
	}
	for m := range sim.NModels {
		if !s.lesson.models.Has(m) || !e.column(m).Incident.known {
			continue
		}
		var parts []string
		fieldsOf(reflect.ValueOf(&e.column(m).Incident).Elem(), "", func(name string, v reflect.Value) {
			if slices.Contains(telling, name) && !math.IsNaN(v.Float()) {
				parts = append(parts, name+" "+FigureText(v.Float()))
			}
		})
		list = append(list, m.String()+": "+strings.Join(parts, ", "))
	}
	if len(e.Noted) > 0 {
		var parts []string
		for _, name := range sortedKeys(e.Noted) {
			parts = append(parts, name+" "+FigureText(e.Noted[name]))
		}
		list = append(list, "noted: "+strings.Join(parts, ", "))
	}
	return list
}

// telling are the figures of an incident that are shown of each model.
var telling = []string{"lost", "collateral", "delayed", "wrong", "deaths", "oom_kills", "procs_peak", "queue_peak", "downtime_ms"}
