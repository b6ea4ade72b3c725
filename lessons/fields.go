package lessons

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// maxTime bounds every time in a lesson.
const maxTime = 10 * time.Minute

// maxOptions bounds the answers of a question, and what a fault is drawn from.
const maxOptions = 6

// fields adds findings about one lesson.toml.
type fields struct {
	l *Lesson
	f *findings
}

func (c fields) bad(key, format string, a ...any) {
	c.f.add(c.l.toml(), c.l.lines.of(key), "%s: %s", key, fmt.Sprintf(format, a...))
}

func (c fields) id(key, id string) {
	if !isID(id) {
		c.bad(key, "%q is no id: small letters, digits and -, at most %d", id, maxID)
	}
}

func (c fields) time(key string, d, least time.Duration) {
	if d < least || d > maxTime {
		c.bad(key, "%v must be from %v to %v", d, least, maxTime)
	}
}

func (c fields) text(key, s string) {
	if s == "" || len(s) > maxString {
		c.bad(key, "must have 1 to %d bytes", maxString)
	}
}

func (c fields) many(key string, n, least int) bool {
	switch {
	case n < least:
		c.bad(key, "none is given; at least %d is needed", least)
	case n > maxList:
		c.bad(key, "%d are given; at most %d are read", n, maxList)
		return false
	}
	return true
}

func at(table string, i int, key string) string {
	return join(table+"."+strconv.Itoa(i), key)
}

// checkFields checks every field by itself, and what refers to what in this
// lesson. Other rules are [Lint]'s: without them it could still be played.
func (l *Lesson) checkFields(f *findings) {
	c := fields{l, f}
	if l.FormatVersion != FormatVersion {
		c.bad("format_version", "must be %d", FormatVersion)
	}
	c.id("id", l.ID)
	if number, name, _ := strings.Cut(l.Folder, "-"); name != l.ID || len(number) != 2 {
		c.bad("id", "the folder %q must be two digits, a - and the id %q", l.Folder, l.ID)
	}
	if !uuidForm.MatchString(l.UUID) {
		c.bad("uuid", "%q is no UUID; forklore lessons new makes one", l.UUID)
	}
	if !slices.Contains([]Status{WIP, Beta, Active, Deprecated}, l.Status) {
		c.bad("status", "%q is none of wip, beta, active, deprecated", l.Status)
	}
	if l.Order < 1 || l.Order > 99 {
		c.bad("order", "%d must be from 1 to 99", l.Order)
	}
	if l.DurationMin < 1 || l.DurationMin > 60 {
		c.bad("duration_min", "%d must be from 1 to 60", l.DurationMin)
	}
	for key, list := range map[string][]string{"prerequisites": l.Prerequisites, "concepts": l.Concepts} {
		if c.many(key, len(list), 0) {
			for _, id := range list {
				c.id(key, id)
			}
		}
	}
	if c.many("modes", len(l.Modes), 1) {
		for _, m := range l.Modes {
			if m != Self && m != Workshop && m != Demo {
				c.bad("modes", "%q is none of self, workshop, demo", m)
			}
		}
	}
	if c.many("claims", len(l.Claims), 1) {
		for _, id := range l.Claims {
			if len(id) > maxID || !claimID.MatchString(id) {
				c.bad("claims", "%q is neither T1 to T13 nor an id", id)
			}
		}
	}
	c.sources()
	c.machine()
	c.setup()
	c.conditions("steady_state", l.Steady)
	c.conditions("took_effect", l.Effects)
	c.actions()
	c.questions("predict", l.Predict)
	c.questions("observe", l.Observe)
	c.questions("recall", l.Recall)
	c.checks()
	c.rest()
}

func (c fields) sources() {
	if !c.many("source", len(c.l.Sources), 0) {
		return
	}
	for i, s := range c.l.Sources {
		c.id(at("source", i, "id"), s.ID)
		c.text(at("source", i, "title"), s.Title)
		c.text(at("source", i, "supports"), s.Supports)
		if s.URL != "" && (len(s.URL) > maxString || !urlForm.MatchString(s.URL)) {
			c.bad(at("source", i, "url"), "%q is no http address", s.URL)
		}
	}
}

func (c fields) machine() {
	r := c.l.Requires
	for _, name := range r.OS {
		if name != "linux" && name != "darwin" {
			c.bad("requires.os", "%q is none of linux, darwin", name)
		}
	}
	if r.CPUs < 0 || r.CPUs > 64 {
		c.bad("requires.cpus", "%d must be from 0 to 64", r.CPUs)
	}
	if r.NoFile < 0 || r.NoFile > 1<<20 {
		c.bad("requires.nofile", "%d must be from 0 to %d", r.NoFile, 1<<20)
	}
	if r.Mem != "" {
		if err := size(r.Mem, 1<<20, 1<<40); err != nil {
			c.bad("requires.mem", "%v", err)
		}
	}
	switch c.l.Fallback {
	case ToModel, ToRecording, ToNothing:
	default:
		c.bad("fallback", "%q is none of model, recording, none", c.l.Fallback)
	}
}

func (c fields) setup() {
	for _, key := range []string{"models", "rate", "seed"} {
		if _, ok := c.l.Setup[key]; !ok {
			c.bad("setup", "%s is not given", key)
		}
	}
	c.l.Setup.check(c.l, "setup", c.f)
	c.l.models, _ = modelsOf(strings.Split(flagText(c.l.Setup["models"]), ","))
	c.time("warmup", c.l.Warmup, 0)
	c.l.Control.Setup.check(c.l, "control.setup", c.f)
}

func (c fields) conditions(table string, list []Condition) {
	if !c.many(table, len(list), 0) {
		return
	}
	for i, x := range list {
		if table == "steady_state" {
			c.id(at(table, i, "id"), x.ID)
		} else if x.ID != "" {
			c.bad(at(table, i, "id"), "a took_effect has no id; it has an action")
		} else if c.l.action(x.Action) == nil {
			c.bad(at(table, i, "action"), "%q is no action of this lesson", x.Action)
		}
		c.time(at(table, i, "within"), x.Within, 0)
	}
}

func (l *Lesson) action(id string) *Action {
	for i := range l.Actions {
		if l.Actions[i].ID == id {
			return &l.Actions[i]
		}
	}
	return nil
}

func (c fields) actions() {
	if !c.many("action", len(c.l.Actions), 1) {
		return
	}
	for i := range c.l.Actions {
		a := &c.l.Actions[i]
		key := func(name string) string { return at("action", i, name) }
		c.id(key("id"), a.ID)
		c.time(key("duration"), a.Duration, 0)
		c.only(i, a)
		if len(a.Key) > 12 {
			c.bad(key("key"), "%q is no key", a.Key)
		}
		switch a.Do {
		case DoInject:
			c.inject(i, a)
		case DoLoad:
			if !(a.Rate >= sim.MinRate && a.Rate <= 1000) {
				c.bad(key("rate"), "%v must be from %v to 1000", a.Rate, sim.MinRate)
			}
		case DoSet:
			if err := flagChecks["container"](a.Mode); err != nil {
				c.bad(key("mode"), "%v", err)
			}
		case DoRestart:
			if len(a.Setup) == 0 {
				c.bad(key("setup"), "nothing is changed")
			}
			if _, ok := a.Setup["models"]; ok {
				c.bad(key("setup"), "the models stay those of the lesson")
			}
			a.Setup.check(c.l, at("action", i, "setup"), c.f)
		case DoWait:
			if a.Duration == 0 {
				c.bad(key("duration"), "a wait has one, at most")
			}
		case DoMeasure:
			if len(a.Note) == 0 || len(a.Note) > maxList {
				c.bad(key("note"), "must have 1 to %d names", maxList)
			}
			for _, name := range slices.Sorted(maps.Keys(a.Note)) {
				if len(name) > maxID || !nameForm.MatchString(name) {
					c.bad(key("note"), "%q is no name: small letters, digits and _", name)
				}
				if c.l.noted[name] {
					c.bad(key("note"), "%q is noted twice", name)
				}
				c.l.noted[name] = true
			}
			if !slices.Contains([]How{"", Last, Mean, Max, Min}, a.How) {
				c.bad(key("how"), "%q is none of last, mean, max, min", a.How)
			}
		default:
			c.bad(key("do"), "%q is none of inject, load, set, restart, wait, measure", a.Do)
		}
	}
}

// only: an action has the keys of its verb and no others.
func (c fields) only(i int, a *Action) {
	for _, x := range []struct {
		key   string
		given bool
		verbs []Verb
	}{
		{"key", a.Key != "", []Verb{DoInject, DoLoad, DoSet, DoRestart}},
		{"fault", a.Fault != "", []Verb{DoInject}},
		{"draw", a.Draw != nil, []Verb{DoInject}},
		{"models", a.Models != nil, []Verb{DoInject}},
		{"strength", a.Strength != "", []Verb{DoInject}},
		{"undo", a.Undo != "", []Verb{DoInject}},
		{"until", a.Until != "", []Verb{DoWait}},
		{"rate", a.Rate != 0, []Verb{DoLoad}},
		{"mode", a.Mode != "", []Verb{DoSet}},
		{"setup", a.Setup != nil, []Verb{DoRestart}},
		{"note", a.Note != nil, []Verb{DoMeasure}},
		{"how", a.How != "", []Verb{DoMeasure}},
	} {
		if x.given && !slices.Contains(x.verbs, a.Do) {
			c.bad(at("action", i, x.key), "an action that does %q has no %s", a.Do, x.key)
		}
	}
}

// inject reads an injection as the command line does. What it lacks to be safe
// is the lint's.
func (c fields) inject(i int, a *Action) {
	key := func(name string) string { return at("action", i, name) }
	targets, err := modelsOf(a.Models)
	if err != nil {
		c.bad(key("models"), "%v", err)
		return
	}
	if targets&^c.l.models != 0 {
		c.bad(key("models"), "a model that the setup does not run")
		return
	}
	a.targets = targets
	if a.Undo != "" && a.Undo != UndoFault && a.Undo != UndoRenew {
		c.bad(key("undo"), "%q is none of undo, renew", a.Undo)
	}
	if a.Draw != nil {
		c.draw(i, a)
		return
	}
	kind, ok := fault.Find(a.Fault)
	if !ok {
		c.bad(key("fault"), "unknown fault %q (known: %s)", a.Fault, fault.Names())
		return
	}
	if a.Strength != "" && kind.Unit == "" {
		c.bad(key("strength"), "%s has none", a.Fault)
		return
	}
	a.strength = kind.Strength
	if a.Strength == "" {
		return
	}
	if strings.ContainsAny(a.Strength, "@=") {
		c.bad(key("strength"), "%q is no strength", a.Strength)
		return
	}
	in, err := fault.Parse(string(a.Fault)+"="+a.Strength+"@0s", c.l.models)
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "--inject ")
		why, _, _ = strings.Cut(why, "; write ")
		c.bad(key("strength"), "%s", why)
		return
	}
	a.strength = in.Strength
}

// draw reads an injection of which nobody knows beforehand what it is.
func (c fields) draw(i int, a *Action) {
	key := func(name string) string { return at("action", i, name) }
	switch {
	case a.Fault != "":
		c.bad(key("fault"), "the fault is given, and to be drawn too; write one of fault, draw")
	case a.Strength != "":
		c.bad(key("strength"), "a fault that is drawn has its own")
	case a.Key != "":
		c.bad(key("key"), "no key does the same")
	case len(a.Draw) < 2 || len(a.Draw) > maxOptions:
		c.bad(key("draw"), "%d faults; must be 2 to %d", len(a.Draw), maxOptions)
	}
	for j, f := range a.Draw {
		if _, ok := fault.Find(f); !ok {
			c.bad(key("draw"), "unknown fault %q (known: %s)", f, fault.Names())
		}
		if slices.Contains(a.Draw[:j], f) {
			c.bad(key("draw"), "%q is there twice", f)
		}
	}
}

// draws: a fault of this lesson is drawn, and so is what names it.
func (l *Lesson) draws() bool {
	return slices.ContainsFunc(l.Actions, func(a Action) bool { return a.Draw != nil })
}

func (c fields) questions(table string, list []Question) {
	if !c.many(table, len(list), 0) {
		return
	}
	for i := range list {
		q := &list[i]
		key := func(name string) string { return at(table, i, name) }
		c.id(key("id"), q.ID)
		if q.Claim != "" && !slices.Contains(c.l.Claims, q.Claim) {
			c.bad(key("claim"), "%q is no claim of this lesson", q.Claim)
		}
		for _, days := range q.AfterDays {
			if days < 1 || days > 365 || table != "recall" {
				c.bad(key("after_days"), "days from 1 to 365, of a recall question only")
			}
		}
		switch q.Kind {
		case Choice, Rank:
			c.options(table, i, q)
		case Number:
			for _, v := range []float64{q.Least, q.Most, q.Start, q.Step, q.Tolerance} {
				if math.IsNaN(v) || math.Abs(v) > 1e9 {
					c.bad(key("kind"), "a bound of the number is out of bounds itself")
				}
			}
			if !(q.Least < q.Most && q.Start >= q.Least && q.Start <= q.Most && q.Step > 0 && (q.Most-q.Least)/q.Step <= 1000) {
				c.bad(key("kind"), "a number needs least < most, start between them, and a step that gets there within 1000 keys")
			}
			if !(q.Tolerance > 0 && q.Tolerance <= 1) {
				c.bad(key("tolerance"), "%v must be a share, above 0 and up to 1", q.Tolerance)
			}
			if len(q.Options) > 0 {
				c.bad(key("option"), "a number has no options")
			}
			c.text(key("answer"), q.Answer)
		default:
			c.bad(key("kind"), "%q is none of choice, rank, number", q.Kind)
		}
	}
}

func (c fields) options(table string, i int, q *Question) {
	if len(q.Options) < 2 || len(q.Options) > maxOptions {
		c.bad(at(table, i, "option"), "%d options; must be 2 to %d", len(q.Options), maxOptions)
		return
	}
	if q.Answer != "" || q.Tolerance != 0 || q.Unit != "" || q.Step != 0 {
		c.bad(at(table, i, ""), "answer, tolerance, unit and step are a number's")
	}
	right, seen := 0, map[string]bool{}
	for j, o := range q.Options {
		key := func(name string) string { return at(at(table, i, "option"), j, name) }
		c.id(key("id"), o.ID)
		if seen[o.ID] {
			c.bad(key("id"), "%q is there twice", o.ID)
		}
		seen[o.ID] = true
		if o.Right {
			right++
		}
		if q.Kind == Rank && (o.Value == "" || o.Right || o.When != "" || o.Misconception != "") {
			c.bad(key("value"), "an option of a rank has an id and a value, and nothing else")
		}
		if q.Kind == Choice && o.Value != "" {
			c.bad(key("value"), "only an option of a rank has one")
		}
		if table == "observe" && q.Kind == Choice && o.When == "" {
			c.bad(key("when"), "not given: what was seen is judged by what was measured")
		}
		if table == "recall" && (o.When != "" || q.Kind != Choice) {
			c.bad(key("when"), "a recall question is a choice, and is asked when nothing is measured")
		}
	}
	if table == "observe" && c.l.draws() && right == 0 {
		return // the measurement knows, and nobody else
	}
	if q.Kind == Choice && right != 1 {
		c.bad(at(table, i, "option"), "%d options are right; must be 1", right)
	}
}

func (c fields) checks() {
	if !c.many("check", len(c.l.Checks), 1) {
		return
	}
	for i, x := range c.l.Checks {
		c.id(at("check", i, "id"), x.ID)
		c.time(at("check", i, "within"), x.Within, 0)
		if !slices.Contains(c.l.Claims, x.Claim) {
			c.bad(at("check", i, "claim"), "%q is no claim of this lesson", x.Claim)
		}
	}
}

func (c fields) rest() {
	l := c.l
	if len(l.Figures) > maxList {
		c.bad("figures", "%d are given; at most %d are read", len(l.Figures), maxList)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Figures)) {
		if len(name) > maxID || !nameForm.MatchString(name) {
			c.bad("figures."+name, "no name: small letters, digits and _")
		}
	}
	for key, list := range map[string][]string{"solution": l.Solution, "control.skip": l.Control.Skip} {
		for _, id := range list {
			if l.action(id) == nil {
				c.bad(key, "%q is no action of this lesson", id)
			}
		}
	}
	c.time("guard.max_duration", l.Guard.MaxDuration, 0)
	for name, d := range l.Presenter.Timing {
		if _, ok := stepOf(name); !ok {
			c.bad("presenter.timing", "%q is no step of a lesson", clip(name))
		}
		c.time("presenter.timing", d, 0)
	}
	if v := l.Presenter.Vote; v != "" && l.question(v) == nil {
		c.bad("presenter.vote", "%q is no question of this lesson", v)
	}
}

// question finds a question of any kind.
func (l *Lesson) question(id string) *Question {
	for _, list := range [][]Question{l.Predict, l.Observe, l.Recall} {
		for i := range list {
			if list[i].ID == id {
				return &list[i]
			}
		}
	}
	return nil
}
