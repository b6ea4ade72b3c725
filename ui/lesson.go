package ui

import "forklore/sim"

// Player takes a learner through lessons. The screen knows what a page of a
// lesson has on it and which keys it answers to; what a lesson is, it does not:
// this room may not import the lessons' one. ui/cli joins the two.
//
// All methods are called from the program's loop and return at once; only a Lab
// takes its time, and runs beside.
type Player interface {
	// Lessons are what there is to choose from.
	Lessons(lang string) ([]LessonEntry, error)
	// Choose begins a lesson, in the lab that runs or, if it needs another one,
	// in that.
	Choose(id string) (Lab, error)
	// Page is where the learner is; nil: no lesson is open.
	Page(lang string) *LessonPage
	// Wrap lays a lesson's text out in lines of at most so many cells.
	Wrap(text string, width int) []string

	// Observe takes every snapshot in. The lesson may need another lab then.
	Observe(*sim.Snapshot) Lab
	// Opened says that a Lab has done its work, and is shown.
	Opened()

	Forward() error
	Back() error
	Answer(LessonAnswer) error
	// Start begins the action that waits.
	Start() error
	// Hint shows the next hint; after the last one, the solution is played.
	Hint() error
	// Again begins the experiment anew.
	Again() (Lab, error)
	// Leave takes back what the lesson did, and keeps the progress.
	Leave() error
}

// Lab replaces the lab that runs by the one that a lesson needs: it ends the
// one and returns the other. nil: the lab that runs is right.
type Lab func() (sim.Source, error)

// Refusal is why a player does not do something; its words are lesson.no.*.
type Refusal string

// The refusals.
const (
	NoAnswer   Refusal = "answer" // a question has no answer yet
	NotDone    Refusal = "done"   // the experiment isn't
	NoMore     Refusal = "more"   // this is the last page
	NothingYet Refusal = "before" // this is the first page
	TooLate    Refusal = "late"   // the experiment has begun: the prediction stands
	NotOffered Refusal = "option"
	NoAction   Refusal = "action" // nothing waits to be started
	NoHint     Refusal = "hint"
)

func (r Refusal) Error() string { return "lesson: refused: " + string(r) }

// LessonEntry is a lesson in the list.
type LessonEntry struct {
	ID, Title, Summary string
	Order, Minutes     int
	State              string // unseen, started, shown, hinted, solved; "": not kept
	Beta               bool   // not finished
	// Missing is why it can't be taken here, in English. If it is the machine that
	// lacks something, Fallback is what the lesson falls back to: none, model,
	// recording.
	Missing, Fallback string
	// Recorded is what this machine lacks, in English, where the lesson shows a
	// recording instead; Where is the machine that it was made on.
	Recorded, Where string
	// Setup is the lab that it needs, as flags; "" if the one that runs is right.
	Setup string
	Due   int // questions that come again today
}

// LessonPage is what the learner has before him.
type LessonPage struct {
	ID     string // of another page: the cursor and the scrolling begin anew
	Title  string
	Step   string // its words are lesson.step.*
	N, Of  int    // which page it is
	Blocks []LessonBlock
	// Question is asked below the blocks.
	Question *LessonQuestion
	// After stand below the question: hints, and what to do next.
	After []LessonBlock
	// Waits: an action waits to be started; Key does that, as enter does.
	Waits bool
	Key   string
	Hints int  // hints that can still be asked for; -1: not here
	Again bool // the experiment can be run anew
	Last  bool
	// Recorded: the figures on the page are a recording's. The models beside it are
	// this machine's.
	Recorded bool
	Blind    bool // the screen must not name a fault, until a page may tell
}

// LessonBlock is a paragraph or more. Either Text is the lesson's own, or Word
// is one of the screen's, with Text and N for its figures.
type LessonBlock struct {
	Tone Tone
	Word string
	Text string
	N    int
}

// Tone is how a block is meant.
type Tone int

// The tones.
const (
	ToneText Tone = iota
	ToneHead
	ToneGood
	ToneBad
	ToneNote
	ToneFaint
)

var toneStyle = map[Tone]style{ToneHead: strong, ToneGood: good, ToneBad: bad, ToneNote: note, ToneFaint: faint}

// LessonQuestion is a question, and what became of it.
type LessonQuestion struct {
	Kind    string // choice, rank, number
	Text    string
	Options []LessonOption

	Unit              string
	Least, Most, Step float64
	Start             float64
	Answered          bool
	Answer            LessonAnswer
	Fixed             bool // it can't be changed any more
	Graded, Right     bool
	Want              LessonAnswer // what would have been right, once graded
	Why               string       // what is wrong with the answer
}

// LessonOption is an answer that is offered.
type LessonOption struct{ ID, Text string }

// LessonAnswer is an answer: an option, an order, or a number.
type LessonAnswer struct {
	Option string
	Order  []string
	Number float64
}
