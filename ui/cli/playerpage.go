package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"forklore/lessons"
	"forklore/sim"
	"forklore/ui"
)

// page is one that the learner turns to: a step of the lesson, or one of its
// questions.
type page struct {
	step     lessons.Step
	question *lessons.Question
}

// due is a question from an earlier day.
type due struct {
	lessons.Due
	answer *lessons.Answer
	grade  *lessons.Grade
}

// pagesOf are those of a lesson. On a stage nothing is asked again at its end.
func pagesOf(l *lessons.Lesson, mode lessons.Mode) []page {
	pages := []page{{step: lessons.StepIntro}}
	ask := func(step lessons.Step, list []lessons.Question) {
		for i := range list {
			pages = append(pages, page{step, &list[i]})
		}
	}
	ask(lessons.StepPredict, l.Predict)
	pages = append(pages, page{step: lessons.StepAct})
	ask(lessons.StepObserve, l.Observe)
	pages = append(pages, page{step: lessons.StepCheck}, page{step: lessons.StepExplain})
	if mode != lessons.Demo {
		ask(lessons.StepRecall, l.Recall)
	}
	return pages
}

// Forward implements ui.Player.
func (p *player) Forward() error {
	switch {
	case len(p.due) > 0: // answered or not
		p.due = p.due[1:]
		return nil
	case p.at == len(p.pages)-1:
		return ui.NoMore
	}
	to := p.pages[p.at+1]
	if q := p.pages[p.at].question; q != nil && p.mode != lessons.Demo {
		if _, ok := p.session.Answered(q.ID); !ok {
			return ui.NoAnswer
		}
	}
	for p.session.Step() < to.step {
		if err := p.session.Next(); err != nil {
			return refusal(err)
		}
	}
	p.at++
	return nil
}

// Back implements ui.Player.
func (p *player) Back() error {
	if len(p.due) > 0 || p.at == 0 {
		return ui.NothingYet
	}
	p.at--
	for p.session.Step() > p.pages[p.at].step {
		if err := p.session.Prev(); err != nil {
			return refusal(err)
		}
	}
	return nil
}

// turnTo turns to the first page of the step that the session is at.
func (p *player) turnTo(step lessons.Step) {
	p.at = max(slices.IndexFunc(p.pages, func(x page) bool { return x.step == step }), 0)
}

// Answer implements ui.Player.
func (p *player) Answer(given ui.LessonAnswer) error {
	a := lessons.Answer{Option: given.Option, Order: given.Order, Number: given.Number}
	if len(p.due) > 0 {
		d := &p.due[0]
		if d.answer != nil {
			return ui.TooLate
		}
		check := &lessons.Progress{} // the answer is judged at once, whatever becomes of the file
		g, err := check.Recalled(d.Due, a, time.Now())
		if err != nil {
			return refusal(err)
		}
		d.answer, d.grade = &a, g
		if p.store != nil {
			p.note(p.store.Update(func(kept *lessons.Progress) { kept.Recalled(d.Due, a, time.Now()) }))
		}
		return nil
	}
	q := p.pages[p.at].question
	if q == nil {
		return ui.NotOffered
	}
	if err := p.session.Answer(q.ID, a); err != nil {
		return refusal(err)
	}
	p.keep()
	return nil
}

// Start implements ui.Player.
func (p *player) Start() error { return refusal(p.session.Start()) }

// Hint implements ui.Player.
func (p *player) Hint() error {
	switch {
	case p.hints() < 0:
		return ui.NoHint
	case p.session.Hints() < maxHints:
		p.session.Hint()
	default:
		p.session.Show()
		p.shown = true
	}
	return nil
}

const maxHints = 3

// hints are those that are left on this page; -1: there are none here.
func (p *player) hints() int {
	if p.mode == lessons.Demo || len(p.due) > 0 || p.pages[p.at].step != lessons.StepAct || over(p.session) || p.shown {
		return -1
	}
	return maxHints - p.session.Hints()
}

// over: the experiment has done all it will.
func over(s *lessons.Session) bool {
	return s.Phase() == lessons.Judging || s.Phase() == lessons.Judged || s.Phase() == lessons.Ended
}

func ended(s *lessons.Session) bool {
	return s.Phase() == lessons.Judged || s.Phase() == lessons.Ended
}

// refusal is the session's error as the screen knows it.
func refusal(err error) error {
	for _, r := range []struct {
		err error
		why ui.Refusal
	}{
		{lessons.ErrUnanswered, ui.NoAnswer}, {lessons.ErrNotDone, ui.NotDone}, {lessons.ErrLast, ui.NoMore},
		{lessons.ErrFirst, ui.NothingYet}, {lessons.ErrTooLate, ui.TooLate}, {lessons.ErrNoOption, ui.NotOffered},
		{lessons.ErrNoQuestion, ui.NotOffered}, {lessons.ErrNoAction, ui.NoAction},
	} {
		if errors.Is(err, r.err) {
			return r.why
		}
	}
	return err
}

// Wrap implements ui.Player.
func (p *player) Wrap(text string, width int) []string { return lessons.Wrap(text, width) }

// Page implements ui.Player.
func (p *player) Page(lang string) *ui.LessonPage {
	p.lang = lang
	if p.session == nil {
		return nil
	}
	if len(p.due) > 0 {
		return p.duePage(lang)
	}
	now := p.pages[p.at]
	w := writer{session: p.session, lesson: p.session.Lesson(), lang: lang}
	out := &ui.LessonPage{
		ID: p.session.Lesson().ID + " " + strconv.Itoa(p.at), Title: w.lesson.Title(lang), Step: now.step.String(),
		N: p.at + 1, Of: len(p.pages), Hints: p.hints(), Again: ended(p.session), Last: p.at == len(p.pages)-1,
		Blind: w.lesson.Blind,
	}
	if g := p.session.Recorded(); g != nil {
		out.Recorded, out.Again = true, false
		w.word(ui.ToneBad, "recorded", g.Where())
		if now.step <= lessons.StepAct {
			w.word(ui.ToneText, "lacks", w.lesson.Missing(p.here))
		}
	}
	switch now.step {
	case lessons.StepIntro:
		w.text("intro")
	case lessons.StepAct:
		w.act()
		if a := p.session.Pending(); a != nil {
			out.Waits, out.Key = true, a.Key
		}
		if a := p.session.Told(); a != nil {
			out.ID += " " + a.ID
		}
		if p.mode != lessons.Demo {
			w.hints(p.shown)
		}
	case lessons.StepCheck:
		w.check()
		if p.store != nil {
			w.outcome()
		}
		w.predictions()
	case lessons.StepExplain:
		w.explain()
		if p.store != nil {
			w.recalls()
		}
	default:
		out.Question = p.question(&w, now)
	}
	out.Blocks = w.out
	return out
}

// duePage asks a question from an earlier day.
func (p *player) duePage(lang string) *ui.LessonPage {
	d := &p.due[0]
	w := writer{lesson: d.Lesson, lang: lang}
	w.word(ui.ToneFaint, "due", d.Lesson.Title(lang))
	q := w.question(d.Question)
	if d.answer != nil {
		w.judged(q, *d.answer, d.grade)
		q.Fixed = true
	}
	return &ui.LessonPage{
		ID: "due " + d.Lesson.ID + " " + d.Question.ID, Title: d.Lesson.Title(lang), Step: "due", N: 1, Of: len(p.due),
		Blocks: w.out, Question: q, Hints: -1,
	}
}

// question is a page's, with what was answered. It is judged when the experiment
// is.
func (p *player) question(w *writer, now page) *ui.LessonQuestion {
	q := w.question(now.question)
	a, ok := p.session.Answered(now.question.ID)
	judged := p.session.Phase() == lessons.Judged
	if ok {
		var g *lessons.Grade
		if judged {
			g = p.session.Grade(now.question.ID)
		}
		w.judged(q, a, g)
	}
	// What was judged is not answered again: the right answer stands there.
	q.Fixed = q.Graded || now.step == lessons.StepPredict && p.session.Begun()
	return q
}

// writer puts a page together.
type writer struct {
	session *lessons.Session
	lesson  *lessons.Lesson
	lang    string
	out     []ui.LessonBlock
}

func (w *writer) seen() map[string]float64 {
	if w.session == nil {
		return nil
	}
	return w.session.Seen()
}

// body is a section of the lesson, marked where its translation is missing.
func (w *writer) body(key string) string {
	t := w.lesson.Text(w.lang, key, w.seen())
	if t.Body != "" && t.Lang != w.lang {
		w.word(ui.ToneFaint, "untranslated", "")
	}
	return t.Body
}

func (w *writer) text(key string) {
	if body := w.body(key); body != "" {
		w.out = append(w.out, ui.LessonBlock{Text: body})
	}
}

func (w *writer) word(tone ui.Tone, id, what string) {
	w.out = append(w.out, ui.LessonBlock{Tone: tone, Word: "say." + id, Text: what})
}

// seenAs is the word for what was seen: another one if it was in a recording.
func (w *writer) seenAs(id string) string {
	if w.session.Recorded() != nil {
		return "recorded_" + id
	}
	return id
}

func (w *writer) count(tone ui.Tone, id string, n int) {
	w.out = append(w.out, ui.LessonBlock{Tone: tone, Word: "say." + id, N: n})
}

// act is what the learner does, and how far the experiment is.
func (w *writer) act() {
	s := w.session
	if s.Recorded() != nil {
		w.word(ui.ToneHead, "recorded_acts", "")
		for _, a := range s.Acts() {
			w.text("act." + a.ID)
		}
		w.word(ui.ToneHead, "recorded_showed", "")
		w.out = append(w.out, ui.LessonBlock{Text: strings.Join(s.Showed(), "\n\n")})
		w.word(ui.ToneGood, "recorded_judged", "")
		return
	}
	if a := s.Told(); a != nil {
		w.text("act." + a.ID)
	}
	d := s.Deed()
	if d.Of > 1 && !over(s) {
		w.word(ui.ToneFaint, "part", strconv.Itoa(d.N)+"/"+strconv.Itoa(d.Of))
	}
	switch s.Phase() {
	case lessons.Warming:
		w.word(ui.ToneNote, "warming", "")
	case lessons.Ready:
		if d.Action.Key == "" {
			w.word(ui.ToneNote, "press_enter", "")
		} else {
			w.word(ui.ToneNote, "press", d.Action.Key)
		}
	case lessons.Steadying:
		w.word(ui.ToneNote, "steadying", "")
		w.conditions()
	case lessons.Running:
		left := int((d.Left + time.Second - 1) / time.Second)
		switch {
		case d.Action.Do == lessons.DoMeasure:
			w.count(ui.ToneNote, "measuring", left)
		case d.Action.Do == lessons.DoWait:
			w.count(ui.ToneNote, "watching", left)
		case left > 0:
			w.count(ui.ToneNote, "running", left)
		default:
			w.word(ui.ToneNote, "running_over", "")
		}
	case lessons.Judging:
		w.word(ui.ToneNote, "judging", "")
	case lessons.Judged:
		w.word(ui.ToneGood, "judged", "")
	case lessons.Ended:
		w.ended(w.lesson.Blind)
	}
	for _, v := range s.Effects() {
		switch blind := w.lesson.Blind; {
		case blind && v.Held: // by what it is known would tell which it is
			w.word(ui.ToneGood, "effect_blind", "")
		case blind:
			w.word(ui.ToneFaint, "no_effect_blind", "")
		case v.Held:
			w.word(ui.ToneGood, "effect", measured(&v))
		default:
			w.word(ui.ToneFaint, "no_effect", measured(&v))
		}
	}
}

// ended says why, unless that could name what the learner is asked for, and what the
// lesson has to say of it.
func (w *writer) ended(blind bool) {
	if blind {
		w.word(ui.ToneBad, "ended_blind", "")
	} else {
		w.word(ui.ToneBad, "ended", w.session.Why())
	}
	for _, v := range w.session.Conditions() {
		if !v.Held {
			w.text("steady." + v.ID)
		}
	}
	w.word(ui.ToneNote, "once_more", "")
}

// conditions are those of the steady state that are not met.
func (w *writer) conditions() {
	for _, v := range w.session.Conditions() {
		if !v.Held {
			w.word(ui.ToneFaint, "unmet", measured(&v))
		}
	}
}

// measured is an expression with its figures.
func measured(v *lessons.Verdict) string {
	if text := v.Text(); text != "" {
		return v.Expr + " (" + text + ")"
	}
	return v.Expr
}

func (w *writer) hints(shown bool) {
	for i := range w.session.Hints() {
		n := strconv.Itoa(i + 1)
		w.out = append(w.out, ui.LessonBlock{Tone: ui.ToneHead, Word: "say.hint_" + n})
		w.text("hint." + n)
	}
	if shown {
		w.word(ui.ToneNote, "showing", "")
	}
}

// check is each claim, with the figures that it was judged by.
func (w *writer) check() {
	s := w.session
	if s.Phase() == lessons.Ended {
		w.ended(false)
	}
	verdicts := s.Result().Checks
	held := !slices.ContainsFunc(verdicts, func(v lessons.Verdict) bool { return !v.Held })
	for _, claim := range w.lesson.Claims {
		w.out = append(w.out, ui.LessonBlock{Tone: ui.ToneHead, Word: "say.claim", Text: claim})
		w.text("claim." + claim)
		for _, v := range verdicts {
			if v.Claim == claim {
				w.verdict(&v)
			}
		}
	}
	switch {
	case s.Phase() != lessons.Judged:
	case held:
		w.word(ui.ToneHead, w.seenAs("all_hold"), "")
	default:
		w.word(ui.ToneHead, w.seenAs("not_all"), "")
		if s.Recorded() == nil {
			w.word(ui.ToneNote, "once_more", "")
		}
	}
}

func (w *writer) verdict(v *lessons.Verdict) {
	figures := v.Text()
	switch {
	case !v.Decided:
		w.word(ui.ToneFaint, "open", v.Expr)
	case v.Held:
		w.word(ui.ToneGood, "holds", v.Expr)
		if figures != "" {
			w.word(ui.ToneText, w.seenAs("measured"), figures)
		}
		return
	default:
		w.word(ui.ToneBad, "fails", v.Expr)
		if figures != "" {
			w.word(ui.ToneText, w.seenAs("instead"), figures)
		}
	}
	if v.Why != "" && v.Decided {
		w.word(ui.ToneText, "unjudged", v.Why)
	}
}

// outcome is what the progress keeps.
func (w *writer) outcome() {
	if state := w.session.Outcome(); state != lessons.StateStarted {
		w.word(ui.ToneNote, w.seenAs(string(state)), "")
	}
}

// predictions are what was said before, against what was measured.
func (w *writer) predictions() {
	if w.session.Phase() != lessons.Judged {
		return
	}
	head := false
	for i := range w.lesson.Predict {
		q := &w.lesson.Predict[i]
		a, ok := w.session.Answered(q.ID)
		g := w.session.Grade(q.ID)
		if !ok || g == nil {
			continue
		}
		if !head {
			w.out = append(w.out, ui.LessonBlock{Tone: ui.ToneHead, Word: "say.predictions"})
			head = true
		}
		u := w.question(q)
		w.judged(u, a, g)
		if g.Right {
			w.word(ui.ToneGood, "predicted_right", u.Given())
			continue
		}
		w.word(ui.ToneBad, "predicted_wrong", u.Given())
		w.word(ui.ToneText, "it_was", u.Wanted())
		if u.Why != "" {
			w.out = append(w.out, ui.LessonBlock{Text: u.Why})
		}
	}
}

// explain is what there is to understand, for each model, and who says so.
func (w *writer) explain() {
	w.text("explain")
	for m := range sim.NModels {
		key := "explain." + m.String()
		if w.lesson.Text(w.lang, key, nil).Body == "" {
			continue
		}
		w.out = append(w.out, ui.LessonBlock{Tone: ui.ToneHead, Word: "model." + m.String()})
		w.text(key)
	}
	if len(w.lesson.Sources) == 0 {
		return
	}
	w.out = append(w.out, ui.LessonBlock{Tone: ui.ToneHead, Word: "say.sources"})
	var list []string
	for _, r := range w.lesson.Sources {
		list = append(list, strings.TrimSpace("- ["+r.ID+"] "+r.Title+" "+r.URL))
	}
	w.out = append(w.out, ui.LessonBlock{Text: strings.Join(list, "\n")})
}

// recalls says that questions come again.
func (w *writer) recalls() {
	if n := len(w.lesson.Recall); n > 0 && w.session.Phase() == lessons.Judged {
		w.count(ui.ToneFaint, "recalls", n)
	}
}

// question is one of the lesson's, as the screen asks it.
func (w *writer) question(q *lessons.Question) *ui.LessonQuestion {
	out := &ui.LessonQuestion{
		Kind: string(q.Kind), Text: w.body(q.ID), Unit: q.Unit, Least: q.Least, Most: q.Most, Step: q.Step, Start: q.Start,
	}
	for _, o := range q.Options {
		out.Options = append(out.Options, ui.LessonOption{ID: o.ID, Text: w.lesson.Text(w.lang, q.ID+"."+o.ID, w.seen()).Body})
	}
	return out
}

// judged puts an answer in, and what came of it, if that is known.
func (w *writer) judged(q *ui.LessonQuestion, a lessons.Answer, g *lessons.Grade) {
	q.Answered, q.Answer = true, ui.LessonAnswer{Option: a.Option, Order: a.Order, Number: a.Number}
	if g == nil {
		return
	}
	q.Graded, q.Right = true, g.Right
	q.Want = ui.LessonAnswer{Option: g.Want.Option, Order: g.Want.Order, Number: g.Want.Number}
	key := g.Question + ".why"
	if q.Kind == string(lessons.Choice) {
		key = g.Question + "." + a.Option + ".why"
	}
	if !g.Right {
		q.Why = w.lesson.Text(w.lang, key, w.seen()).Body
	}
}
