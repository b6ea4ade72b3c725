package lessons

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"forklore/sim"
)

// Options are how a lesson is taken.
type Options struct {
	Mode Mode
	// Control leaves the actions out: then every check must fail.
	Control bool
	// Recorded shows what was recorded elsewhere, for the machine can't do the
	// experiment: nothing is asked of the source. The lesson must be [Lesson.Recorded].
	Recorded bool
	// Draw is what faults are drawn by, where the lesson has it so: the same
	// number, the same faults. 0: by chance, each time anew.
	Draw uint64
}

// Session is a learner's way through a lesson. Its caller gives it snapshots and
// keys, carries out what it asks for, and shows what it says. It is not safe for
// concurrent use.
type Session struct {
	lesson *Lesson
	o      Options
	step   Step

	answers map[string]Answer
	hints   int
	shown   bool
	seen    map[string]float64 // [figures], at the end

	experiment
	// Time: of the labs before this one, and where this one's began.
	before, since time.Duration
	started       bool // a snapshot has come
	opening       bool // a new lab is awaited
	last          *sim.Snapshot
	setup         Setup
}

// NewSession begins a lesson.
func NewSession(l *Lesson, o Options) *Session {
	s := &Session{lesson: l, o: o, answers: map[string]Answer{}}
	s.Again()
	return s
}

// Again begins the experiment anew, in a lab that is as the lesson's setup says;
// what was predicted stands.
func (s *Session) Again() {
	s.experiment = experiment{phase: Warming, plan: s.lesson.plan(s.o.Control), noted: map[string]float64{}, acted: -1, by: s.o.Draw}
	if s.by == 0 {
		s.by = 1 + rand.Uint64N(999) // short enough to be written down
	}
	s.draw = rand.New(rand.NewPCG(s.by, 0))
	s.seen = map[string]float64{}
	s.setup = s.lesson.Setup
	if s.o.Control {
		s.setup = s.setup.With(s.lesson.Control.Setup)
	}
	s.step = min(s.step, StepAct)
}

// Lesson is the lesson that it is about.
func (s *Session) Lesson() *Lesson { return s.lesson }

// Setup is the lab that it needs now.
func (s *Session) Setup() Setup { return s.setup }

// Step is where the learner is.
func (s *Session) Step() Step { return s.step }

// Recorded is the recording that the session shows in place of an experiment, nil
// if it shows none.
func (s *Session) Recorded() *Golden {
	if !s.o.Recorded {
		return nil
	}
	return s.lesson.Golden
}

// Mode is how the lesson is taken.
func (s *Session) Mode() Mode { return s.o.Mode }

// Phase is where the experiment is.
func (s *Session) Phase() Phase { return s.phase }

// Why says, once the experiment has ended before its time, why: in English.
func (s *Session) Why() string { return s.why }

// Elapsed is the time since the lesson began, by the source's clock.
func (s *Session) Elapsed() time.Duration {
	if s.last == nil || s.opening {
		return s.before
	}
	return s.before + s.last.At - s.since
}

// Remaining is what is left of the time that the lesson should take; negative
// when it is over.
func (s *Session) Remaining() time.Duration {
	return time.Duration(s.lesson.DurationMin)*time.Minute - s.Elapsed()
}

// Next goes a step forward, or says what is to be done before. On a stage no
// question needs an answer.
func (s *Session) Next() error {
	switch {
	case s.step == StepRecall:
		return ErrLast
	case s.Question() != nil && s.o.Mode != Demo:
		return ErrUnanswered
	case s.step == StepAct && s.phase != Judging && s.phase != Judged && s.phase != Ended,
		s.step == StepCheck && s.phase != Judged && s.phase != Ended:
		return ErrNotDone
	}
	s.step++
	if s.o.Recorded && s.step == StepAct && !s.Begun() {
		s.replay()
	}
	return nil
}

// Prev goes a step back. What was done stays done.
func (s *Session) Prev() error {
	if s.step == StepIntro {
		return ErrFirst
	}
	s.step--
	return nil
}

// Questions are those of a step.
func (s *Session) Questions(step Step) []Question {
	switch step {
	case StepPredict:
		return s.lesson.Predict
	case StepObserve:
		return s.lesson.Observe
	case StepRecall:
		return s.lesson.Recall
	}
	return nil
}

// Question is the first of this step that has no answer, nil if all have.
func (s *Session) Question() *Question {
	list := s.Questions(s.step)
	for i := range list {
		if _, ok := s.answers[list[i].ID]; !ok {
			return &list[i]
		}
	}
	return nil
}

// Answer answers a question. A prediction can be changed until the experiment
// begins.
func (s *Session) Answer(id string, a Answer) error {
	q := s.lesson.question(id)
	if q == nil {
		return ErrNoQuestion
	}
	if err := q.check(a); err != nil {
		return err
	}
	for i := range s.lesson.Predict {
		if s.lesson.Predict[i].ID == id && s.acted >= 0 {
			return ErrTooLate
		}
	}
	s.answers[id] = a
	return nil
}

// Answered is the answer that was given.
func (s *Session) Answered(id string) (Answer, bool) {
	a, ok := s.answers[id]
	return a, ok
}

// Grade judges an answer by what was measured; nil as long as there is none, or
// nothing to judge it by.
func (s *Session) Grade(id string) *Grade {
	q := s.lesson.question(id)
	a, ok := s.answers[id]
	if q == nil || !ok {
		return nil
	}
	return q.grade(a, s.final)
}

// Hint is the number of the next hint, 1 to 3; it stays at the last.
func (s *Session) Hint() int {
	s.hints = min(s.hints+1, 3)
	return s.hints
}

// Hints is how many were taken.
func (s *Session) Hints() int { return s.hints }

// Show has the actions done for the learner. The lesson is then shown, not
// solved.
func (s *Session) Show() { s.shown = true }

// Seen are the learner's own figures, for [Lesson.Text].
func (s *Session) Seen() map[string]float64 { return s.seen }

// Pending is the action that waits for the learner, nil if none does.
func (s *Session) Pending() *Action {
	if s.phase == Ready && s.step == StepAct {
		return s.plan[s.at].Action
	}
	return nil
}

// Start begins the pending action.
func (s *Session) Start() error {
	if s.Pending() == nil {
		return ErrNoAction
	}
	s.begin()
	return nil
}

// Undo is what takes back everything that the session did and that is still in
// force: for leaving a lesson before its end. The session is then over.
func (s *Session) Undo() []Do {
	if s.phase != Judged && s.phase != Ended {
		s.end(OutcomeCut, "left before its end")
	}
	todo := s.undoAll()
	s.undo = nil
	return todo
}

// Outcome is what the learner's progress keeps of the lesson.
func (s *Session) Outcome() State {
	switch {
	case s.phase == Judged && s.held() && (s.shown || s.o.Recorded):
		return StateShown
	case s.phase == Judged && s.held() && s.hints > 0:
		return StateHinted
	case s.phase == Judged && s.held():
		return StateSolved
	}
	return StateStarted
}

// held: every check of the experiment does.
func (s *Session) held() bool {
	return len(s.checks) > 0 && !slices.ContainsFunc(s.checks, func(v Verdict) bool { return !v.Held })
}

// Verdicts are those of the checks so far; Conditions those of the steady state,
// Effects those of the faults.
func (s *Session) Verdicts() []Verdict   { return slices.Clone(s.checks) }
func (s *Session) Conditions() []Verdict { return slices.Clone(s.steady) }
func (s *Session) Effects() []Verdict    { return slices.Clone(s.effects) }

// Noted are the figures that measures have kept.
func (s *Session) Noted() map[string]float64 { return maps.Clone(s.noted) }
