package ui

import (
	"errors"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/sim"
)

// labMsg brings the lab that a lesson has asked for.
type labMsg struct {
	src sim.Source
	err error
}

// sourceMsg is a snapshot with its source: one of a lab that has been replaced
// says nothing.
type sourceMsg struct {
	src  sim.Source
	snap *sim.Snapshot
}

// reopen replaces the lab, beside the program's loop.
func (p *program) reopen(lab Lab) tea.Cmd {
	if lab == nil {
		return nil
	}
	p.st.lesson.opening = true
	return func() tea.Msg {
		src, err := lab()
		return labMsg{src, err}
	}
}

// opened shows the new lab. Without one there is nothing left to show.
func (p *program) opened(msg labMsg) tea.Cmd {
	if msg.err != nil {
		p.err = msg.err
		return tea.Quit
	}
	p.st.lesson.opening = false
	if p.live != nil { // it was beside the lab that is gone
		p.src.Close()
		p.live, p.kept, p.st.aloft = nil, nil, false
	}
	p.watch(msg.src)
	p.player.Opened()
	return p.await()
}

// watch shows another source: nothing that was told of the one before is true of it.
func (p *program) watch(src sim.Source) {
	p.src = src
	p.st.forget(0)
	p.st.at, p.st.playedAt, p.held = 0, 0, nil
}

// turn takes the lesson's page anew: something may have changed it.
func (p *program) turn() {
	if p.player == nil {
		return
	}
	v := &p.st.lesson
	v.wrap = p.player.Wrap
	page := p.player.Page(p.word.Lang())
	if page != nil && (v.page == nil || page.ID != v.page.ID) {
		v.begin(page)
	}
	v.page = page
	if p.st.over == lessonsOverlay && v.listLang != p.word.Lang() {
		if list, err := p.player.Lessons(p.word.Lang()); err == nil {
			v.list, v.listLang, v.at = list, p.word.Lang(), min(v.at, max(len(list)-1, 0))
		}
	}
}

// openLessons shows the list, with the lesson of that id chosen, or the first
// that isn't solved.
func (p *program) openLessons(id string) {
	if p.player == nil {
		p.st.say(p.t("lesson.none"))
		return
	}
	list, err := p.player.Lessons(p.word.Lang())
	if err != nil {
		p.st.say(err.Error())
		return
	}
	v := &p.st.lesson
	at := slices.IndexFunc(list, func(e LessonEntry) bool { return e.ID == id })
	if at < 0 {
		at = slices.IndexFunc(list, func(e LessonEntry) bool {
			seen := e.State == "solved" || e.State == "hinted" || e.State == "shown" && e.Recorded != "" // it can't be solved here
			return e.Missing == "" && !seen
		})
	}
	v.list, v.listLang, v.at = list, p.word.Lang(), max(at, 0)
	v.wrap = p.player.Wrap
	p.toggle(lessonsOverlay)
	p.turn()
}

// screenKeys are the screen's own, in a lesson too: they change nothing in the lab.
var screenKeys = strings.Fields("q ? i g e z s v t b . p tab ctrl+c ctrl+l")

// lessonKey takes a key that is a lesson's, and reports whether it did.
func (p *program) lessonKey(key string) (tea.Cmd, bool) {
	if p.player == nil {
		return nil, false
	}
	p.turn()
	st := &p.st
	switch {
	case st.lesson.opening: // the notice says that the lab is being started
		return nil, !slices.Contains(screenKeys, key)
	case st.over == lessonsOverlay:
		return p.listKey(key)
	case st.over != noOverlay || st.lesson.page == nil || p.held != nil,
		slices.Contains(screenKeys, key) && key != st.lesson.page.Key:
		return nil, false
	}
	cmd := p.pageKey(key)
	p.turn()
	return cmd, true
}

// listKey is a key in the list.
func (p *program) listKey(name string) (tea.Cmd, bool) {
	v := &p.st.lesson
	last := max(len(v.list)-1, 0)
	if by, ok := map[string]int{"up": -1, "down": 1, "pgup": -5, "pgdown": 5, "home": -last, "end": last}[name]; ok {
		v.at = min(max(v.at+by, 0), last)
		return nil, true
	}
	switch name {
	case "enter":
		if len(v.list) == 0 {
			return nil, true
		}
		lab, err := p.player.Choose(v.list[v.at].ID)
		if err != nil {
			p.refused(err)
			return nil, true
		}
		p.close()
		p.st.over, p.st.notice = noOverlay, ""
		p.turn()
		return p.reopen(lab), true
	case "esc", "q", "n":
		p.close()
		return nil, true
	}
	if slices.Contains(screenKeys, name) {
		return nil, false
	}
	p.st.say(p.said("said.unknown", name))
	return nil, true
}

// pageKey is a key on a lesson's page.
func (p *program) pageKey(name string) tea.Cmd {
	st, page := &p.st, p.st.lesson.page
	st.notice = ""
	switch {
	case page.Waits && name == page.Key:
		p.refused(p.player.Start())
		return nil
	case name == "esc":
		if p.confirmed(name, "lesson.leave_ask", quitWithin) {
			err := p.player.Leave()
			p.turn()
			st.say(p.t("lesson.left"))
			p.refused(err)
		}
		return nil
	}
	switch name {
	case "pgdown":
		p.refused(p.player.Forward())
	case "pgup":
		p.refused(p.player.Back())
	case "h":
		if page.Hints != 0 || p.confirmed(name, "lesson.show_ask", quitWithin) {
			p.refused(p.player.Hint())
			p.toEnd()
		}
	case "r":
		if !page.Again {
			st.say(p.t("lesson.no.again"))
		} else if p.confirmed(name, "lesson.again_ask", quitWithin) {
			lab, err := p.player.Again()
			p.refused(err)
			return p.reopen(lab)
		}
	case "n":
		p.openLessons("")
	case "enter":
		p.enter(page)
	case "up", "down", "home", "end", "left", "right":
		p.move(name, page)
	default:
		st.say(p.t("lesson.no.key"))
	}
	return nil
}

// refused says why something was not done.
func (p *program) refused(err error) {
	var why Refusal
	switch {
	case err == nil:
	case errors.As(err, &why):
		p.st.say(p.t("lesson.no." + string(why)))
	default:
		p.st.say(p.refusal(err))
	}
}

// enter answers, starts what waits, or goes on.
func (p *program) enter(page *LessonPage) {
	v, q := &p.st.lesson, page.Question
	switch {
	case page.Waits:
		p.refused(p.player.Start())
		return
	case q == nil || q.Fixed:
		p.refused(p.player.Forward())
		return
	case !p.reveal():
		return // what is chosen could not be seen
	}
	var a LessonAnswer
	switch q.Kind {
	case "number":
		a.Number = v.number
	case "rank":
		if v.cursor < len(v.order) {
			v.picked = !v.picked
			return
		}
		a.Order = slices.Clone(v.order)
	default:
		if v.cursor >= len(q.Options) {
			return
		}
		a.Option = q.Options[v.cursor].ID
	}
	if q.Answered && same(q.Answer, a) { // a second time: go on
		p.refused(p.player.Forward())
		return
	}
	p.refused(p.player.Answer(a))
}

func same(a, b LessonAnswer) bool {
	return a.Option == b.Option && a.Number == b.Number && slices.Equal(a.Order, b.Order)
}

// move moves the cursor, what it holds, the number, or the text.
func (p *program) move(name string, page *LessonPage) {
	v, q := &p.st.lesson, page.Question
	by := map[string]int{"up": -1, "left": -1, "down": 1, "right": 1}[name]
	aside := name == "left" || name == "right"
	switch {
	case name == "home" || name == "end":
		v.scroll = map[string]int{"home": 0, "end": p.lessonBottom()}[name]
	case q != nil && q.Kind == "number" && aside && !q.Fixed:
		v.number = min(max(v.number+float64(by)*q.Step, q.Least), q.Most)
		p.reveal()
	case q == nil || q.Kind == "number" || q.Fixed || aside:
		v.scroll = min(max(min(v.scroll, p.lessonBottom())+by, 0), p.lessonBottom())
	case v.picked:
		if to := v.cursor + by; to >= 0 && to < len(v.order) {
			v.order[v.cursor], v.order[to] = v.order[to], v.order[v.cursor]
			v.cursor = to
		}
		p.reveal()
	default:
		last := len(q.Options) - 1
		if q.Kind == "rank" {
			last++
		}
		if to := v.cursor + by; to < 0 || to > last { // beyond the options: the text
			v.scroll = min(max(v.scroll+by, 0), p.lessonBottom())
			return
		} else if p.reveal() { // one looks before one moves
			v.cursor = to
			p.reveal()
		}
	}
}

// sized is the frame, ready to say how the page is laid out.
func (p *program) sized() (lines []lessonLine, b box) {
	p.frame.reset(p.w, p.h, p.pal)
	p.frame.snap, p.frame.st, p.frame.word = p.snap, &p.st, p.word
	b = p.frame.lessonBox()
	return p.frame.lessonLines(b.w), b
}

// lessonBottom is how far the page can scroll.
func (p *program) lessonBottom() int {
	lines, b := p.sized()
	return max(len(lines)-b.h, 0)
}

// toEnd shows what stands last on the page: a hint.
func (p *program) toEnd() {
	p.turn()
	p.st.lesson.scroll = p.lessonBottom()
}

// reveal scrolls to where the cursor is, and reports whether it was to be seen
// already.
func (p *program) reveal() bool {
	v := &p.st.lesson
	lines, b := p.sized()
	first, last := -1, -1
	for i, l := range lines {
		if l.at == v.cursor {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return true
	}
	was := min(v.scroll, max(len(lines)-b.h, 0))
	v.scroll = was
	if last >= v.scroll+b.h {
		v.scroll = last - b.h + 1
	}
	if first < v.scroll {
		v.scroll = first
	}
	return v.scroll == was
}
