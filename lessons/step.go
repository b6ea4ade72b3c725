package lessons

import (
	"errors"
	"time"

	"forklore/sim"
)

// Step is a part of a lesson, as the learner goes through it.
type Step int

// The steps. A lesson asks before it shows, and asks what was seen before it
// says what was measured.
const (
	StepIntro Step = iota
	StepPredict
	StepAct
	StepObserve
	StepCheck
	StepExplain
	StepRecall
)

var stepNames = [...]string{"intro", "predict", "act", "observe", "check", "explain", "recall"}

func (s Step) String() string { return stepNames[s] }

func stepOf(name string) (Step, bool) {
	for i, n := range stepNames {
		if n == name {
			return Step(i), true
		}
	}
	return 0, false
}

// Phase is where the experiment stands.
type Phase string

// The phases.
const (
	Warming   Phase = "warming"   // traffic flows, nothing is asked of it yet
	Ready     Phase = "ready"     // the next action waits for the learner: Session.Start
	Steadying Phase = "steadying" // the action was started, and waits for steady state
	Running   Phase = "running"   // an action is going on
	Judging   Phase = "judging"   // all actions are done, checks are open
	Judged    Phase = "judged"    // every check has its verdict
	Ended     Phase = "ended"     // refused or aborted: Session.Why says why
)

// Do is what a session wants done, by whoever has the source: a command, or a
// new lab in place of this one (then [Session.Opened] is called).
type Do struct {
	Action  string // that it belongs to
	Command *sim.Command
	Restart Setup
}

// Why a session does not go on.
var (
	ErrUnanswered = errors.New("a question of this step has no answer yet")
	ErrNotDone    = errors.New("the experiment is not done yet")
	ErrLast       = errors.New("this is the last step")
	ErrFirst      = errors.New("this is the first step")
	ErrNoAction   = errors.New("no action waits to be started")
	ErrTooLate    = errors.New("the experiment has begun: the prediction stands")
)

// patience is how long a steady state, a source that isn't steady or an effect
// may take where the lesson doesn't say.
const patience = 10 * time.Second

// Verdict is a condition that was judged, and the figures that it was judged by.
type Verdict struct {
	ID      string   `json:"id"`
	Claim   string   `json:"claim,omitempty"`
	Expr    string   `json:"expr"`
	Figures []Figure `json:"figures"`
	Decided bool     `json:"decided"`
	Held    bool     `json:"held"`
	// Why it could not be judged, if so.
	Why string `json:"why,omitempty"`
}
