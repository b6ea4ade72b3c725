package lessons

import (
	"errors"
	"math"
	"slices"
)

// Answer is a learner's answer to one question.
type Answer struct {
	Option string   `json:"option,omitempty"` // of a choice
	Order  []string `json:"order,omitempty"`  // of a rank, the greatest first
	Number float64  `json:"number,omitempty"`
}

// What is wrong with an answer.
var (
	ErrNoQuestion = errors.New("no such question in this lesson")
	ErrNoOption   = errors.New("not an answer that the question offers")
)

// check reports whether the question can be answered so.
func (q *Question) check(a Answer) error {
	ok := false
	switch q.Kind {
	case Choice:
		ok = q.option(a.Option) != nil
	case Rank:
		ok = len(a.Order) == len(q.Options)
		for i, id := range a.Order {
			ok = ok && q.option(id) != nil && !slices.Contains(a.Order[:i], id)
		}
	case Number:
		ok = a.Number >= q.Least && a.Number <= q.Most
	}
	if !ok {
		return ErrNoOption
	}
	return nil
}

func (q *Question) option(id string) *Option {
	for i := range q.Options {
		if q.Options[i].ID == id {
			return &q.Options[i]
		}
	}
	return nil
}

// Right is the id of the option that is expected.
func (q *Question) Right() string {
	for _, o := range q.Options {
		if o.Right {
			return o.ID
		}
	}
	return ""
}

// Grade is an answer that was judged.
type Grade struct {
	Question string `json:"question"`
	Right    bool   `json:"right"`
	// Measured: by what was measured, and not only by what is expected.
	Measured bool `json:"measured"`
	// Want is what would have been right.
	Want Answer `json:"want"`
	// Misconception is the belief behind a wrong choice.
	Misconception string `json:"misconception,omitempty"`
}

// grade judges an answer; nil if that takes figures that are not there.
func (q *Question) grade(a Answer, e *environment) *Grade {
	g := &Grade{Question: q.ID}
	switch q.Kind {
	case Choice:
		want, measured, ok := q.choiceFor(a, e)
		if !ok {
			return nil
		}
		g.Want, g.Measured = Answer{Option: want}, measured
		if g.Right = want == a.Option; !g.Right {
			g.Misconception = q.option(a.Option).Misconception
		}
	case Rank:
		order, value, ok := q.order(e)
		if !ok {
			return nil
		}
		g.Want, g.Measured, g.Right = Answer{Order: order}, true, true
		for i := 1; i < len(a.Order); i++ { // equals may stand in any order
			if value[a.Order[i]] > value[a.Order[i-1]] {
				g.Right = false
			}
		}
	case Number:
		if e == nil {
			return nil
		}
		v, ok := q.answer.value(e)
		if !ok {
			return nil
		}
		g.Want, g.Measured = Answer{Number: v}, true
		g.Right = math.Abs(a.Number-v) <= q.Tolerance*math.Abs(v)+1e-9
	}
	return g
}

// choiceFor is the option that is right. Where options are judged by what was
// measured and several hold, the learner's is right if it is among them.
func (q *Question) choiceFor(a Answer, e *environment) (want string, measured, ok bool) {
	if !slices.ContainsFunc(q.Options, func(o Option) bool { return o.when != nil }) {
		return q.Right(), false, true
	}
	if e == nil {
		return "", false, false
	}
	for _, o := range q.Options {
		if o.when == nil {
			continue
		}
		if holds, _ := o.when.holds(e); holds && (want == "" || o.ID == a.Option) {
			want = o.ID
		}
	}
	return want, true, want != ""
}

// order is the order of a rank's options, by what was measured.
func (q *Question) order(e *environment) (order []string, value map[string]float64, ok bool) {
	if e == nil {
		return nil, nil, false
	}
	value = map[string]float64{}
	for _, o := range q.Options {
		v, ok := o.value.value(e)
		if !ok {
			return nil, nil, false
		}
		value[o.ID] = v
		order = append(order, o.ID)
	}
	slices.SortStableFunc(order, func(x, y string) int {
		switch {
		case value[x] > value[y]:
			return -1
		case value[x] < value[y]:
			return 1
		}
		return 0
	})
	return order, value, true
}
