package ui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/assets"
	"forklore/lessons"
	"forklore/sim"
)

// lessonState is a screen with that page, or, for "list", with the list.
func lessonState(name, lang string) state {
	st := all
	st.lesson.wrap = lessons.Wrap
	if strings.HasPrefix(name, "list") {
		st.over, st.lesson.list, st.lesson.at = lessonsOverlay, lessonEntries(lang), 1
		if name == "list-missing" {
			st.lesson.at = 5
		}
		if name == "list-recorded" {
			st.lesson.at = 6
		}
		return st
	}
	st.lesson.page = lessonPages(lang)[name]
	st.lesson.begin(st.lesson.page)
	return st
}

var lessonScenes = []string{"list", "list-missing", "list-recorded", "intro", "choice", "number", "rank", "act", "wrong", "held", "failed", "recorded", "explain"}

func TestLessonGolden(t *testing.T) {
	for _, scene := range lessonScenes {
		for _, size := range [][2]int{{80, 24}, {120, 36}, {200, 60}} {
			for _, lang := range assets.Languages {
				name := fmt.Sprintf("lesson-%s-%dx%d-%s", scene, size[0], size[1], lang)
				t.Run(name, func(t *testing.T) {
					snaps := []*sim.Snapshot{calm()}
					if slices.Contains([]string{"wrong", "held", "failed", "explain"}, scene) {
						snaps = append(snaps, mid(), after())
					}
					matches(t, name, showWith(lessonState(scene, lang), lang, size[0], size[1], noColour, snaps...)+"\n")
				})
			}
		}
	}
}

// No line of a lesson is wider than the window, at any size, in any state.
func TestEveryLessonFits(t *testing.T) {
	sets := [][]*sim.Snapshot{{big()}, {mid(), after()}, {without()}, {leak()}, {killed()}}
	var f frame
	for w := 20; w <= 250; w++ {
		for h := 5; h <= 80; h++ {
			if (w+h)%7 != 0 {
				continue
			}
			for _, lang := range assets.Languages {
				st := lessonState(lessonScenes[(w*h)%len(lessonScenes)], lang)
				st.lesson.scroll = w % 9
				snaps := sets[(w+h)%len(sets)]
				for _, s := range snaps {
					st.observe(s)
				}
				checkFits(t, f.draw(snaps[len(snaps)-1], &st, assets.Words(lang), w, h, noColour), w, h)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// In the smallest window a lesson has fourteen rows, and each model one.
func TestLessonRoom(t *testing.T) {
	var f frame
	f.reset(80, 24, noColour)
	if b := f.lessonBox(); b.h != 14 || b.w != 80 {
		t.Errorf("%+v", b)
	}
}

// taught is a program that has a lesson open, on the pages named.
func taught(t *testing.T, names ...string) (*program, *madeUp) {
	t.Helper()
	p, _ := started(t, calm())
	m := &madeUp{open: true, list: lessonEntries("en")}
	of := lessonPages("en")
	for _, name := range names {
		m.pages = append(m.pages, of[name])
	}
	p.player = m
	return p, m
}

func TestLessonKeys(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pages []string
		keys  []string
		want  []string
		said  string
		at    int
	}{
		{"a choice is answered with arrows and enter", []string{"choice", "act"}, []string{"down", "down", "enter"}, []string{"answer"}, "", 0},
		{"enter on what was answered goes on", []string{"choice", "act"}, []string{"down", "enter", "enter"}, []string{"answer"}, "", 1},
		{"a number", []string{"number", "act"}, []string{"right", "right", "left", "enter"}, []string{"answer"}, "", 0},
		{"an order", []string{"rank", "act"}, []string{"enter", "down", "enter", "end", "down", "down", "down", "enter"}, []string{"answer"}, "", 0},
		{"a page that asks nothing", []string{"intro", "act"}, []string{"enter"}, nil, "", 1},
		{"the action's key starts it", []string{"act"}, []string{"c"}, []string{"start"}, "", 0},
		{"in full width too", []string{"act"}, []string{"ｃ"}, []string{"start"}, "", 0},
		{"and enter", []string{"act"}, []string{"enter"}, []string{"start"}, "", 0},
		{"another key of the lab doesn't", []string{"act"}, []string{"l"}, nil, "what the lesson says", 0},
		{"space neither", []string{"act"}, []string{" "}, nil, "what the lesson says", 0},
		{"a hint", []string{"act"}, []string{"h"}, []string{"hint"}, "", 0},
		{"forward and back", []string{"intro", "choice", "act"}, []string{"pgdown", "pgdown", "pgup"}, nil, "", 1},
		{"before the first", []string{"intro"}, []string{"pgup"}, nil, "first page", 0},
		{"after the last", []string{"intro"}, []string{"pgdown"}, nil, "last page", 0},
		{"esc asks", []string{"intro"}, []string{"esc"}, nil, "esc again", 0},
		{"esc twice leaves", []string{"intro"}, []string{"esc", "esc"}, []string{"leave"}, "lesson left", 0},
		{"esc, then another key", []string{"intro", "act"}, []string{"esc", "pgdown", "esc"}, nil, "esc again", 1},
		{"nothing to begin anew", []string{"intro"}, []string{"r", "r"}, nil, "nothing to begin", 0},
		{"anew", []string{"failed"}, []string{"r", "r"}, []string{"again"}, "", 0},
		{"letters that were read at once", []string{"act"}, []string{"hc"}, []string{"hint", "start"}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, m := taught(t, tt.pages...)
			press(p, tt.keys...)
			if diff := cmp.Diff(tt.want, m.did); diff != "" {
				t.Errorf("done (-want +got):\n%s", diff)
			}
			if m.at != tt.at {
				t.Errorf("page %d, want %d", m.at, tt.at)
			}
			if said := notice(p); !strings.Contains(said, tt.said) || tt.said == "" && said != "" {
				t.Errorf("said %q, want %q", said, tt.said)
			}
		})
	}
}

// What arrows and enter make of each kind of question.
func TestLessonAnswers(t *testing.T) {
	for _, tt := range []struct {
		kind string
		keys []string
		want LessonAnswer
	}{
		{"choice", []string{"down", "down", "up", "enter"}, LessonAnswer{Option: "b"}},
		{"choice", []string{"up", "enter"}, LessonAnswer{Option: "a"}},
		{"choice", []string{"down", "down", "down", "down", "down", "enter"}, LessonAnswer{Option: "d"}},
		{"number", []string{"right", "right", "left", "right", "enter"}, LessonAnswer{Number: 20}},
		{"number", []string{"left", "left", "left", "left", "enter"}, LessonAnswer{Number: 0}},
		{"rank", []string{"enter", "down", "down", "enter", "down", "down", "enter"}, LessonAnswer{Order: []string{"b", "c", "a", "d"}}},
		{"rank", []string{"down", "enter", "up", "up", "enter", "down", "down", "down", "down", "enter"}, LessonAnswer{Order: []string{"b", "a", "c", "d"}}},
	} {
		p, m := taught(t, tt.kind)
		press(p, tt.keys...)
		if diff := cmp.Diff(tt.want, m.pages[0].Question.Answer); diff != "" || !m.pages[0].Question.Answered {
			t.Errorf("%s %q (-want +got):\n%s", tt.kind, tt.keys, diff)
		}
	}
}

// What stands below the window is scrolled to, and nothing is answered unseen.
func TestLessonScrolls(t *testing.T) {
	p, _ := taught(t, "explain")
	before := p.View()
	press(p, "down")
	if p.View() == before || p.st.lesson.scroll != 1 {
		t.Errorf("down did not scroll: %d", p.st.lesson.scroll)
	}
	press(p, "end", "up", "down", "down")
	if _, b := p.sized(); p.st.lesson.scroll != p.lessonBottom() || b.h != 14 {
		t.Errorf("at %d of %d", p.st.lesson.scroll, p.lessonBottom())
	}
	long, m := taught(t, "choice")
	m.pages[0].Question.Text = strings.Repeat("A long question. ", 80)
	press(long, "enter")
	if len(m.did) != 0 {
		t.Error("an option that nobody has seen was chosen")
	}
	press(long, "enter")
	if len(m.did) != 1 {
		t.Errorf("%q", m.did)
	}
}

func TestLessonList(t *testing.T) {
	p, m := taught(t, "intro")
	m.open = false
	press(p, "n")
	if p.st.over != lessonsOverlay || p.st.lesson.at != 0 {
		t.Fatalf("n: over %d, at %d", p.st.over, p.st.lesson.at)
	}
	press(p, "end", "up", "enter")
	if m.open || !strings.Contains(notice(p), "needs root") {
		t.Errorf("a lesson that can't run here: %q", notice(p))
	}
	press(p, "up", "up", "enter")
	if diff := cmp.Diff([]string{"choose do-not-block"}, m.did); diff != "" || !m.open || p.st.over != noOverlay {
		t.Errorf("open %v, over %d:\n%s", m.open, p.st.over, diff)
	}
	press(p, "n", "esc")
	if p.st.over != noOverlay || !m.open {
		t.Error("esc in the list left the lesson")
	}
	none, _ := started(t, calm())
	press(none, "n")
	if !strings.Contains(notice(none), "no lessons") {
		t.Errorf("%q", notice(none))
	}
}

// A lesson may have the lab replaced. What the old one still says is not shown,
// and no key reaches it.
func TestLessonReplacesTheLab(t *testing.T) {
	p, m := taught(t, "act")
	old := p.src.(*recorder)
	fresh := &recorder{snaps: make(chan *sim.Snapshot, 1)}
	m.wants = func() (sim.Source, error) { return fresh, nil }
	_, open := p.Update(snapshotMsg{calm()})
	if !p.st.lesson.opening || !strings.Contains(notice(p), "being started") {
		t.Fatalf("notice %q", notice(p))
	}
	press(p, "c", "esc", "enter")
	if len(m.did) != 0 {
		t.Errorf("while the lab was being started: %q", m.did)
	}
	p.Update(sourceMsg{old, nil}) // it was closed: not the end of the screen
	_, cmd := p.Update(open())
	if p.src != sim.Source(fresh) || p.st.lesson.opening || cmd == nil {
		t.Fatal("the new lab is not shown")
	}
	if _, cmd := p.Update(sourceMsg{old, nil}); isQuit(cmd) {
		t.Error("the old lab's end ended the screen")
	}
	if diff := cmp.Diff([]string{"opened"}, m.did); diff != "" {
		t.Error(diff)
	}
	_, cmd = p.Update(labMsg{nil, errors.New("no memory")})
	if !isQuit(cmd) || p.err == nil {
		t.Error("without a lab the screen goes on")
	}
}

// The help, the events and the language are there in a lesson too.
func TestLessonLeavesTheScreenItsKeys(t *testing.T) {
	p, m := taught(t, "choice")
	press(p, "down", "?")
	if p.st.over != helpOverlay {
		t.Error("no help")
	}
	press(p, "esc")
	if !m.open || p.st.over != noOverlay || p.st.confirm != "" {
		t.Error("esc in the help is the help's")
	}
	press(p, "g")
	if p.word.Lang() != "ja" || p.st.lesson.cursor != 1 {
		t.Error("the language, or the cursor")
	}
	if press(p, "q"); !press(p, "q") {
		t.Error("q q does not quit")
	}
}

// Every word that a lesson may ask for is there.
func TestLessonWords(t *testing.T) {
	for recorded, want := range map[bool]string{true: "what was recorded", false: "what will be measured"} {
		st := lessonState("choice", "en")
		st.lesson.page.Recorded, st.lesson.page.Question.Answered = recorded, true
		if text := showWith(st, "en", 120, 36, noColour, calm()); !strings.Contains(text, want) {
			t.Errorf("recorded %v: nothing says %q", recorded, want)
		}
	}
	for _, lang := range assets.Languages {
		word := assets.Words(lang)
		for _, why := range []Refusal{NoAnswer, NotDone, NoMore, NothingYet, TooLate, NotOffered, NoAction, NoHint, "again", "key"} {
			id := "lesson.no." + string(why)
			if text := word.T(id, nil); text == id || cells(text) > minWidth {
				t.Errorf("%s: %s: %q (%d cells)", lang, id, text, cells(text))
			}
		}
		for _, id := range []string{"opening", "left", "leave_ask", "show_ask", "again_ask", "list.keys", "list.title"} {
			if text := word.T("lesson."+id, nil); text == "lesson."+id || cells(text) > minWidth {
				t.Errorf("%s: %s: %q (%d cells)", lang, id, text, cells(text))
			}
		}
		for _, row := range [][]string{{"answer_rank", "again"}, {"answer_choice", "again"}, {"start", "show"}, {"start", "hint"}} {
			n := 0
			for _, id := range append(row, "turn", "leave", "help") {
				n += cells(word.T("lesson.key."+id, map[string]any{"What": "enter"})) + 2
			}
			if n-2 > minWidth {
				t.Errorf("%s: the keys of %q have %d cells", lang, row, n-2)
			}
		}
	}
}

// Where a lesson asks which fault it is, no page of the screen says so, until the
// claims are judged.
func TestBlind(t *testing.T) {
	named := func(step string, blind bool) (where []string) {
		for _, f := range []sim.Fault{sim.FaultHang, sim.FaultSlowClient, sim.FaultSpin, sim.FaultSlowBackend} {
			for _, lang := range assets.Languages {
				for _, size := range [][2]int{{40, 10}, {80, 24}, {120, 36}, {200, 60}} {
					for _, over := range []overlay{noOverlay, compareOverlay, zoomOverlay, eventsOverlay} {
						st := lessonState("act", lang)
						st.lesson.page.Step, st.lesson.page.Blind, st.over = step, blind, over
						snap := struck(f, 2*time.Second, time.Second)
						snap.Armed = &sim.Armed{Fault: f, Models: sim.AllModels, Waits: sim.WaitsSteady}
						if f == sim.FaultSpin {
							snap.Armed.Waits = sim.WaitsTurn
						}
						snap.Events = []sim.Event{{At: snap.At, Model: sim.NModels, What: sim.EventInjected, Text: string(f)}}
						text := strings.ToLower(showWith(st, lang, size[0], size[1], noColour, snap))
						name := strings.ToLower(assets.Words(lang).T("fault."+string(f), nil))
						turn := lang == "en" && strings.Contains(text, "one model at a time") // few faults do
						if strings.Contains(text, name) || strings.Contains(text, string(f)) || blind && turn {
							where = append(where, fmt.Sprintf("%s %s %v %v", f, lang, size, over))
						}
					}
				}
			}
		}
		return where
	}
	if told := named("act", true); len(told) > 0 {
		t.Errorf("told: %s", strings.Join(told, "; "))
	}
	if named("act", false) == nil || named("check", true) == nil {
		t.Error("it is never told")
	}
}
