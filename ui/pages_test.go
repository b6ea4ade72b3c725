package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/assets"
	"forklore/sim"
)

// window resizes the program's, as a terminal would.
func window(p *program, w, h int) {
	p.Update(tea.WindowSizeMsg{Width: w, Height: h})
	p.Update(resizeMsg{})
}

func sees(t *testing.T, p *program, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(p.View(), want) {
			t.Errorf("no %q:\n%s", want, p.View())
		}
	}
}

// enter shows the target, or the model whose number was pressed last; numbers
// and arrows show another, and only numbers make it the target.
func TestZoom(t *testing.T) {
	p, src := started(t, calm())
	press(p, "enter")
	sees(t, p, "forklore: cgi host 4000", "forklore: cgi call 4100 W")
	press(p, "2")
	sees(t, p, "forklore: prefork parent 4000", "forklore: prefork worker 4102 _", "target 2 prefork")
	press(p, "right")
	sees(t, p, "forklore: event loop 4100 W", "target 2 prefork")
	press(p, "left", "left", "left")
	sees(t, p, "forklore: sandbox call", "cold start", "target 2 prefork")
	press(p, "c") // keys still act
	if len(src.asked) != 1 || src.asked[0].Inject.Models != 1<<sim.Prefork {
		t.Errorf("c on the page asked %v", src.asked)
	}
	for _, back := range []string{"enter", "esc", "q"} {
		p, _ := started(t, calm())
		press(p, "enter", back)
		if p.st.over != noOverlay {
			t.Errorf("%s doesn't close the page", back)
		}
	}
	press(p, "esc", "a", "enter")
	sees(t, p, "forklore: sandbox call") // the last one that was shown
}

// The tree says how many processes it has no room for, and scrolls to them.
func TestZoomScrolls(t *testing.T) {
	s := big()
	p, _ := started(t, s)
	press(p, "2", "enter")
	sees(t, p, " more ")
	press(p, "end")
	sees(t, p, fmt.Sprintf("worker %d ", s.Model[sim.Prefork].Procs[511].Pid))
	if strings.Contains(p.View(), "more (down)") {
		t.Errorf("at the end there is more:\n%s", p.View())
	}
}

// A window that is too small for all four shows one; numbers and arrows say
// which, and what has no room says so.
func TestOneModelAtATime(t *testing.T) {
	p, _ := started(t, mid())
	window(p, 60, 20)
	sees(t, p, "1 CGI  = OK", "1= 2= 3X 4=")
	press(p, "3")
	sees(t, p, "3 EVENT LOOP  X DOWN", "target 3 loop", "13 others", "crash ^")
	press(p, "right")
	sees(t, p, "4 CONTAINER  = OK", "target 3 loop")
	press(p, "enter")
	sees(t, p, "80x24")
	press(p, "tab")
	sees(t, p, "ANSWERS", "MEMORY")
	press(p, "end")
	sees(t, p, "NOW")
	press(p, "tab", "right")
	sees(t, p, "1 CGI")
	window(p, 80, 24)
	press(p, "right")
	if want := "room for all four"; !strings.Contains(notice(p), want) {
		t.Errorf("notice %q, want %q", notice(p), want)
	}
	window(p, 39, 24)
	sees(t, p, "40x10")
}

// The events can be those of one model, and what one reads stays in its place
// while new ones come; at the top they follow.
func TestEventsFilter(t *testing.T) {
	s := calm()
	for i := range 40 {
		s.Events = append(s.Events, sim.Event{At: time.Duration(i) * time.Second, Model: sim.CGI, What: sim.EventDied, Pid: 5000 + i})
	}
	s.Events = append(s.Events, sim.Event{Model: sim.NModels, What: sim.EventProblem, Text: "a problem"})
	p, _ := started(t, s)
	press(p, "e")
	sees(t, p, "EVENTS of all", "a problem", "5039")
	press(p, "3")
	sees(t, p, "EVENTS of 3 loop", "panic: crash")
	if strings.Contains(p.View(), "5039") || p.st.target != sim.AllModels {
		t.Errorf("another's events, or another target:\n%s", p.View())
	}
	press(p, "right", "right")
	sees(t, p, "EVENTS of lab", "a problem")
	press(p, "right", "left", "a", "down")
	before := strings.Split(p.View(), "\n")[3]
	next := wait(calm(), time.Second)
	next.Events = []sim.Event{{Model: sim.Prefork, What: sim.EventReady, Pid: 6000}}
	p.Update(snapshotMsg{next})
	if after := strings.Split(p.View(), "\n")[3]; after != before {
		t.Errorf("what was read has moved: %q, was %q", after, before)
	}
	press(p, "home")
	sees(t, p, "6000")
}

// A fault has its mark in every chart, at the time when it took effect, until
// the chart has left it behind.
func TestFaultsAreMarked(t *testing.T) {
	for _, lang := range assets.Languages {
		word := map[string]string{"en": "leak", "ja": "リーク"}[lang]
		for _, over := range []overlay{noOverlay, compareOverlay} {
			st := all
			st.over = over
			want := 4
			if over == compareOverlay {
				want = len(comparePanels)
			}
			s := leak()
			picture := showWith(st, lang, 120, 36, noColour, minute(s)...)
			got := strings.Count(picture, "^ "+word) + strings.Count(picture, word+" ^")
			if got != want {
				t.Errorf("%s: %d marks, want %d:\n%s", lang, got, want, picture)
			}
			picture = showWith(st, lang, 120, 36, noColour, wait(s, time.Minute))
			if strings.Contains(picture, "^ "+word) || strings.Contains(picture, word+" ^") {
				t.Errorf("%s: still marked a minute later:\n%s", lang, picture)
			}
		}
	}
}

// A picture that is held has its charts held; a reset empties them.
func TestChartsHoldAndForget(t *testing.T) {
	p, _ := started(t, nil)
	window(p, 120, 36)
	for _, s := range minute(leak()) {
		p.Update(snapshotMsg{s})
	}
	press(p, "z")
	held := chartOf(p)
	for i := range 100 {
		s := wait(calm(), time.Duration(i)*sim.Interval)
		s.Model[sim.CGI].Memory.Bytes = 100 << 20
		p.Update(snapshotMsg{s})
	}
	if got := chartOf(p); got != held {
		t.Errorf("the charts go on in a held picture:\n%s\nwas\n%s", got, held)
	}
	press(p, "z")
	if chartOf(p) == held {
		t.Error("the charts stand still after it")
	}
	press(p, "r", "r")
	if n := len(p.st.hist.point); n != 0 {
		t.Errorf("%d moments of before the reset", n)
	}
}

// chartOf is the rows of the first column's chart.
func chartOf(p *program) string {
	var rows []string
	for _, line := range strings.Split(p.View(), "\n")[7:11] {
		rows = append(rows, string([]rune(line)[:min(29, len([]rune(line)))]))
	}
	return strings.Join(rows, "\n")
}

// What has been so far is listed once for each fault, the newest first.
func TestSoFar(t *testing.T) {
	s := minute(leak())
	last := s[len(s)-1]
	crash := after().Current
	var mixed []sim.Incident // a model's incidents stand together
	for m := range crash {
		crash[m].At, crash[m].Closed = last.At-40*time.Second, last.At-38*time.Second
		mixed = append(mixed, crash[m], last.Current[m])
	}
	last.Current = mixed
	picture := showWith(all, "en", 200, 60, noColour, s...)
	_, list, _ := strings.Cut(picture, "SO FAR")
	lines := strings.Split(list, "\n")
	if !strings.Contains(lines[1], "LEAK") || !strings.Contains(lines[2], "CRASH") || strings.Count(list, "CRASH") != 1 {
		t.Errorf("the list:\n%s", list)
	}
	if !strings.Contains(lines[2], "1+19") {
		t.Errorf("no figure of the loop: %s", lines[2])
	}
}

// TestMore: what is said to be there beyond the letters are processes, not slots
// that once had some.
func TestMore(t *testing.T) {
	s := *calm()
	s.Model[sim.CGI] = column("WW                      WS", 4, 1322, 26)
	if got := show("en", 80, 24, noColour, &s); !strings.Contains(got, "h WW        +2 more") {
		t.Errorf("of 26 slots four are taken:\n%s", got)
	}
}
