package lessons

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// NoteSchema names the shape of a line on the presenter's socket: one JSON
// object a line, from the lab to whoever reads along.
const NoteSchema = "forklore/notes/v1"

// Note is what a presenter needs to see at one moment.
type Note struct {
	Schema      string `json:"schema"`
	Lang        string `json:"lang"`
	Lesson      string `json:"lesson"` // "": none is open
	Title       string `json:"title"`
	Step        string `json:"step"`
	Phase       Phase  `json:"phase"`
	Recorded    string `json:"recorded,omitempty"` // when and where, if it is shown from a recording
	Notes       string `json:"notes"`
	Next        string `json:"next"` // step, "" after the last
	ElapsedMS   int64  `json:"elapsed_ms"`
	RemainingMS int64  `json:"remaining_ms"`
	StepMS      int64  `json:"step_ms"` // what the step should take; 0: not said
	Vote        *Vote  `json:"vote,omitempty"`
}

// Vote is the question that the room votes on.
type Vote struct {
	Question string       `json:"question"`
	Options  []VoteOption `json:"options"`
}

// VoteOption is one of its answers; which is expected, only the presenter sees.
type VoteOption struct {
	Text  string `json:"text"`
	Right bool   `json:"right"`
}

// Note is what the presenter is to see now.
func (s *Session) Note(lang string) Note {
	l := s.lesson
	n := Note{Schema: NoteSchema, Lang: lang, Lesson: l.ID, Title: l.Title(lang), Step: s.step.String(), Phase: s.phase,
		ElapsedMS: s.Elapsed().Milliseconds(), RemainingMS: s.Remaining().Milliseconds(),
		StepMS: l.Presenter.Timing[s.step.String()].Milliseconds()}
	if s.step < StepRecall {
		n.Next = (s.step + 1).String()
	}
	var parts []string
	keys := []string{"notes." + s.step.String(), "notes"}
	if g := s.Recorded(); g != nil {
		n.Recorded = g.Where()
		if s.step == StepAct { // nobody does anything
			keys = keys[1:]
		}
	}
	for _, key := range keys {
		if body := l.Text(lang, key, s.seen).Body; body != "" {
			parts = append(parts, body)
		}
	}
	failed := s.phase == Ended || s.phase == Judged && !s.held()
	if failed {
		parts = append([]string{l.Text(lang, "notes.fails", s.seen).Body}, parts...)
		if s.why != "" {
			parts = append([]string{s.why}, parts...)
		}
	}
	n.Notes = strings.Join(parts, "\n\n")
	if q := l.question(l.Presenter.Vote); q != nil && s.isIn(q) {
		n.Vote = &Vote{Question: l.Text(lang, q.ID, s.seen).Body}
		for _, o := range q.Options {
			n.Vote.Options = append(n.Vote.Options, VoteOption{l.Text(lang, q.ID+"."+o.ID, s.seen).Body, o.Right})
		}
	}
	return n
}

// isIn: the question is one of this step's.
func (s *Session) isIn(q *Question) bool {
	for _, x := range s.Questions(s.step) {
		if x.ID == q.ID {
			return true
		}
	}
	return false
}

// Lines is the note as a page of at most height lines of width cells: the time
// large, for who stands away from the screen.
func (n *Note) Lines(width, height int) (out []string) {
	w := wordsOf(n.Lang)
	width, height = max(width, 20), max(height, 8)
	if n.Lesson == "" {
		return []string{w.waiting}
	}
	step := func(name string) string {
		if i, ok := stepOf(name); ok {
			return w.steps[i]
		}
		return name
	}
	out = append(out, fmt.Sprintf("%s  |  %s", n.Title, step(n.Step)), "")
	if n.Recorded != "" {
		out[1] = w.recorded + ": " + n.Recorded
	}
	remaining, label := time.Duration(n.RemainingMS)*time.Millisecond, w.remaining
	if remaining < 0 {
		remaining, label = -remaining, w.over
	}
	elapsed := Large(clock(time.Duration(n.ElapsedMS) * time.Millisecond))
	left := Large(clock(remaining))
	half := 0
	for _, row := range elapsed {
		half = max(half, len(row)+6)
	}
	out = append(out, pad(w.elapsed, half)+label)
	for i := range elapsed {
		out = append(out, pad(elapsed[i], half)+left[i])
	}
	out = append(out, "")
	if n.Next != "" {
		line := w.next + ": " + step(n.Next)
		if n.StepMS > 0 {
			line = fmt.Sprintf("%s %s  |  %s", step(n.Step), clock(time.Duration(n.StepMS)*time.Millisecond), line)
		}
		out = append(out, line, "")
	}
	if v := n.Vote; v != nil {
		out = append(out, Wrap(w.vote+": "+v.Question, width)...)
		for i, o := range v.Options {
			text := fmt.Sprintf("%c) %s", 'A'+i, strings.Join(strings.Fields(o.Text), " "))
			if o.Right {
				text += "  <- " + w.right
			}
			out = append(out, Wrap(text, width)...)
		}
		out = append(out, "")
	}
	if n.Notes == "" {
		out = append(out, w.noNotes)
	}
	out = append(out, Wrap(n.Notes, width)...)
	for i := range out {
		out[i] = ansi.Truncate(harmless(out[i]), width, "")
	}
	return out[:min(len(out), height)]
}

// harmless: nothing that came over a socket moves the cursor.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-ansi.StringWidth(s), 1))
}
