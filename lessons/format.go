package lessons

import (
	"time"

	"forklore/sim"
)

// FormatVersion is the newest format of lesson.toml that this program reads.
const FormatVersion = 1

// Languages are those that a lesson is told in; the first is the one that the
// others are translated from.
var Languages = []string{"en", "ja"}

// Lesson is a lesson as lesson.toml has it, with its texts and its recorded
// figures. It is not changed once it has been loaded.
type Lesson struct {
	FormatVersion int      `toml:"format_version"`
	ID            string   `toml:"id"`   // never changes: progress is kept under it
	UUID          string   `toml:"uuid"` // never changes either, whatever becomes of the id
	Status        Status   `toml:"status"`
	Order         int      `toml:"order"`
	Prerequisites []string `toml:"prerequisites"`
	Concepts      []string `toml:"concepts"` // that it introduces
	DurationMin   int      `toml:"duration_min"`
	Modes         []Mode   `toml:"modes"`
	// Blind: which fault it is, the learner is to find out; the screen does not
	// say it before the checks do.
	Blind bool `toml:"blind"`
	// Claims are what the lesson puts to the test: T1 to T13 are the talk's,
	// other names are the lesson's own.
	Claims    []string     `toml:"claims"`
	Sources   []Reference  `toml:"source"`
	Requires  Requires     `toml:"requires"`
	Fallback  Fallback     `toml:"fallback"`
	Setup     Setup        `toml:"setup"`
	Warmup    Duration     `toml:"warmup"`
	Steady    []Condition  `toml:"steady_state"`
	Predict   []Question   `toml:"predict"`
	Actions   []Action     `toml:"action"`
	Effects   []Condition  `toml:"took_effect"`
	Observe   []Question   `toml:"observe"`
	Checks    []Check      `toml:"check"`
	Figures   FigureTable  `toml:"figures"` // name -> expression: what {{seen.x}} and {{golden.x}} say
	Solution  []string     `toml:"solution"`
	Control   ControlRun   `toml:"control"`
	Guard     Guard        `toml:"guard"`
	Recall    []Question   `toml:"recall"`
	Presenter PresenterRun `toml:"presenter"`

	Folder string           `toml:"-"` // "06-crash"
	Texts  map[string]*Text `toml:"-"` // by language
	Golden *Golden          `toml:"-"`

	recorded *environment // golden.json's evidence, nil if it has none

	path    string // of the folder, for messages
	lines   lines  // of lesson.toml
	files   []string
	models  sim.Models
	noted   map[string]bool
	figures map[string]*program
}

// Duration is written "8s".
type Duration = time.Duration

// FigureTable has an expression under each name.
type FigureTable map[string]string

// Status is how far a lesson is.
type Status string

// The statuses.
const (
	WIP        Status = "wip"
	Beta       Status = "beta"
	Active     Status = "active"
	Deprecated Status = "deprecated"
)

// Mode is how a lesson is taken.
type Mode string

// The modes: alone, in a room with a leader, on a stage.
const (
	Self     Mode = "self"
	Workshop Mode = "workshop"
	Demo     Mode = "demo"
)

// Reference is where a statement comes from. The prose cites it as [id].
type Reference struct {
	ID    string `toml:"id"`
	Title string `toml:"title"`
	URL   string `toml:"url"`
	// Supports is the statement of the source that the lesson rests on, in the
	// source's own words or close to them.
	Supports string `toml:"supports"`
}

// Requires is what the machine must have.
type Requires struct {
	OS        []string `toml:"os"`
	CPUs      int      `toml:"cpus"`
	Mem       string   `toml:"mem"`
	NoFile    int64    `toml:"nofile"`
	Container bool     `toml:"container"` // sandboxes can be made
	Cgroup    bool     `toml:"cgroup"`
	Root      bool     `toml:"root"`
}

// Fallback is what happens where that is missing.
type Fallback string

// The fallbacks.
const (
	ToModel     Fallback = "model"     // a simulated source: there is none yet, and the lesson stays closed
	ToRecording Fallback = "recording" // golden.json's evidence, labelled
	ToNothing   Fallback = "none"      // the lesson says what is missing, and stays closed
)

// Condition is an expression that must hold.
type Condition struct {
	ID     string   `toml:"id"`
	Action string   `toml:"action"` // took_effect: of which action
	Expr   string   `toml:"expr"`
	Within Duration `toml:"within"` // how long it may take
	prog   *program
}

// QuestionKind is how a question is answered.
type QuestionKind string

// The kinds.
const (
	Choice QuestionKind = "choice" // one of the options
	Rank   QuestionKind = "rank"   // all options, in order, the greatest first
	Number QuestionKind = "number" // a number from Least to Most
)

// Question is asked before the action (predict), after it (observe), or on a
// later day (recall).
type Question struct {
	ID      string       `toml:"id"`
	Kind    QuestionKind `toml:"kind"`
	Claim   string       `toml:"claim"`
	Options []Option     `toml:"option"`

	// Of a number: its unit, its bounds, where the pointer stands at first and
	// how far an arrow key moves it. The right answer is what Answer gives on
	// this machine; right is all within Tolerance (0.25: a quarter) of it.
	Unit      string  `toml:"unit"`
	Least     float64 `toml:"least"`
	Most      float64 `toml:"most"`
	Start     float64 `toml:"start"`
	Step      float64 `toml:"step"`
	Answer    string  `toml:"answer"`
	Tolerance float64 `toml:"tolerance"`

	// AfterDays are the days after which a recall question is asked again.
	AfterDays []int `toml:"after_days"`
	answer    *program
}

// Option is one answer that can be given.
type Option struct {
	ID string `toml:"id"`
	// Right is the answer that is expected. Where When is given it decides, on
	// what was measured; Right then says what usually comes of it.
	Right bool   `toml:"right"`
	When  string `toml:"when"`
	// Misconception names the belief that makes a learner choose it.
	Misconception string `toml:"misconception"`
	// Value puts the options of a rank in order: the greatest first.
	Value       string `toml:"value"`
	when, value *program
}

// Verb is what an action does.
type Verb string

// The verbs.
const (
	DoInject  Verb = "inject"  // a fault
	DoLoad    Verb = "load"    // another rate
	DoSet     Verb = "set"     // another mode of the container
	DoRestart Verb = "restart" // the lab anew, with some of its flags changed
	DoWait    Verb = "wait"    // for a time, or until something holds
	DoMeasure Verb = "measure" // keeps figures under names, for later expressions
)

// Acts: it changes what is measured; a control run leaves it out.
func (v Verb) Acts() bool { return v != DoWait && v != DoMeasure }

// Action is a step of the experiment.
type Action struct {
	ID  string `toml:"id"`
	Do  Verb   `toml:"do"`
	Key string `toml:"key"` // that does the same in the lab
	// Of an injection. Duration is how long the lesson leaves it in force (and,
	// of a fault that strikes once, how long it watches) before Undo.
	Fault sim.Fault `toml:"fault"`
	// Draw is in place of Fault: one of them, which nobody knows beforehand.
	Draw     []sim.Fault `toml:"draw" json:",omitempty"`
	Models   []string    `toml:"models"`
	Strength string      `toml:"strength"` // as --inject has it, "4MiB"; "": the fault's own
	Undo     Undo        `toml:"undo"`
	// Duration is also how long a load, a mode or a wait lasts before the next
	// action, and over which a measure is taken.
	Duration Duration `toml:"duration"`
	// Until ends a wait early.
	Until string  `toml:"until"`
	Rate  float64 `toml:"rate"` // load
	Mode  string  `toml:"mode"` // set
	Setup Setup   `toml:"setup"`
	// Note and How are a measure's: name -> expression, and what is kept of its
	// values over Duration.
	Note FigureTable `toml:"note"`
	How  How         `toml:"how"`

	until    *program
	note     map[string]*program
	strength int64
	targets  sim.Models
}

// Undo is how an injection is taken back.
type Undo string

// The ways. Renew also replaces all processes: for what a fault left in them.
const (
	UndoFault Undo = "undo"
	UndoRenew Undo = "renew"
)

// How a measure makes one figure of many.
type How string

// The ways.
const (
	Last How = "last"
	Mean How = "mean"
	Max  How = "max"
	Min  How = "min"
)

// Check is a claim put to the machine.
type Check struct {
	ID     string   `toml:"id"`
	Claim  string   `toml:"claim"`
	Expr   string   `toml:"expr"`
	Within Duration `toml:"within"`
	// ExpectFailure: the lesson is that it never holds.
	ExpectFailure bool `toml:"expect_failure"`
	prog          *program
}

// ControlRun is the run in which every check must fail: the same without the
// actions, or with those of Skip left out only, on the lab that Setup changes.
type ControlRun struct {
	Skip  []string `toml:"skip"`
	Setup Setup    `toml:"setup"`
}

// Guard ends a lesson that goes wrong.
type Guard struct {
	AbortIf     string   `toml:"abort_if"`
	MaxDuration Duration `toml:"max_duration"`
	prog        *program
}

// PresenterRun is what a leader needs: the question that the room votes on,
// and how long each step should take.
type PresenterRun struct {
	Vote   string              `toml:"vote"`
	Timing map[string]Duration `toml:"timing"`
}
