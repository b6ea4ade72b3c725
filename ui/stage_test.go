package ui

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"forklore/assets"
	"forklore/sim"
)

// PgDn does the next step, and its row says what it is and what the next PgDn
// does; PgUp only goes back to the words.
func TestLiveScript(t *testing.T) {
	snap := calm()
	p, src := started(t, snap)
	crash := sim.Command{Inject: &sim.Inject{Fault: sim.FaultCrash, Models: sim.AllModels, Arm: true}}
	leak := sim.Command{Inject: &sim.Inject{Fault: sim.FaultLeak, Models: sim.AllModels, Arm: true}}
	for _, tt := range []struct {
		key    string
		paused bool // the traffic is, before the key
		want   []sim.Command
		row    string
	}{
		{"pgup", false, nil, "the first step"},
		{"pgdown", false, nil, "1/5 Calm"},
		{"pgdown", false, []sim.Command{{Pause: true}}, "2/5 No traffic"},
		{"pgdown", true, []sim.Command{{Pause: true}, crash}, "3/5 One request crashes"},
		{"pgup", false, nil, "2/5 No traffic"},
		{"pgdown", false, []sim.Command{crash}, "3/5 One request crashes"},
		{"pgdown", false, []sim.Command{leak}, "4/5 One request in four"},
		{"pgdown", false, []sim.Command{{Weight: "monolith"}}, "5/5 A monolith"},
		{"pgdown", false, nil, "the last step"},
		{"pgup", false, nil, "4/5 One request in four"},
	} {
		src.asked = nil
		s := *snap
		s.Load.Paused = tt.paused
		p.Update(snapshotMsg{&s})
		press(p, tt.key)
		if diff := cmp.Diff(tt.want, src.asked); diff != "" {
			t.Errorf("%s, for %s: commands (-want +got):\n%s", tt.key, tt.row, diff)
		}
		if !strings.Contains(notice(p), tt.row) {
			t.Errorf("%s: the row is %q, want %q", tt.key, notice(p), tt.row)
		}
	}
	// What is refused isn't reached, and can be tried again.
	p, src = started(t, calm())
	press(p, "pgdown")
	src.err = fmt.Errorf("traffic: %w", sim.ErrUnsupported)
	press(p, "pgdown")
	if p.st.step != 1 || !strings.Contains(notice(p), "not possible here") {
		t.Errorf("step %d, said %q", p.st.step, notice(p))
	}
	src.err = nil
	if press(p, "pgdown"); p.st.step != 2 {
		t.Errorf("step %d, want 2", p.st.step)
	}
}

// Every step has its words, in the room that there is, and its actions are known.
func TestStepsHaveTheirWords(t *testing.T) {
	for _, lang := range assets.Languages {
		for i, step := range assets.Script() {
			p, _ := started(t, calm())
			p.word = assets.Words(lang)
			p.st.step = i + 1
			row, say := p.t("step."+step.ID+".row"), p.t("step."+step.ID+".say")
			if n := cells(row); n > 80 || !strings.HasPrefix(row, fmt.Sprintf("%d/%d ", i+1, len(assets.Script()))) {
				t.Errorf("%s: %d cells: %q", lang, n, row)
			}
			if lines := wrap(say, 80); len(lines) > 3 || !strings.Contains(p.View(), lines[0]) {
				t.Errorf("%s: %q is not on the screen:\n%s", lang, say, p.View())
			}
			for _, action := range step.Do {
				if !p.act(action) {
					t.Errorf("%s: action %q: %s", step.ID, action, p.st.notice)
				}
			}
		}
	}
}

// The tour goes on by itself, and any key ends it and acts at once.
func TestTour(t *testing.T) {
	p, src := started(t, calm())
	p.st.tour = 1
	begin := calm()
	for i, id := range tourWords {
		p.Update(snapshotMsg{wait(begin, time.Duration(i)*tourPace)})
		if want := p.t(id); notice(p) != want {
			t.Errorf("caption %d: %q, want %q", i+1, notice(p), want)
		}
	}
	p.Update(snapshotMsg{wait(begin, time.Duration(len(tourWords))*tourPace)})
	if !strings.HasPrefix(notice(p), "next:") {
		t.Errorf("after the tour: %q", notice(p))
	}
	p.st.tour, p.st.tourFrom = 2, 0
	press(p, "c")
	p.Update(snapshotMsg{wait(begin, sim.Interval)})
	if len(src.asked) != 1 || p.st.tour != 0 {
		t.Errorf("asked %v, tour %d; want a crash, and no tour", src.asked, p.st.tour)
	}
	for _, lang := range assets.Languages {
		for _, id := range tourWords {
			if n := cells(assets.Words(lang).T(id, nil)); n > 80 {
				t.Errorf("%s: %s: %d cells", lang, id, n)
			}
		}
	}
}

// A blank screen has nothing on it; the key that ends it does nothing else.
func TestBlank(t *testing.T) {
	for _, key := range []string{"b", ".", "．"} {
		p, src := started(t, calm())
		press(p, key)
		p.Update(snapshotMsg{mid()})
		if text := strings.TrimSpace(p.View()); text != "" {
			t.Errorf("%s: not blank: %q", key, text)
		}
		press(p, "c")
		if len(src.asked) > 0 || !strings.Contains(p.View(), "DOWN") {
			t.Errorf("asked %v; want the picture of now, and nothing else:\n%s", src.asked, p.View())
		}
		press(p, key)
		if !press(p, "ctrl+c") {
			t.Error("ctrl-c doesn't quit a blank screen")
		}
	}
}

// s writes what is to be seen, in two files; where the folder can't be written,
// elsewhere; and says where.
func TestSave(t *testing.T) {
	save := func(folders ...string) (*program, savedMsg) {
		p, _ := started(t, calm())
		p.pal, p.opt.Folders = colours(), folders
		_, cmd := p.Update(keyFor("s"))
		msg := cmd().(savedMsg)
		p.Update(msg)
		return p, msg
	}
	t.Chdir(t.TempDir())
	p, msg := save()
	if !strings.Contains(notice(p), "saved: "+msg.path) {
		t.Errorf("said %q", notice(p))
	}
	text, err := os.ReadFile(msg.path)
	if err != nil || string(text) != ansi.Strip(saveless(p))+"\n" {
		t.Errorf("%v: %s", err, text)
	}
	withColours, err := os.ReadFile(strings.TrimSuffix(msg.path, ".txt") + ".ansi")
	if err != nil || ansi.Strip(string(withColours)) != string(text) || !strings.Contains(string(withColours), "\x1b[") {
		t.Errorf("%v: %q", err, withColours)
	}
	here, _ := os.Getwd()
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(here, "gone")
	os.Mkdir(gone, 0o700)
	t.Chdir(gone)
	os.Remove(gone) // even root can't write where there is nothing
	_, msg = save(filepath.Join(here, "file", "x"), filepath.Join(here, "state"))
	if msg.err != nil || filepath.Dir(msg.path) != filepath.Join(here, "state") {
		t.Errorf("saved in %q: %v", msg.path, msg.err)
	}
	if p, msg = save(); msg.err == nil || !strings.Contains(notice(p), "not saved: ") {
		t.Errorf("said %q", notice(p))
	}
}

// saveless is the picture without the notice of where it was saved.
func saveless(p *program) string {
	p.st.notice, p.stale = "", true
	return p.View()
}

// A choice is remembered, of two the later one, and that it can't be is said
// once.
func TestRemember(t *testing.T) {
	p, _ := started(t, calm())
	var got []string
	p.opt.Remember = func(name, value string) error { got = append(got, name+"="+value); return nil }
	_, cmd := p.Update(keyFor("g"))
	press(p, "g") // while the first is being written
	msg := cmd()
	_, cmd = p.Update(msg)
	p.Update(cmd())
	if diff := cmp.Diff([]string{"lang=ja", "lang=en"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.opt.Remember = func(string, string) error { return errors.New("read-only file system") }
	for _, want := range []bool{true, false} {
		_, cmd := p.Update(keyFor("g"))
		p.Update(cmd())
		if said := strings.Contains(notice(p), "read-only file system"); said != want {
			t.Errorf("said %q", notice(p))
		}
	}
}

// A window that is dragged is drawn at its first size and at its last.
func TestResizeBurst(t *testing.T) {
	p, _ := started(t, calm())
	p.resizing = false
	var cmd tea.Cmd
	for w := 81; w <= 120; w++ {
		if _, c := p.Update(tea.WindowSizeMsg{Width: w, Height: 30}); c != nil {
			if cmd != nil {
				t.Fatal("two pauses at once")
			}
			cmd = c
		}
	}
	if p.w != 81 || cmd == nil {
		t.Fatalf("%d columns at first, want 81, and a pause", p.w)
	}
	_, cmd = p.Update(resizeMsg{})
	if p.w != 120 || p.h != 30 || cmd == nil {
		t.Errorf("%dx%d, want 120x30, and another pause", p.w, p.h)
	}
	if _, cmd = p.Update(resizeMsg{}); cmd != nil || p.resizing {
		t.Error("a pause after nothing has changed")
	}
}

// w goes through the weights; where the source has none, it says so.
func TestWeightKey(t *testing.T) {
	for weight, next := range map[string]string{"function": "application", "application": "monolith", "monolith": "function"} {
		s := calm()
		s.Load.Weight = weight
		p, src := started(t, s)
		press(p, "w")
		if diff := cmp.Diff([]sim.Command{{Weight: next}}, src.asked); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !strings.Contains(notice(p), next) {
			t.Errorf("said %q", notice(p))
		}
		if shown := strings.Contains(strings.Split(p.View(), "\n")[0], weight); shown != (weight != usualWeight) {
			t.Errorf("the header has %s: %v", weight, shown)
		}
	}
	s := calm()
	s.Load.Weight = ""
	p, src := started(t, s)
	if press(p, "w"); len(src.asked) > 0 || !strings.Contains(notice(p), "can't change the weight") {
		t.Errorf("asked %v, said %q", src.asked, notice(p))
	}
}

// Every key that is bound has its words in both languages, and is in the help;
// one that does nothing now has the reason there.
func TestEveryKeyIsExplained(t *testing.T) {
	for _, lang := range assets.Languages {
		p, _ := started(t, calm())
		p.word = assets.Words(lang)
		p.st.over = helpOverlay
		p.View()
		help := strings.Join(p.frame.keyLines(), "\n")
		for _, b := range bindings {
			for _, id := range []string{"key." + b.id + ".help", "key." + b.id + ".row"} {
				if p.t(id) == id && (b.rank > 0 || strings.HasSuffix(id, ".help")) {
					t.Errorf("%s: no word %s", lang, id)
				}
			}
			if first := wrap(p.t("key."+b.id+".help"), 80-helpIndent)[0]; !strings.Contains(help, first) && b.why(p.now()) == "" {
				t.Errorf("%s: %s is not in the help", lang, b.id)
			}
		}
		if why := nothingToUndo(p.now()); why == "" || !strings.Contains(strings.Join(strings.Fields(help), ""), strings.Join(strings.Fields(why), "")) {
			t.Errorf("%s: the help doesn't say why u does nothing: %q\n%s", lang, why, help)
		}
	}
}

// What stays in the terminal says how long, how many, and what was last.
func TestSummary(t *testing.T) {
	for lang, wants := range map[string][]string{
		"en": {"ran for 01:", "CGI", "sent", "1 incident", "The last incident: CRASH", "1+19  #1284 took 19 others"},
		"ja": {"動きました", "障害1回", "最後の障害", "#1284が19件を巻き添え"},
	} {
		p, _ := started(t, mid())
		p.word = assets.Words(lang)
		p.Update(snapshotMsg{after()})
		text := strings.Join(p.summary(), "\n")
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", lang, want, text)
			}
		}
		checkFits(t, text, 80, 12)
		notWords(t, lang, text)
	}
	p, _ := started(t, nil)
	if got := p.summary(); got != nil {
		t.Errorf("before anything was seen: %q", got)
	}
}

// What is opened on a page lies over it, and the figures of the page are the
// first ones that are explained.
func TestInfoOnAPage(t *testing.T) {
	for key, want := range map[string]string{"tab": "CHARTS", "enter": "ONE MODEL"} {
		p, _ := started(t, calm())
		press(p, key)
		page := p.st.over
		press(p, "i")
		if lines := strings.Split(p.View(), "\n"); lines[1] != want {
			t.Errorf("%s i: it begins with %q, want %q", key, lines[1], want)
		}
		for _, back := range []string{"i", "esc", "q"} {
			if p.st.over == page {
				press(p, "i")
			}
			if press(p, back); p.st.over != page {
				t.Errorf("%s i %s: overlay %d, want the page again", key, back, p.st.over)
			}
		}
		if press(p, "esc"); p.st.over != noOverlay {
			t.Errorf("%s i esc esc: overlay %d", key, p.st.over)
		}
	}
}
