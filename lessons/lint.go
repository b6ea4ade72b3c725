package lessons

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"forklore/sim"
)

// LintOptions are what a lint is for.
type LintOptions struct {
	// Release: warnings are errors.
	Release bool
}

// Lint finds what is wrong with the embedded lessons, or with those of a
// folder: all that [Load] refuses, and what makes a lesson untrue, unsafe or
// incomplete. The error is about the folder itself.
func Lint(dir string, o LintOptions) ([]Finding, error) {
	set, f, err := read(dir)
	if err != nil {
		return nil, err
	}
	return set.lint(f, o), nil
}

func lintFS(fsys fs.FS, name string, o LintOptions) []Finding {
	set, f := readFS(fsys, name)
	return set.lint(f, o)
}

func (s *Set) lint(f findings, o LintOptions) []Finding {
	for _, l := range s.Lessons {
		if l.lines == nil {
			continue // not even TOML: that has been said
		}
		l.lintLogic(&f)
		l.lintTexts(&f)
		l.lintFiles(&f)
		l.lintRecording(&f)
	}
	s.lintTogether(&f)
	if o.Release {
		for i := range f {
			f[i].Warning = false
		}
	}
	return f.sorted()
}

// Errors counts the findings that are no warnings.
func Errors(list []Finding) (n int) {
	for _, f := range list {
		if !f.Warning {
			n++
		}
	}
	return n
}

// lintLogic is about lesson.toml.
func (l *Lesson) lintLogic(f *findings) {
	c := fields{l, f}
	l.lintIDs(c)
	injects := false
	for i, a := range l.Actions {
		if a.Do != DoInject {
			continue
		}
		injects = true
		if a.Duration <= 0 {
			c.bad(at("action", i, "duration"), "the injection has no duration: nothing would end it")
		}
		if a.Undo == "" {
			c.bad(at("action", i, "undo"), `the injection has no undo; it is "undo", or "renew" for what it leaves in processes`)
		}
		if !slices.ContainsFunc(l.Effects, func(e Condition) bool { return e.Action == a.ID }) {
			c.bad(at("action", i, ""), "the injection %s has no [[took_effect]]: nothing proves that it happened", a.ID)
		}
	}
	if injects && len(l.Steady) == 0 {
		c.bad("steady_state", "none is given: a fault in a system that is ill already shows nothing")
	}
	if injects && l.Guard.AbortIf == "" {
		c.bad("guard.abort_if", "not given: nothing ends the lesson if the fault goes too far")
	}
	if l.Guard.MaxDuration <= 0 {
		c.bad("guard.max_duration", "not given")
	}
	for _, claim := range l.Claims {
		if !slices.ContainsFunc(l.Checks, func(x Check) bool { return x.Claim == claim }) {
			c.bad("claims", "the claim %s has no check", claim)
		}
	}
	if len(l.Predict) == 0 {
		c.bad("predict", "none is given: who only watches a demonstration learns no more than who never saw it")
	}
	if len(l.Recall) == 0 {
		c.bad("recall", "none is given: nothing is asked again on a later day")
	}
	for i, q := range l.Recall {
		if len(q.AfterDays) == 0 {
			c.bad(at("recall", i, "after_days"), "not given")
		}
	}
	for table, list := range map[string][]Question{"predict": l.Predict, "observe": l.Observe, "recall": l.Recall} {
		for i, q := range list {
			if q.Kind != Choice {
				continue
			}
			for j, o := range q.Options {
				key := at(at(table, i, "option"), j, "misconception")
				switch {
				case o.Right && o.Misconception != "":
					c.bad(key, "the right option has none")
				case !o.Right && table != "observe" && o.Misconception == "":
					c.bad(key, "the wrong option %s does not name the misconception behind it", o.ID)
				}
			}
		}
	}
	l.lintSolution(c)
	if slices.Contains(l.Modes, Workshop) && l.Presenter.Vote == "" {
		c.bad("presenter.vote", "not given: a workshop votes on a question")
	}
	var planned time.Duration
	for _, d := range l.Presenter.Timing {
		planned += d
	}
	if planned > time.Duration(l.DurationMin)*time.Minute {
		c.bad("presenter.timing", "the steps take %v, more than duration_min", planned)
	}
}

// lintIDs: an id names one thing in its lesson.
func (l *Lesson) lintIDs(c fields) {
	seen := map[string]string{}
	once := func(path, id string) {
		if first, ok := seen[id]; ok && id != "" {
			c.bad(path, "the id %q is that of %s too", id, first)
		}
		seen[id] = path
	}
	for i, x := range l.Steady {
		once(at("steady_state", i, "id"), x.ID)
	}
	for i, x := range l.Predict {
		once(at("predict", i, "id"), x.ID)
	}
	for i, x := range l.Actions {
		once(at("action", i, "id"), x.ID)
	}
	for i, x := range l.Observe {
		once(at("observe", i, "id"), x.ID)
	}
	for i, x := range l.Checks {
		once(at("check", i, "id"), x.ID)
	}
	for i, x := range l.Recall {
		once(at("recall", i, "id"), x.ID)
	}
	clear(seen)
	for i, x := range l.Sources {
		once(at("source", i, "id"), x.ID)
	}
}

// lintSolution: the solution is there, in the order in which the actions are
// written, and a control run leaves something out.
func (l *Lesson) lintSolution(c fields) {
	if len(l.Solution) == 0 {
		c.bad("solution", "not given: nothing shows that the checks can hold")
		return
	}
	last := -1
	for _, id := range l.Solution {
		i := slices.IndexFunc(l.Actions, func(a Action) bool { return a.ID == id })
		if i >= 0 && i <= last {
			c.bad("solution", "%s is not in the order of the actions", id)
		}
		last = max(last, i)
	}
	for i, a := range l.Actions {
		if !slices.Contains(l.Solution, a.ID) {
			c.bad(at("action", i, "id"), "%s is not in the solution: nothing plays it", a.ID)
		}
	}
	acts := func(id string) bool { a := l.action(id); return a != nil && a.Do.Acts() }
	if !slices.ContainsFunc(l.Solution, acts) {
		c.bad("solution", "nothing in it acts: a control run would be the same")
	}
	if len(l.Control.Skip) > 0 && !slices.ContainsFunc(l.Control.Skip, acts) {
		c.bad("control.skip", "nothing in it acts: the control run would be the same")
	}
}

// lintFiles: nothing lies in the folder that nothing refers to, and the recorded
// figures are those that the lesson has.
func (l *Lesson) lintFiles(f *findings) {
	known := []string{"lesson.toml", "golden.json"}
	for _, lang := range Languages {
		known = append(known, "text."+lang+".md")
	}
	for _, name := range l.files {
		if !slices.Contains(known, name) {
			f.add(l.path+"/"+name, 1, "nothing refers to this file")
		}
	}
	golden := l.path + "/golden.json"
	if l.Golden == nil {
		if len(l.Figures) > 0 {
			l.unfinished(f, golden, 1, "missing; forklore lesson %s --check --record writes it", l.ID)
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(l.Figures)) {
		if _, ok := l.Golden.Figures[name]; !ok {
			l.unfinished(f, golden, 1, "%s of [figures] is not recorded; forklore lesson %s --check --record does it", name, l.ID)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Golden.Figures)) {
		if _, ok := l.Figures[name]; !ok {
			f.add(golden, 1, "%s is no figure of the lesson", name)
		}
	}
}

// unfinished is an error, or a warning where the lesson says of itself that it
// is in the making.
func (l *Lesson) unfinished(f *findings, file string, line int, format string, a ...any) {
	f.add(file, line, format, a...)
	(*f)[len(*f)-1].Warning = l.Status == WIP
}

// lintTogether is about what the lessons are to each other.
func (s *Set) lintTogether(f *findings) {
	byID, byUUID, byOrder, concept := map[string]*Lesson{}, map[string]*Lesson{}, map[int]*Lesson{}, map[string]*Lesson{}
	for _, l := range s.Lessons {
		c := fields{l, f}
		if l.lines == nil {
			continue
		}
		if other := byID[l.ID]; other != nil {
			c.bad("id", "is that of %s too", other.Folder)
		}
		if other := byUUID[l.UUID]; other != nil {
			c.bad("uuid", "is that of %s too", other.Folder)
		}
		if other := byOrder[l.Order]; other != nil {
			c.bad("order", "is that of %s too", other.Folder)
		}
		for _, name := range l.Concepts {
			if other := concept[name]; other != nil {
				c.bad("concepts", "%s is introduced by %s already", name, other.Folder)
			}
			concept[name] = l
		}
		byID[l.ID], byUUID[l.UUID], byOrder[l.Order] = l, l, l
	}
	for _, l := range s.Lessons {
		c := fields{l, f}
		for _, id := range l.Prerequisites {
			switch before := byID[id]; {
			case before == nil:
				c.bad("prerequisites", "there is no lesson %q", id)
			case leadsTo(byID, before, l.ID, map[string]bool{}):
				c.bad("prerequisites", "a cycle: %s needs %s, which needs %s", l.ID, id, l.ID)
			case before.Order >= l.Order:
				c.bad("prerequisites", "%s comes later (order %d, this one %d)", id, before.Order, l.Order)
			}
		}
	}
}

// leadsTo: one of its prerequisites, or of theirs, is the lesson id.
func leadsTo(byID map[string]*Lesson, from *Lesson, id string, seen map[string]bool) bool {
	if from.ID == id {
		return true
	}
	if seen[from.ID] {
		return false
	}
	seen[from.ID] = true
	for _, next := range from.Prerequisites {
		if l := byID[next]; l != nil && leadsTo(byID, l, id, seen) {
			return true
		}
	}
	return false
}

// keys are the sections that the lesson's logic asks for, each with whether it
// may be left out.
func (l *Lesson) keys() (need map[string]bool, order []string) {
	need = map[string]bool{}
	add := func(required bool, list ...string) {
		for _, key := range list {
			if _, ok := need[key]; !ok {
				order = append(order, key)
			}
			need[key] = required
		}
	}
	add(true, "summary", "intro")
	for _, id := range l.Claims {
		add(true, "claim."+id)
	}
	for _, x := range l.Steady {
		add(true, "steady."+x.ID)
	}
	for _, a := range l.Actions {
		add(a.Do.Acts(), "act."+a.ID)
	}
	for i, list := range [][]Question{l.Predict, l.Observe, l.Recall} {
		for _, q := range list {
			add(true, q.ID)
			if q.Kind == Number {
				add(true, q.ID+".why")
			}
			for _, o := range q.Options {
				add(true, q.ID+"."+o.ID)
				// Why an observation differs from what was measured, the figures say.
				add(q.Kind == Choice && !o.Right && i != 1, q.ID+"."+o.ID+".why")
			}
		}
	}
	add(true, "hint.1", "hint.2", "hint.3", "explain")
	for m := range sim.NModels {
		if l.models.Has(m) {
			add(true, "explain."+m.String())
		}
	}
	add(true, "notes", "notes.fails")
	for step := StepIntro; step <= StepRecall; step++ {
		add(false, "notes."+step.String())
	}
	return need, order
}

// isOption: the section is an answer that is offered. A number in it states
// nothing.
func (l *Lesson) isOption(key string) bool {
	id, option, ok := strings.Cut(key, ".")
	q := l.question(id)
	return ok && q != nil && slices.ContainsFunc(q.Options, func(o Option) bool { return o.ID == option })
}
