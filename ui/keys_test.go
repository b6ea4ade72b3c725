package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"forklore/assets"
	"forklore/sim"
)

// recorder is a source that notes what it is asked to do.
type recorder struct {
	snaps chan *sim.Snapshot
	asked []sim.Command
	err   error
}

func (r *recorder) Snapshots() <-chan *sim.Snapshot { return r.snaps }
func (r *recorder) Close() error                    { return nil }
func (r *recorder) Do(c sim.Command) error {
	if r.err == nil {
		r.asked = append(r.asked, c)
	}
	return r.err
}

// started is a program that has its window and its first snapshot.
func started(t *testing.T, snap *sim.Snapshot) (*program, *recorder) {
	t.Helper()
	src := &recorder{snaps: make(chan *sim.Snapshot, 1)}
	p := newProgram(context.Background(), src, Options{Lang: "en"}, map[string]*palette{"mono": noColour})
	now := time.Unix(1000, 0)
	p.clock = func() time.Time { return now }
	p.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	if snap != nil {
		p.Update(snapshotMsg{snap})
	}
	return p, src
}

// keyFor is the message that a terminal's input becomes.
func keyFor(name string) tea.KeyMsg {
	named := map[string]tea.KeyType{
		"esc": tea.KeyEsc, "ctrl+c": tea.KeyCtrlC, "ctrl+l": tea.KeyCtrlL, "tab": tea.KeyTab,
		"enter": tea.KeyEnter, "up": tea.KeyUp, "down": tea.KeyDown, "pgdown": tea.KeyPgDown,
		"left": tea.KeyLeft, "right": tea.KeyRight, "pgup": tea.KeyPgUp, "home": tea.KeyHome, "end": tea.KeyEnd, "f1": tea.KeyF1,
	}
	if k, ok := named[name]; ok {
		return tea.KeyMsg{Type: k}
	}
	if name == " " {
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

// press sends keys and reports whether the last one quits.
func press(p *program, keys ...string) (quits bool) {
	for _, k := range keys {
		_, cmd := p.Update(keyFor(k))
		quits = isQuit(cmd)
	}
	return quits
}

func isQuit(cmd tea.Cmd) bool {
	if cmd == nil {
		return false
	}
	switch msg := cmd().(type) {
	case tea.QuitMsg:
		return true
	case tea.BatchMsg:
		for _, c := range msg {
			if isQuit(c) {
				return true
			}
		}
	}
	return false
}

// notice is what the row above the keys says.
func notice(p *program) string {
	lines := strings.Split(ansi.Strip(p.View()), "\n")
	return strings.TrimSpace(lines[p.h-2])
}

func TestKeysBecomeCommands(t *testing.T) {
	inject := func(f sim.Fault, m sim.Models) sim.Command {
		return sim.Command{Inject: &sim.Inject{Fault: f, Models: m, Arm: true}}
	}
	for _, tt := range []struct {
		keys []string
		rate float64
		want []sim.Command
	}{
		{keys: []string{"c"}, want: []sim.Command{inject(sim.FaultCrash, sim.AllModels)}},
		{keys: []string{"ｃ"}, want: []sim.Command{inject(sim.FaultCrash, sim.AllModels)}},
		{keys: []string{"C"}, want: []sim.Command{inject(sim.FaultCrash, sim.AllModels)}},
		{keys: []string{"3", "l"}, want: []sim.Command{inject(sim.FaultLeak, 1<<sim.EventLoop)}},
		{keys: []string{"３", "ｌ", "a", "c"}, want: []sim.Command{inject(sim.FaultLeak, 1<<sim.EventLoop), inject(sim.FaultCrash, sim.AllModels)}},
		{keys: []string{"2c"}, want: []sim.Command{inject(sim.FaultCrash, 1<<sim.Prefork)}},
		{keys: []string{"+"}, want: []sim.Command{{Rate: 32}}},
		{keys: []string{"="}, want: []sim.Command{{Rate: 32}}},
		{keys: []string{"；"}, want: []sim.Command{{Rate: 32}}},
		{keys: []string{"-"}, want: []sim.Command{{Rate: 8}}},
		{keys: []string{"+"}, rate: 21, want: []sim.Command{{Rate: 32}}},
		{keys: []string{"-"}, rate: 21, want: []sim.Command{{Rate: 16}}},
		{keys: []string{"-"}, rate: 2, want: nil},
		{keys: []string{"+"}, rate: maxRate, want: nil},
		{keys: []string{"+"}, rate: 0.5, want: []sim.Command{{Rate: 2}}},
		{keys: []string{" "}, want: []sim.Command{{Pause: true}}},
		{keys: []string{"　"}, want: []sim.Command{{Pause: true}}},
		{keys: []string{"u"}, want: nil},
		{keys: []string{"r"}, want: nil},
		{keys: []string{"r", "r"}, want: []sim.Command{{Reset: true}}},
		{keys: []string{"r", "g", "r"}, want: nil},
		{keys: []string{"q", "r"}, want: nil},
	} {
		t.Run(fmt.Sprint(tt.keys, tt.rate), func(t *testing.T) {
			snap := calm()
			if tt.rate != 0 {
				snap.Load.RatePerS = tt.rate
			}
			p, src := started(t, snap)
			press(p, tt.keys...)
			if diff := cmp.Diff(tt.want, src.asked); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
		})
	}
}

// Every printable key does something that can be seen: the frame changes, or
// a command goes out, or the program ends.
func TestNoKeyIsSwallowed(t *testing.T) {
	t.Chdir(t.TempDir()) // s saves a picture
	keys := []string{"tab", "enter", "esc", "up", "pgdown", "f1", "あ"}
	for r := '!'; r <= '~'; r++ {
		keys = append(keys, string(r))
	}
	for _, lang := range assets.Languages {
		for _, k := range keys {
			p, src := started(t, calm())
			p.word = assets.Words(lang)
			before := p.View()
			press(p, k)
			if k == "s" || k == "S" {
				continue // its files are told of when they are written: TestSave
			}
			if p.View() == before && len(src.asked) == 0 && k != "esc" {
				t.Errorf("%s: %q did nothing that one could see", lang, k)
			}
			checkFits(t, p.View(), 80, 24)
		}
	}
}

func TestCrashIsNeverSwallowed(t *testing.T) {
	down := mid() // 3 is down
	for _, tt := range []struct {
		name   string
		snap   *sim.Snapshot
		keys   []string
		err    error
		models sim.Models // 0: no command goes out
		say    string
	}{
		{"down", down, []string{"3", "c"}, nil, 0, "3 is down: nothing to crash"},
		{"down leak", down, []string{"3", "l"}, nil, 0, "3 is down: nothing that could leak"},
		{"one of four down", down, []string{"c"}, nil, 1<<sim.CGI | 1<<sim.Prefork | 1<<sim.Container, "3 is down: nothing to crash"},
		{"unavailable is left out", without(), []string{"c"}, nil, 1<<sim.CGI | 1<<sim.Prefork | 1<<sim.EventLoop, ""},
		{"unavailable is no target", without(), []string{"4"}, nil, 0, "4 can't be a target"},
		{"not steady", calm(), []string{"c"}, fmt.Errorf("crash in prefork: %w: p99 is 900 ms", sim.ErrNotSteady), 0,
			"crash in prefork: not in steady state: p99 is 900 ms"},
		{"unsupported", calm(), []string{"c"}, fmt.Errorf("a recording: %w", sim.ErrUnsupported), 0, "a recording: not possible here"},
		{"other error", calm(), []string{"c"}, errors.New("no room"), 0, "no room"},
		{"no snapshot yet", nil, []string{"c"}, nil, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, src := started(t, tt.snap)
			src.err = tt.err
			press(p, tt.keys...)
			var got sim.Models
			if len(src.asked) > 0 {
				got = src.asked[0].Inject.Models
			}
			if got != tt.models {
				t.Errorf("models = %04b, want %04b", got, tt.models)
			}
			if !strings.Contains(notice(p), tt.say) {
				t.Errorf("notice %q, want %q", notice(p), tt.say)
			}
		})
	}
	p, src := started(t, calm())
	src.err = fmt.Errorf("crash: %w: p99", sim.ErrNotSteady)
	press(p, "g", "c")
	if want := "定常状態ではありません: p99"; !strings.Contains(notice(p), want) {
		t.Errorf("notice %q, want %q", notice(p), want)
	}
}

func TestQuit(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		want bool
	}{
		{[]string{"q"}, false},
		{[]string{"q", "q"}, true},
		{[]string{"qq"}, true},
		{[]string{"ｑ", "q"}, true},
		{[]string{"q", "esc", "q"}, false},
		{[]string{"q", "1", "q"}, false},
		{[]string{"esc", "esc"}, false},
		{[]string{"ctrl+c"}, true},
		{[]string{"?", "q"}, false},
		{[]string{"?", "q", "q"}, false},
		{[]string{"?", "q", "q", "q"}, true},
		{[]string{"?", "ctrl+c"}, true},
	} {
		p, _ := started(t, calm())
		if got := press(p, tt.keys...); got != tt.want {
			t.Errorf("%v quits: %v, want %v", tt.keys, got, tt.want)
		}
	}
	p, _ := started(t, calm())
	press(p, "q")
	now := p.clock().Add(quitWithin)
	p.clock = func() time.Time { return now }
	if press(p, "q") {
		t.Error("q, a long pause, q: quits")
	}
	if _, cmd := p.Update(snapshotMsg{nil}); !isQuit(cmd) {
		t.Error("the source ended, the screen didn't")
	}
}

func TestHelpScrollsThroughAll(t *testing.T) {
	for _, lang := range assets.Languages {
		p, src := started(t, calm())
		p.word = assets.Words(lang)
		press(p, "i")
		seen := map[string]bool{}
		collect := func() {
			for _, line := range strings.Split(p.View(), "\n") {
				seen[strings.TrimSpace(line)] = true
			}
			checkFits(t, p.View(), 80, 24)
		}
		collect()
		for range 20 {
			press(p, "pgdown")
			collect()
		}
		for _, line := range helpLines(assets.Words(lang).T("help.text", nil), 80) {
			if line = strings.TrimSpace(strings.TrimPrefix(line, "# ")); !seen[line] {
				t.Errorf("%s: never shown: %q", lang, line)
			}
		}
		// The header, and with it LIVE, stays; keys still act.
		if !strings.Contains(p.View(), "LIVE") {
			t.Errorf("%s: the help hides where the figures come from", lang)
		}
		press(p, "c")
		if len(src.asked) != 1 {
			t.Errorf("%s: c in the help was swallowed", lang)
		}
		press(p, "home")
		if p.st.scroll != 0 {
			t.Errorf("home scrolls to %d", p.st.scroll)
		}
		press(p, "esc")
		if p.st.over != noOverlay {
			t.Error("esc doesn't close the help")
		}
	}
}

// The tape is held with the carrier in view once all four have recovered,
// says so, and goes on after 30 s, on esc, or with the next fault.
func TestTapeIsHeld(t *testing.T) {
	scrolled := func() *sim.Snapshot { // the carrier has left the live tape
		s := wait(after(), 10*time.Second)
		s.Tape = tapeOf(2000, 70)
		return s
	}
	isHeld := func(p *program) bool {
		view := p.View()
		return strings.Contains(view, "held ") && strings.Contains(view, "#1284 crashes") && strings.Contains(view, "XXX@X")
	}
	p, _ := started(t, mid())
	if isHeld(p) {
		t.Error("held while it is open")
	}
	p.Update(snapshotMsg{after()})
	p.Update(snapshotMsg{scrolled()})
	if !isHeld(p) {
		t.Fatalf("not held after it closed:\n%s", p.View())
	}
	gone := scrolled()
	gone.Current = nil // the source forgets closed incidents
	p.Update(snapshotMsg{gone})
	if !isHeld(p) || !strings.Contains(p.View(), "#1284 took 19 others") {
		t.Errorf("forgotten with the source's list:\n%s", p.View())
	}
	p.Update(snapshotMsg{wait(gone, holdTape)})
	if isHeld(p) {
		t.Error("held for longer than 30 s")
	}

	for _, key := range []string{"esc", "c", "rr"} {
		p, _ := started(t, mid())
		p.Update(snapshotMsg{after()})
		press(p, key)
		p.Update(snapshotMsg{scrolled()})
		if isHeld(p) {
			t.Errorf("held after %s", key)
		}
	}
}

// After a reset, nothing is told of what was before it, also where a snapshot
// of before is still on its way; and what comes after it is told of.
func TestResetForgets(t *testing.T) {
	p, _ := started(t, after())
	press(p, "r", "r")
	p.Update(snapshotMsg{wait(after(), sim.Interval)})
	if v := p.View(); strings.Contains(v, "#1284") || !strings.Contains(v, "Press c") {
		t.Errorf("not forgotten:\n%s", v)
	}
	next := mid()
	next.At += time.Minute
	for i := range next.Current {
		next.Current[i].At += time.Minute
	}
	p.Update(snapshotMsg{next})
	if !strings.Contains(p.View(), "#1284") {
		t.Errorf("the next incident is not told of:\n%s", p.View())
	}
	press(p, "r", "r")
	anew := mid() // a source whose clock starts at 0 again, and N at 1
	anew.At = time.Second
	for i := range anew.Current {
		anew.Current[i].At = 900 * time.Millisecond
	}
	p.Update(snapshotMsg{anew})
	if !strings.Contains(p.View(), "#1284") {
		t.Errorf("the first incident of the new clock is not told of:\n%s", p.View())
	}
}

func TestPictureIsHeld(t *testing.T) {
	p, _ := started(t, calm())
	press(p, "z")
	p.Update(snapshotMsg{mid()})
	if v := p.View(); strings.Contains(v, "DOWN") || strings.Contains(v, "CRASH") || !strings.Contains(v, "PICTURE HELD") {
		t.Errorf("z doesn't hold the picture:\n%s", v)
	}
	press(p, "z")
	if !strings.Contains(p.View(), "DOWN") {
		t.Error("z again doesn't let it go on")
	}
}

func TestOlderOpenIncidentComesBack(t *testing.T) {
	s := leak()
	s.At += 20 * time.Second
	s.Current = append(s.Current, killed().Current...)
	p, _ := started(t, s)
	if !strings.Contains(p.View(), "SIGKILL") {
		t.Errorf("the newest incident is not told of:\n%s", p.View())
	}
	s = wait(s, 0)
	s.Current = append([]sim.Incident(nil), s.Current...)
	s.Current[4].Closed = s.At
	p.Update(snapshotMsg{s})
	if !strings.Contains(p.View(), "SIGKILL") {
		t.Error("it left as soon as it closed")
	}
	p.Update(snapshotMsg{wait(s, backTo+time.Second)})
	if !strings.Contains(p.View(), "one handler leaks") {
		t.Errorf("the leak that is still open did not come back:\n%s", p.View())
	}
}

// Deaths from outside have no number. They follow the incident that was told
// of before, and those of one moment are told of together.
func TestDeathsFromOutside(t *testing.T) {
	p, _ := started(t, after())
	s := killed()
	s.Armed = nil
	loop := s.Current[0]
	loop.Model, loop.Pid, loop.At = sim.EventLoop, 4102, loop.At+300*time.Millisecond
	s.Current = append(append([]sim.Incident{}, after().Current...), s.Current[0], loop)
	p.Update(snapshotMsg{s})
	v := p.View()
	for _, want := range []string{"DEATH", "worker 4123 was killed from outside (SIGKILL)", "event loop 4102 was killed from outside (SIGKILL)"} {
		if !strings.Contains(v, want) {
			t.Errorf("no %q:\n%s", want, v)
		}
	}
	if strings.Contains(v, "held ") {
		t.Error("the tape is held while the deaths are open")
	}
	later := wait(s, 10*time.Second)
	alone := loop
	alone.At, alone.Pid = loop.At+8*time.Second, 4199
	later.Current = append(append([]sim.Incident{}, s.Current...), alone)
	p.Update(snapshotMsg{later})
	if v := p.View(); !strings.Contains(v, "4199") || strings.Contains(v, "worker 4123") {
		t.Errorf("a later death is another group:\n%s", v)
	}
}

// m steps through what the container can do, and says so.
func TestMode(t *testing.T) {
	for _, tc := range []struct {
		name, mode string
		modes      []string
		asked      []sim.Command
		says       string
	}{
		{"fresh", sim.ModeFresh, []string{sim.ModeFresh, sim.ModePrewarmed, sim.ModeWarm}, []sim.Command{{Mode: sim.ModePrewarmed}}, "prewarmed"},
		{"prewarmed", sim.ModePrewarmed, []string{sim.ModeFresh, sim.ModePrewarmed, sim.ModeWarm}, []sim.Command{{Mode: sim.ModeWarm}}, "what leaks stays"},
		{"warm", sim.ModeWarm, []string{sim.ModeFresh, sim.ModePrewarmed, sim.ModeWarm}, []sim.Command{{Mode: sim.ModeFresh}}, "destroyed after it"},
		{"function", sim.ModePrewarmed, []string{sim.ModeFresh, sim.ModePrewarmed}, []sim.Command{{Mode: sim.ModeFresh}}, "destroyed after it"},
		{"only one", sim.ModeFresh, []string{sim.ModeFresh}, nil, "gets its request with its start"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := calm()
			s.Model[sim.Container].Mode, s.Model[sim.Container].Modes = tc.mode, tc.modes
			p, src := started(t, s)
			p.Update(keyFor("1")) // whatever the target
			p.Update(keyFor("m"))
			if diff := cmp.Diff(tc.asked, src.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if !strings.Contains(p.st.notice, tc.says) {
				t.Errorf("it says %q, want %q in it", p.st.notice, tc.says)
			}
		})
	}
	p, src := started(t, without())
	if p.Update(keyFor("m")); len(src.asked) > 0 || !strings.Contains(p.st.notice, "needs root") {
		t.Errorf("without a container it asked %v and says %q", src.asked, p.st.notice)
	}
}
