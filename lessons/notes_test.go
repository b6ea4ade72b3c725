package lessons

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// screen is a terminal that a test can look at while it is written to.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *screen) has(t *testing.T, want string) {
	t.Helper()
	for range 500 {
		s.mu.Lock()
		ok := strings.Contains(s.buf.String(), want)
		s.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the screen never shows %q; it has\n%s", want, s.buf.String())
}

// TestNotes: a second terminal sees the lesson's notes, whenever it comes, and is
// told when the lab has ended. A socket that a killed lab left is swept.
func TestNotes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "forklore")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "notes-1.sock")})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	if _, err := DialNotes(dir); err != ErrNoLab {
		t.Errorf("without a lab: %v", err)
	}
	n, err := ServeNotes(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := os.Lstat(filepath.Join(dir, "notes-1.sock")); !os.IsNotExist(err) {
		t.Error("the stale socket is still there")
	}
	c, err := DialNotes(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out screen
	done := make(chan error, 1)
	go func() { done <- Follow(context.Background(), c, &out, func() (int, int) { return 80, 24 }) }()
	out.has(t, "waiting for a lesson")
	l := newLab(t, nil, Options{Mode: Workshop})
	l.must(l.s.Next())
	n.Publish(l.s.Note("en"))
	out.has(t, "B) All that the pool was serving.")
	out.has(t, "A) One: the one that it held.  <- expected")
	out.has(t, "##   #   #  #  #   # #   #") // of 10:00, that remain
	for range 100 {
		n.Publish(l.s.Note("ja")) // nobody waits for a reader
	}
	out.has(t, "残り")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("when the lab ends: %v", err)
	}
	out.has(t, "ラボは終了しました。")
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		left, _ := os.ReadDir(dir)
		t.Errorf("the folder is left: %v, with %v", err, left)
	}
}

// TestNotesDirs: the folder stays while another lab's socket is there; where the
// first can't be made the next one serves; and one that others may write to has
// no lab.
func TestNotesDirs(t *testing.T) {
	top := t.TempDir()
	none, dir := filepath.Join(top, "file", "forklore"), filepath.Join(top, "forklore-1")
	if err := os.WriteFile(filepath.Dir(none), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := ServeNotes(none, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	another := filepath.Join(dir, "notes-2.sock")
	if err := os.WriteFile(another, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := DialNotes(none, dir)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := DialNotes(none, dir); err != ErrNoLab {
		t.Errorf("a lab in a folder of everyone's: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(another); err != nil {
		t.Errorf("another lab's socket: %v", err)
	}
	if _, err := ServeNotes(none, dir); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("serving in a folder of everyone's: %v", err)
	}
}

// TestNotNotes: what is no note is said, and does nothing to the terminal.
func TestNotNotes(t *testing.T) {
	for sent, want := range map[string]string{
		"hello\n":                       "what is no note",
		`{"schema":"\u001b[2J"}` + "\n": "use the same forklore",
		strings.Repeat("x", maxNote+9):  "more than",
	} {
		lab, client := net.Pipe()
		go func() {
			lab.Write([]byte(sent))
			lab.Close()
		}()
		var out screen
		err := Follow(context.Background(), client, &out, func() (int, int) { return 80, 24 })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%.20q: %v", sent, err)
		}
	}
}

// TestPage: at every size, of every embedded lesson, at every step, in both
// languages, the page fits and says the time.
func TestPage(t *testing.T) {
	set, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range set.Lessons {
		for _, lang := range Languages {
			s := NewSession(l, Options{Mode: Demo})
			for s.step = StepIntro; s.step <= StepRecall; s.step++ {
				n := s.Note(lang)
				for _, size := range [][2]int{{80, 24}, {120, 36}, {30, 10}} {
					lines := n.Lines(size[0], size[1])
					if len(lines) > size[1] {
						t.Errorf("%s %s: %d lines", l.ID, s.step, len(lines))
					}
					for _, line := range lines {
						if ansi.StringWidth(line) > size[0] {
							t.Errorf("%s %s: %q is wider than %d", l.ID, s.step, line, size[0])
						}
					}
				}
			}
		}
	}
}

// TestWrap: paragraphs are filled, and no line is wider than it may be, begins
// with a closing mark, or breaks code.
func TestWrap(t *testing.T) {
	got := strings.Join(Wrap("one two\nthree\n\n- an item that goes on\n- two\n\n```\n as it  is\n```", 12), "\n")
	want := "one two\nthree\n\n- an item\n  that goes\n  on\n- two\n\n   as it  is"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for width := 10; width < 60; width++ {
		for _, line := range Wrap("プロセスを共有するものが、運命を共有する。`--loop-listener supervisor`をつけて\nラボを起動すると（バックログで）待ちます[listen]。", width) {
			if ansi.StringWidth(line) > width || strings.ContainsRune("、。）]", []rune(line)[0]) && width > 16 {
				t.Errorf("%d: %q", width, line)
			}
		}
	}
	if got := strings.Join(Wrap("すると\nprefork\nは", 40), ""); got != "するとpreforkは" {
		t.Errorf("%q: no space beside a script that has none", got)
	}
}

// TestLarge: every figure is five rows of one width.
func TestLarge(t *testing.T) {
	for r, rows := range glyphs {
		for _, row := range rows {
			if len(row) != len(rows[0]) {
				t.Errorf("%c: rows of %d and %d", r, len(rows[0]), len(row))
			}
		}
	}
	for d, want := range map[time.Duration]string{0: "0:00", 61 * time.Second: "1:01", -5 * time.Second: "-0:05", 1000 * time.Hour: "99:59"} {
		if got := clock(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
