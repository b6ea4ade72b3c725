package lessons

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// experiment is the part of a session that happens in the lab.
type experiment struct {
	phase   Phase
	outcome Outcome
	why     string
	plan    []planned
	at      int           // of the plan
	acted   time.Duration // when the first action began, by Elapsed; -1: not yet
	begun   time.Duration // when this action began; times are the lab's from here on
	warm    time.Duration // since when all models serve; 0: they don't yet
	sent    bool          // this action's command has been given
	undone  bool          // and taken back
	samples map[string][]float64

	by        uint64 // what faults are drawn by
	draw      *rand.Rand
	drawn     []Drawn
	injected  sim.Fault
	struck    time.Duration // when the newest injection was asked for
	incidents [sim.NModels][]sim.Incident

	undo   []Do // what is still to be taken back, newest last
	noted  map[string]float64
	steady []Verdict
	// effects of all injections so far, the newest last.
	effects []Verdict
	checks  []Verdict
	final   *environment
	figures []Figure
}

// planned is an action of the plan. Idle lets its time pass only: a control run.
type planned struct {
	*Action
	idle bool
}

// plan is the solution; in a control run, without what acts.
func (l *Lesson) plan(control bool) (list []planned) {
	for _, id := range l.Solution {
		a := l.action(id)
		idle := a.Do.Acts()
		if len(l.Control.Skip) > 0 {
			idle = slices.Contains(l.Control.Skip, id)
		}
		list = append(list, planned{a, control && idle})
	}
	return list
}

// Observe takes a snapshot, and returns what is to be done now.
func (s *Session) Observe(snap *sim.Snapshot) []Do {
	if s.opening {
		return nil // it may be one of the old lab
	}
	if !s.started {
		s.started, s.since = true, snap.At
	}
	s.last = snap
	if s.o.Recorded {
		return nil
	}
	s.collect(snap)
	if s.phase == Ended {
		todo := s.undoAll()
		s.undo = nil
		return todo
	}
	if !s.serving(snap) || s.phase == Judged {
		return nil
	}
	e := environmentOf(snap, s.lesson.models, s.newest(), s.noted)
	if n := len(s.drawn); n > 0 {
		e.Drawn = string(s.drawn[n-1].Fault)
	}
	if s.guarded(e) {
		return s.Observe(snap)
	}
	switch {
	case s.phase == Warming:
		if snap.At-s.warm < s.lesson.Warmup || s.step < StepAct {
			return nil
		}
		if s.sent { // after a restart: what is left of its time
			s.begun, s.phase = snap.At, Running
			break
		}
		s.arrive()
	case s.phase == Judging:
		return s.judge(e)
	}
	// What has begun goes on, whatever step the learner turns to: a fault's time
	// ends.
	if s.phase == Ready && s.shown && s.step == StepAct {
		s.begin()
	}
	switch s.phase {
	case Steadying:
		return s.steadier(e)
	case Running:
		return s.run(e)
	}
	return nil
}

// Opened notes that the lab which was asked for serves in place of the old one.
func (s *Session) Opened() {
	s.before = s.Elapsed()
	s.opening, s.started, s.warm = false, false, 0
	s.incidents = [sim.NModels][]sim.Incident{}
	s.last = nil
}

// Refused notes that the source did not do what it was asked, and why.
func (s *Session) Refused(d Do, err error) {
	if s.phase != Running || s.last == nil || d.Action != s.plan[s.at].ID {
		return // an undo, with nothing left to take back
	}
	if errors.Is(err, sim.ErrNotSteady) && s.last.At < s.begun+patience {
		s.sent = false
		return
	}
	s.end(OutcomeRefused, fmt.Sprintf("%s was refused: %v", d.Action, err))
}

// serving: all models of the lesson serve, or one can't.
func (s *Session) serving(snap *sim.Snapshot) bool {
	for m := range sim.NModels {
		if !s.lesson.models.Has(m) {
			continue
		}
		switch st := snap.Model[m].State; {
		case st == sim.Off:
			s.end(OutcomeUnavailable, m.String()+" is not part of this lab")
			return false
		case st == sim.Unavailable:
			s.end(OutcomeUnavailable, m.String()+" can't run here: "+snap.Model[m].Why)
			return false
		case st == sim.Starting && s.phase == Warming:
			return false
		}
	}
	if snap.At == 0 {
		return false
	}
	if s.warm == 0 {
		s.warm = snap.At
	}
	return true
}

// guarded: the lesson went too far, or takes too long.
func (s *Session) guarded(e *environment) bool {
	if s.acted < 0 {
		return false
	}
	g := s.lesson.Guard
	if g.prog != nil {
		if abort, _ := g.prog.holds(e); abort {
			s.end(OutcomeAborted, "aborted: "+g.AbortIf+figuresText(g.prog.judged(e)))
			return true
		}
	}
	if g.MaxDuration > 0 && s.Elapsed()-s.acted > g.MaxDuration {
		s.end(OutcomeAborted, fmt.Sprintf("aborted: it takes longer than %v", g.MaxDuration))
		return true
	}
	return false
}

func (s *Session) end(o Outcome, why string) {
	if s.phase != Ended {
		s.phase, s.outcome, s.why = Ended, o, why
	}
}

// arrive comes to the action that is next, or to the verdicts.
func (s *Session) arrive() {
	s.sent, s.undone, s.samples = false, false, map[string][]float64{}
	if s.at == len(s.plan) {
		s.phase, s.begun = Judging, s.last.At
		for _, c := range s.lesson.Checks {
			s.checks = append(s.checks, Verdict{ID: c.ID, Claim: c.Claim, Expr: c.Expr})
		}
		return
	}
	if p := s.plan[s.at]; p.Do.Acts() && !p.idle {
		s.phase = Ready
		return
	}
	s.begin()
}

// begin starts the action at hand.
func (s *Session) begin() {
	if s.acted < 0 && s.plan[s.at].Do.Acts() {
		s.acted = s.Elapsed()
	}
	s.begun, s.phase = s.last.At, Running
	if p := s.plan[s.at]; p.Do == DoInject && !p.idle {
		s.phase = Steadying
	}
}

// steadier waits for the steady state that a fault needs.
func (s *Session) steadier(e *environment) []Do {
	s.steady = s.steady[:0]
	var not *Verdict
	wait := time.Duration(0)
	for i := range s.lesson.Steady {
		c := &s.lesson.Steady[i]
		v := Verdict{ID: c.ID, Expr: c.Expr, Figures: c.prog.judged(e)}
		v.Held, v.Why = c.prog.holds(e)
		v.Decided = v.Held
		s.steady = append(s.steady, v)
		wait = max(wait, orPatience(c.Within))
		if !v.Held && not == nil {
			not = &s.steady[i]
		}
	}
	switch {
	case not == nil:
		s.phase, s.begun = Running, s.last.At
		return s.run(e)
	case s.last.At-s.begun > wait:
		not.Decided = true
		s.end(OutcomeRefused, fmt.Sprintf("nothing was injected, for the system is not in its steady state: %s, %s%s", not.ID, not.Expr, figuresText(not.Figures)))
	}
	return nil
}

func orPatience(d time.Duration) time.Duration {
	if d == 0 {
		return patience
	}
	return d
}

// run is the action at hand, from its command to its end.
func (s *Session) run(e *environment) (todo []Do) {
	p := s.plan[s.at]
	over := s.last.At-s.begun >= p.Duration
	switch {
	case p.idle || p.Do == DoWait:
		if p.until != nil && !over {
			why := ""
			over, why = p.until.holds(e)
			// In a control run there may be nothing that it could wait for.
			over = over || s.o.Control && why != ""
		}
	case p.Do == DoMeasure:
		s.sample(p.Action, e)
		if over {
			s.note(p.Action)
		}
	case !s.sent:
		s.sent = true
		return s.command(p.Action)
	case p.Do == DoInject:
		todo, over = s.inForce(p.Action, e, over)
	}
	if over && s.phase == Running {
		s.at++
		s.arrive()
	}
	return todo
}

// command gives the action's command. What takes it back is registered before.
func (s *Session) command(a *Action) []Do {
	do := Do{Action: a.ID}
	switch a.Do {
	case DoInject:
		s.undo = append(s.undo, undoOf(a))
		in := sim.Inject{Fault: a.Fault, Models: a.targets, Strength: a.strength}
		if a.Draw != nil {
			in.Fault = s.drawFor(a)
		}
		kind, _ := fault.Find(in.Fault)
		switch {
		case a.Draw != nil: // it has a strength and a time of its own
			in.Strength, in.Duration = kind.Strength, min(kind.Duration, a.Duration)
		case kind.Duration > 0: // else it strikes once
			in.Duration = a.Duration
		}
		do.Command = &sim.Command{Inject: &in}
		s.injected, s.struck = in.Fault, s.last.At
		s.incidents = [sim.NModels][]sim.Incident{}
		for _, c := range s.lesson.Effects {
			if c.Action == a.ID {
				s.effects = append(s.effects, Verdict{ID: a.ID, Expr: c.Expr})
			}
		}
	case DoLoad:
		s.undo = append(s.undo, Do{Action: a.ID, Command: &sim.Command{Rate: s.last.Load.RatePerS}})
		do.Command = &sim.Command{Rate: a.Rate}
	case DoSet:
		s.undo = append(s.undo, Do{Action: a.ID, Command: &sim.Command{Mode: s.last.Model[sim.Container].Mode}})
		do.Command = &sim.Command{Mode: a.Mode}
	case DoRestart:
		s.setup = s.setup.With(a.Setup)
		s.before = s.Elapsed()
		s.undo = nil // with its lab
		s.opening, s.started, s.warm, s.last = true, false, 0, nil
		s.phase = Warming
		do.Restart = s.setup
	}
	return []Do{do}
}

// Drawn is a fault that was drawn.
type Drawn struct {
	Action string    `json:"action"`
	Fault  sim.Fault `json:"fault"`
	By     uint64    `json:"draw"` // Options.Draw draws it again
}

// drawFor is the fault that is drawn for an action: once, however often the
// source wants to be asked.
func (s *Session) drawFor(a *Action) sim.Fault {
	for _, d := range s.drawn {
		if d.Action == a.ID {
			return d.Fault
		}
	}
	f := a.Draw[s.draw.IntN(len(a.Draw))]
	s.drawn = append(s.drawn, Drawn{a.ID, f, s.by})
	return f
}

func undoOf(a *Action) Do {
	if a.Undo == UndoRenew {
		return Do{Action: a.ID, Command: &sim.Command{Renew: true}}
	}
	return Do{Action: a.ID, Command: &sim.Command{Undo: true}}
}

// undoAll is everything that is still to be taken back, newest first. A fault is
// ended before its processes are replaced.
func (s *Session) undoAll() (todo []Do) {
	for _, d := range slices.Backward(s.undo) {
		if d.Command.Renew {
			todo = append(todo, Do{Action: d.Action, Command: &sim.Command{Undo: true}})
		}
		todo = append(todo, d)
	}
	return todo
}

// inForce watches a fault: whether it took effect, and when its time is over.
func (s *Session) inForce(a *Action, e *environment, over bool) (todo []Do, done bool) {
	if a.Draw != nil && s.past(a, e) {
		over = true // some are sooner than others
	}
	done = over
	first := len(s.effects)
	for first > 0 && s.effects[first-1].ID == a.ID {
		first--
	}
	i := first
	for _, c := range s.lesson.Effects {
		if c.Action != a.ID {
			continue
		}
		v := &s.effects[i]
		i++
		if v.Held {
			continue
		}
		v.Held, v.Why = c.prog.holds(e)
		v.Figures = c.prog.judged(e)
		v.Decided = v.Held
		if v.Held {
			continue
		}
		done = false
		if s.last.At-s.begun > max(orPatience(c.Within), a.Duration) {
			v.Decided = true
			why := figuresText(v.Figures)
			if v.Why != "" {
				why = " (" + v.Why + ")"
			}
			s.end(OutcomeFailed, fmt.Sprintf("%s did not take effect: %s%s", a.ID, c.Expr, why))
		}
	}
	if over && !s.undone {
		s.undone = true
		if a.Undo == UndoRenew || s.inEffect(s.injected) {
			todo = s.undoAllOf(a)
		}
		s.undo = slices.DeleteFunc(s.undo, func(d Do) bool { return d.Action == a.ID })
	}
	return todo, done
}

// past: the fault took effect in every model, and all have got over it.
func (s *Session) past(a *Action, e *environment) bool {
	for m := range sim.NModels {
		if i := &e.column(m).Incident; a.targets.Has(m) && (!i.known || i.Open) {
			return false
		}
	}
	return !s.inEffect(s.injected)
}

// undoAllOf takes one action back.
func (s *Session) undoAllOf(a *Action) []Do {
	return slices.DeleteFunc(s.undoAll(), func(d Do) bool { return d.Action != a.ID })
}

// inEffect: the fault is in force, or armed. To undo what is over would end the
// incident's recovery as if somebody had cut it short.
func (s *Session) inEffect(f sim.Fault) bool {
	return s.last.Armed != nil && s.last.Armed.Fault == f ||
		slices.ContainsFunc(s.last.Active, func(x sim.Active) bool { return x.Fault == f })
}

// judge looks at the checks that are open.
func (s *Session) judge(e *environment) []Do {
	open := false
	for i := range s.checks {
		v, c := &s.checks[i], &s.lesson.Checks[i]
		if v.Decided {
			continue
		}
		held := v.judge(c, e)
		if !held && s.last.At-s.begun < c.Within {
			v.Decided, v.Held = false, false
			open = true
		}
	}
	if open {
		return nil
	}
	s.conclude(e)
	todo := s.undoAll()
	s.undo = nil
	return todo
}

// judge decides a check by these figures, and reports whether its expression
// holds.
func (v *Verdict) judge(c *Check, e *environment) bool {
	held, why := c.prog.holds(e)
	v.Figures, v.Why = c.prog.judged(e), why
	v.Decided, v.Held = true, held != c.ExpectFailure
	if why != "" {
		v.Held = false // nothing was there to be judged
	}
	return held
}

// conclude: every check has its verdict.
func (s *Session) conclude(e *environment) {
	s.final, s.phase = e, Judged
	s.outcome = OutcomeFailed
	if s.held() {
		s.outcome = OutcomeHeld
	}
	for _, name := range sortedKeys(s.lesson.Figures) {
		if v, ok := s.lesson.figures[name].value(e); ok {
			s.seen[name] = v
			s.figures = append(s.figures, Figure{name, v})
		}
	}
}

func figuresText(list []Figure) string {
	if len(list) == 0 {
		return ""
	}
	return " (" + listed(list) + ")"
}

// listed is "cgi.incident.lost 1, ...".
func listed(list []Figure) string {
	parts := make([]string, len(list))
	for i, f := range list {
		parts[i] = f.Name + " " + FigureText(f.Value)
	}
	return strings.Join(parts, ", ")
}
