package lessons

import (
	"maps"
	"slices"
	"time"
)

// ProgressSchema names the shape of the progress file.
const ProgressSchema = "forklore/progress/v1"

// State is how far a learner has come with a lesson.
type State string

// The states, in the order in which they outrank each other: who has solved a
// lesson once has solved it.
const (
	StateUnseen  State = "unseen"
	StateStarted State = "started"
	StateShown   State = "shown"
	StateHinted  State = "hinted" // solved with hints
	StateSolved  State = "solved"
)

var rank = []State{StateUnseen, StateStarted, StateShown, StateHinted, StateSolved}

// Progress is what is kept of a learner.
type Progress struct {
	Schema  string                     `json:"schema"`
	Lessons map[string]*LessonProgress `json:"lessons"`
}

// LessonProgress is that of one lesson.
type LessonProgress struct {
	State State     `json:"state"`
	Last  time.Time `json:"last"`
	// Predictions are the last ones, with whether they were right.
	Predictions map[string]Prediction `json:"predictions,omitempty"`
	Recalls     map[string]*Recall    `json:"recalls,omitempty"`
}

// Prediction is an answer that was given, and judged if it could be.
type Prediction struct {
	Answer Answer `json:"answer"`
	Right  *bool  `json:"right,omitempty"`
}

// Recall is when a question is asked again.
type Recall struct {
	Asked int       `json:"asked"` // how many of its days have been
	Due   time.Time `json:"due"`
	Right int       `json:"right"`
	Wrong int       `json:"wrong"`
}

// Of is the progress of a lesson; it is there from then on.
func (p *Progress) Of(id string) *LessonProgress {
	if p.Lessons == nil {
		p.Lessons = map[string]*LessonProgress{}
	}
	l := p.Lessons[id]
	if l == nil {
		l = &LessonProgress{State: StateUnseen}
		p.Lessons[id] = l
	}
	return l
}

// State is that of a lesson.
func (p *Progress) State(id string) State {
	if l := p.Lessons[id]; l != nil {
		return l.State
	}
	return StateUnseen
}

// Note keeps what a session has come to. It may be called as often as one likes.
func (p *Progress) Note(s *Session, now time.Time) {
	l := p.Of(s.lesson.ID)
	if state := s.Outcome(); slices.Index(rank, state) > slices.Index(rank, l.State) {
		l.State = state
	}
	l.Last = now
	for _, list := range [][]Question{s.lesson.Predict, s.lesson.Observe} {
		for _, q := range list {
			a, ok := s.Answered(q.ID)
			if !ok {
				continue
			}
			if l.Predictions == nil {
				l.Predictions = map[string]Prediction{}
			}
			kept := Prediction{Answer: a}
			if g := s.Grade(q.ID); g != nil {
				kept.Right = &g.Right
			}
			l.Predictions[q.ID] = kept
		}
	}
	if s.phase != Judged {
		return
	}
	for _, q := range s.lesson.Recall { // the first day is counted from now
		if l.Recalls == nil {
			l.Recalls = map[string]*Recall{}
		}
		if l.Recalls[q.ID] == nil && len(q.AfterDays) > 0 {
			l.Recalls[q.ID] = &Recall{Due: day(now, q.AfterDays[0])}
		}
	}
}

// day is the start of the day so many days after now, where the learner lives.
func day(now time.Time, days int) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d+days, 0, 0, 0, 0, now.Location())
}

// Due is a question that is to be asked again.
type Due struct {
	Lesson   *Lesson
	Question *Question
}

// Due are the questions that are to be asked today.
func (p *Progress) Due(set *Set, now time.Time) (list []Due) {
	for _, l := range set.Lessons {
		kept := p.Lessons[l.ID]
		if kept == nil {
			continue
		}
		for i := range l.Recall {
			q := &l.Recall[i]
			if r := kept.Recalls[q.ID]; r != nil && r.Asked < len(q.AfterDays) && !now.Before(r.Due) {
				list = append(list, Due{l, q})
			}
		}
	}
	return list
}

// Recalled keeps the answer to such a question. What was wrong comes back the
// next day; what was right, after its next pause.
func (p *Progress) Recalled(d Due, a Answer, now time.Time) (*Grade, error) {
	if err := d.Question.check(a); err != nil {
		return nil, err
	}
	kept := p.Of(d.Lesson.ID)
	if kept.Recalls == nil {
		kept.Recalls = map[string]*Recall{}
	}
	r := kept.Recalls[d.Question.ID]
	if r == nil {
		r = &Recall{}
		kept.Recalls[d.Question.ID] = r
	}
	g := d.Question.grade(a, nil)
	if !g.Right {
		r.Wrong++
		r.Due = day(now, 1)
		return g, nil
	}
	r.Right++
	r.Asked++
	if days := d.Question.AfterDays; r.Asked < len(days) {
		r.Due = day(now, days[r.Asked])
	}
	return g, nil
}

// Score counts the predictions that were right, and those that were judged.
func (p *Progress) Score() (right, judged int) {
	for _, l := range p.Lessons {
		for _, x := range l.Predictions {
			if x.Right == nil {
				continue
			}
			judged++
			if *x.Right {
				right++
			}
		}
	}
	return right, judged
}

// Reset forgets one lesson, or all with "".
func (p *Progress) Reset(id string) {
	if id == "" {
		p.Lessons = nil
		return
	}
	delete(p.Lessons, id)
}

// Merge takes in the progress of another file: of each lesson, what is further.
func (p *Progress) Merge(other *Progress) {
	for id, theirs := range other.Lessons {
		ours := p.Of(id)
		if slices.Index(rank, theirs.State) > slices.Index(rank, ours.State) {
			ours.State = theirs.State
		}
		if theirs.Last.After(ours.Last) {
			ours.Last = theirs.Last
			if len(theirs.Predictions) > 0 {
				ours.Predictions = maps.Clone(theirs.Predictions)
			}
		}
		for q, r := range theirs.Recalls {
			if ours.Recalls == nil {
				ours.Recalls = map[string]*Recall{}
			}
			if mine := ours.Recalls[q]; mine == nil || r.Asked > mine.Asked {
				ours.Recalls[q] = r
			}
		}
	}
}
