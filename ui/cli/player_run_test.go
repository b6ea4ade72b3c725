//go:build unix

package cli

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forklore/lessons"
	"forklore/runtimes/container"
)

const pageDown = "\x1b[6~"

// turns turns pages, and answers what is asked, until a step is there.
func (s *stage) turns(step string) {
	s.t.Helper()
	keys := []string{pageDown, "\r"}
	for i := range 40 {
		if strings.Contains(s.text(), " "+step+" ") {
			return
		}
		s.press(keys[i%2])
		time.Sleep(500 * time.Millisecond)
	}
	s.sees(" " + step + " ")
}

func needsSandboxes(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a lab, and waits for a lesson's experiment")
	}
	if err := container.Available(); err != nil {
		t.Skipf("the lesson needs sandboxes: %v", err)
	}
}

// A lesson in the real lab: answered, played by its key, judged, left.
func TestLessonOnScreen(t *testing.T) {
	needsSandboxes(t)
	state, run := t.TempDir(), t.TempDir()
	s := play(t, 120, 40, []string{"XDG_STATE_HOME=" + state, "XDG_RUNTIME_DIR=" + run}, "lesson", "crash", "--lang", "en")
	s.sees("WHAT IT IS ABOUT 1/")
	s.turns("ACT")
	s.sees("Your turn: c does it")
	if sockets, _ := filepath.Glob(run + "/forklore/notes-*.sock"); len(sockets) != 1 {
		t.Errorf("sockets of the notes: %q", sockets)
	}
	s.press("c")
	s.sees("it took effect: ")
	s.until("the end of the experiment", func(text string) bool {
		return strings.Contains(text, "done, and judged") || strings.Contains(text, "ended before its time")
	})
	s.turns("CHECK")
	text := s.sees("Claim ", ".incident.")
	// Whether they hold here and now is the headless check's.
	if !strings.Contains(text, "HOLDS  ") && !strings.Contains(text, "DOES NOT HOLD  ") {
		t.Errorf("no verdict:\n%s", text)
	}
	if !strings.Contains(text, "measured: ") && !strings.Contains(text, "seen instead: ") {
		t.Errorf("a verdict without its figures:\n%s", text)
	}
	s.press("q")
	s.sees("q again quits")
	s.press("q")
	s.ends(0)
	if left, _ := filepath.Glob(run + "/forklore*"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	kept, err := lessons.Store{Path: filepath.Join(state, "forklore/progress.json")}.Load()
	if err != nil || kept.State("crash") == lessons.StateUnseen {
		t.Errorf("progress %s, %v", kept.State("crash"), err)
	}
}

// Choosing a lesson in the list starts the lab that it needs; leaving it leaves
// that lab running.
func TestLessonFromTheList(t *testing.T) {
	needsSandboxes(t)
	s := play(t, 80, 24, nil, "--models", "prefork,eventloop", "--lang", "en")
	s.sees("target ALL", "= OK")
	s.press("n")
	s.sees("LESSONS: ", "starts the lab anew")
	s.press("\x1b[H") // to crash, wherever it stands
	for range 40 {
		if text := s.text(); strings.Contains(text, ">  6  crash ") {
			break
		}
		s.press("\x1b[B")
		time.Sleep(200 * time.Millisecond)
	}
	s.press("\r")
	s.sees("WHAT IT IS ABOUT 1/", "16 req/s, the same to all 4")
	s.press("l")
	s.sees("in a lesson the lab does what the lesson says")
	s.press("\x1b")
	s.sees("esc again leaves the lesson")
	s.press("\x1b")
	s.sees("lesson left", "1 CGI")
	s.press("\x03")
	s.ends(0)
}

// Without a terminal there is one line that says what to do.
func TestLessonWithoutATerminal(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "lesson", "crash").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitBadInput {
		t.Errorf("the end: %v", err)
	}
	if text := string(out); strings.Count(text, "\n") != 1 || !strings.Contains(text, "--check") {
		t.Errorf("%q", text)
	}
}
