package lessons

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// compile checks every expression of the lesson: that it is one, of a type that
// fits, over figures that there are.
func (l *Lesson) compile(f *findings) {
	// noted has the names that have been measured before the expression is read;
	// nil: all of them.
	one := func(path, text string, condition bool, noted map[string]bool) *program {
		p, err := compile(text, condition, l.models)
		if err == nil && p.models&^l.models != 0 {
			err = fmt.Errorf("%q: reads a model that the setup does not run", text)
		}
		if err == nil {
			for _, name := range p.noted {
				if noted == nil && !l.noted[name] || noted != nil && !noted[name] {
					err = fmt.Errorf("%q: no measure has noted %q by then", text, name)
				}
			}
		}
		if err != nil {
			f.add(l.toml(), l.lines.of(path), "%s: %v", path, err)
			return nil
		}
		return p
	}
	none := map[string]bool{}
	for i := range l.Steady {
		l.Steady[i].prog = one(at("steady_state", i, "expr"), l.Steady[i].Expr, true, none)
	}
	soFar := map[string]bool{}
	for i := range l.Actions {
		a := &l.Actions[i]
		if a.Until != "" {
			a.until = one(at("action", i, "until"), a.Until, true, soFar)
		}
		a.note = map[string]*program{}
		for _, name := range slices.Sorted(maps.Keys(a.Note)) {
			a.note[name] = one(at("action", i, "note."+name), a.Note[name], false, soFar)
		}
		for name := range a.Note {
			soFar[name] = true
		}
		for j := range l.Effects {
			if e := &l.Effects[j]; e.Action == a.ID {
				e.prog = one(at("took_effect", j, "expr"), e.Expr, true, soFar)
			}
		}
	}
	for i := range l.Checks {
		l.Checks[i].prog = one(at("check", i, "expr"), l.Checks[i].Expr, true, nil)
	}
	l.figures = map[string]*program{}
	for _, name := range slices.Sorted(maps.Keys(l.Figures)) {
		l.figures[name] = one("figures."+name, l.Figures[name], false, nil)
	}
	if l.Guard.AbortIf != "" {
		l.Guard.prog = one("guard.abort_if", l.Guard.AbortIf, true, none)
	}
	for table, list := range map[string][]Question{"predict": l.Predict, "observe": l.Observe} {
		for i := range list {
			q := &list[i]
			if q.Kind == Number {
				q.answer = one(at(table, i, "answer"), q.Answer, false, nil)
			}
			for j := range q.Options {
				o, path := &q.Options[j], at(table, i, "option."+strconv.Itoa(j))
				if o.When != "" {
					o.when = one(path+".when", o.When, true, nil)
				}
				if o.Value != "" {
					o.value = one(path+".value", o.Value, false, nil)
				}
			}
		}
	}
}
