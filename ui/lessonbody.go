package ui

import (
	"strconv"
	"strings"
)

// lessonView is what the screen keeps of a lesson beside its page.
type lessonView struct {
	page   *LessonPage
	wrap   func(string, int) []string
	scroll int
	cursor int      // the option; of a rank, behind the last one: done
	order  []string // of a rank, as it is being laid
	picked bool     // the option at the cursor is being moved
	number float64

	list     []LessonEntry
	listLang string
	at       int // the lesson that the list has chosen
	opening  bool
}

// begin turns to another page.
func (v *lessonView) begin(page *LessonPage) {
	v.scroll, v.cursor, v.picked, v.order = 0, 0, false, nil
	q := page.Question
	if q == nil {
		return
	}
	v.number = q.Start
	if q.Answered {
		v.number = q.Answer.Number
		v.order = append(v.order, q.Answer.Order...)
		for i, o := range q.Options {
			if o.ID == q.Answer.Option {
				v.cursor = i
			}
		}
	}
	if len(v.order) == 0 {
		for _, o := range q.Options {
			v.order = append(v.order, o.ID)
		}
	}
}

// lessonLine is a line of a page. at is the option that it belongs to, or -1.
type lessonLine struct {
	style style
	text  string
	at    int
}

// lessonLines are all lines of the page, for a width. What belongs together
// stands together, with a blank line between.
func (f *frame) lessonLines(width int) (out []lessonLine) {
	v := &f.st.lesson
	add := func(st style, indent string, text string, at int) {
		if text == "" {
			out = append(out, lessonLine{at: -1})
		}
		for _, line := range v.wrap(text, width-len(indent)) {
			out = append(out, lessonLine{st, indent + line, at})
		}
	}
	blocks := func(list []LessonBlock) {
		for i, b := range list {
			apart := i == 0 || b.Tone == ToneHead || b.Word == "" || list[i-1].Word == ""
			if i > 0 && list[i-1].Tone == ToneHead {
				apart = false
			}
			if len(out) > 0 && apart {
				add(plain, "", "", -1)
			}
			text := b.Text
			if b.Word != "" {
				text = f.word.T("lesson."+b.Word, map[string]any{"What": b.Text, "N": b.N, "Count": count(b.N)})
			}
			add(toneStyle[b.Tone], "", text, -1)
		}
	}
	blocks(v.page.Blocks)
	if q := v.page.Question; q != nil {
		if len(out) > 0 {
			add(plain, "", "", -1)
		}
		add(strong, "", q.Text, -1)
		add(plain, "", "", -1)
		f.answers(q, v, width, add)
		f.grade(q, add)
	}
	blocks(v.page.After)
	return out
}

// answers are the options, the order, or the number, with the cursor.
func (f *frame) answers(q *LessonQuestion, v *lessonView, width int, add func(style, string, string, int)) {
	text := make(map[string]string, len(q.Options))
	for _, o := range q.Options {
		text[o.ID] = o.Text
	}
	option := func(i int, mark, text string) {
		st, cursor := plain, "  "
		if i == v.cursor {
			st, cursor = strong, "> "
		}
		lines := v.wrap(text, max(width-len(cursor)-len(mark), 8))
		for n, line := range lines {
			lead := cursor + mark
			if n > 0 {
				lead = strings.Repeat(" ", len(lead))
			}
			add(st, lead, line, i)
		}
	}
	switch q.Kind {
	case "number":
		at := strconv.FormatFloat(v.number, 'f', -1, 64)
		data := map[string]any{
			"Number": at, "Unit": q.Unit,
			"Least": strconv.FormatFloat(q.Least, 'f', -1, 64), "Most": strconv.FormatFloat(q.Most, 'f', -1, 64),
		}
		st := strong
		if q.Answered && q.Answer.Number == v.number {
			st = good
		}
		add(st, "  ", f.word.T("lesson.number", data), 0)
	case "rank":
		for i, id := range v.order {
			mark := strconv.Itoa(i+1) + " "
			if v.picked && i == v.cursor {
				mark = "= " // held in the hand
			}
			option(i, mark, text[id])
		}
		option(len(v.order), "", f.t("lesson.rank_done"))
	default:
		for i, o := range q.Options {
			mark := "- "
			if q.Answered && q.Answer.Option == o.ID {
				mark = "* "
			}
			option(i, mark, o.Text)
		}
	}
}

// grade says whether the answer was right, once that is known, and what would
// have been.
func (f *frame) grade(q *LessonQuestion, add func(style, string, string, int)) {
	if q.Answered {
		add(plain, "", "", -1)
	}
	switch {
	case !q.Answered:
	case !q.Graded && f.st.lesson.page.Recorded:
		add(faint, "", f.t("lesson.noted_recorded"), -1)
	case !q.Graded:
		add(faint, "", f.t("lesson.noted"), -1)
	case q.Right:
		add(good, "", f.t("lesson.right"), -1)
	default:
		add(bad, "", f.word.T("lesson.wrong", map[string]any{"What": q.Wanted()}), -1)
		if q.Why != "" {
			add(plain, "", q.Why, -1)
		}
	}
}

// Wanted is the right answer in words.
func (q *LessonQuestion) Wanted() string { return q.inWords(q.Want) }

// Given is the learner's answer in words.
func (q *LessonQuestion) Given() string { return q.inWords(q.Answer) }

func (q *LessonQuestion) inWords(a LessonAnswer) string {
	name := func(id string) string {
		for _, o := range q.Options {
			if o.ID == id {
				return strings.Join(strings.Fields(o.Text), " ")
			}
		}
		return id
	}
	switch q.Kind {
	case "number":
		return strconv.FormatFloat(a.Number, 'g', 3, 64) + " " + q.Unit
	case "rank":
		var list []string
		for i, id := range a.Order {
			list = append(list, strconv.Itoa(i+1)+" "+name(id))
		}
		return strings.Join(list, "  ")
	}
	return name(a.Option)
}
