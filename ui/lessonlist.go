package ui

import (
	"strings"
)

// Where a row of the list has its columns.
const listID, listState, listTitle = 6, 26, 40

// lessonList draws all lessons, how far the learner has come with each, and
// what there is to say of the chosen one.
func (f *frame) lessonList() {
	v := &f.st.lesson
	f.put(1, 0, f.w, strong, f.t("lesson.list.title"))
	details := f.entryDetails(v)
	room := max(f.h-5-len(details), 1)
	from := min(max(v.at-room/2, 0), max(len(v.list)-room, 0))
	y := 2
	for i := from; i < min(from+room, len(v.list)); i++ {
		f.entryRow(y, &v.list[i], i == v.at)
		y++
	}
	y++
	for _, line := range details {
		f.put(y, 0, f.w, line.style, line.text)
		y++
	}
	f.lessonNotice(f.h - 2)
	f.put(f.h-1, 0, f.w, faint, f.t("lesson.list.keys"))
}

func (f *frame) entryRow(y int, e *LessonEntry, chosen bool) {
	st := plain
	if e.Missing != "" {
		st = faint
	}
	if chosen {
		st = strong
		f.put(y, 0, 1, note, ">")
	}
	f.rowRight(y, 4, st, count(e.Order))
	f.put(y, listID, listState-listID-1, st, e.ID)
	state, look := "", st
	switch {
	case e.Missing != "":
		state = f.t("lesson.state.missing")
	case e.Recorded != "" && (e.State == "" || e.State == "unseen"):
		state = f.t("lesson.state.recorded")
	case e.State != "":
		state = f.t("lesson.state." + e.State)
		if e.State == "solved" || e.State == "hinted" {
			look = good
		}
	}
	f.put(y, listState, listTitle-listState-1, look, state)
	end := f.word.T("lesson.list.minutes", map[string]any{"N": e.Minutes, "Count": count(e.Minutes)})
	title := e.Title
	if e.Beta {
		title += " " + f.t("lesson.list.beta")
	}
	room := min(f.w, 120) - listTitle - cells(end) - 1
	f.put(y, listTitle, room, st, clipDots(clean(title), room))
	f.right(y, min(f.w, 120), faint, end)
}

// entryDetails are what the chosen lesson is about, and what choosing it does
// to the lab.
func (f *frame) entryDetails(v *lessonView) (out []lessonLine) {
	if len(v.list) == 0 {
		return nil
	}
	e := &v.list[v.at]
	width := min(f.w, lessonWidth)
	add := func(st style, text string) {
		for _, line := range v.wrap(text, width) {
			out = append(out, lessonLine{st, line, -1})
		}
	}
	add(plain, e.Summary)
	switch {
	case e.Missing != "":
		add(warn, f.word.T("lesson.list.missing", map[string]any{"What": e.Missing}))
		if e.Fallback != "" {
			add(plain, f.t("lesson.fallback."+e.Fallback))
		}
	case e.Recorded != "":
		add(warn, f.word.T("lesson.list.recorded", map[string]any{"What": e.Recorded, "Where": e.Where}))
	case e.Setup == "":
		add(faint, f.t("lesson.list.goes_on"))
	default:
		add(note, f.t("lesson.list.restarts"))
		add(faint, e.Setup)
	}
	due := 0
	for i := range v.list {
		due += v.list[i].Due
	}
	if due > 0 && e.Missing == "" {
		add(plain, f.tn("lesson.list.due", due))
	}
	if len(out) > 8 {
		out = append(out[:7], lessonLine{faint, strings.TrimRight(clip(out[7].text, width-3), " ") + " ..", -1})
	}
	return out
}
