//go:build unix

package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/assets"
	"forklore/sim"
	"forklore/sim/trace"
)

// TestRecordAndReplay: what v records of the real lab, replay shows, with the
// crash that was in it; nothing runs meanwhile.
func TestRecordAndReplay(t *testing.T) {
	s := play(t, 120, 36, nil, "--models", "prefork,eventloop", "--tour=false")
	s.sees("LIVE", "ok 100%")
	s.press("v")
	s.sees("REC 00:0")
	s.press("c")
	s.sees("CRASH", "all recovered")
	s.press("v")
	s.sees("recorded, 00:")
	s.press("qq")
	s.ends(0)
	files, _ := filepath.Glob(filepath.Join(s.Dir, "forklore-*.jsonl.gz"))
	if len(files) != 1 {
		t.Fatalf("recordings: %q", files)
	}

	r := play(t, 120, 36, nil, "replay", files[0])
	r.sees("REPLAY", "recorded 20", " of 00:")
	r.press("]")
	r.sees("CRASH", "carried by request #")
	r.press(" ")
	r.sees("STOPPED")
	r.press("c")
	r.sees("what is past can't be changed")
	if text := r.text(); strings.Contains(text, "LIVE") || strings.Contains(text, "curl") {
		t.Errorf("a recording that seems to be alive:\n%s", text)
	}
	r.press("qq")
	r.ends(0)
}

// TestDemoRecording: the live script on the recording that the program brings
// along, and the parachute, which goes on with it at the same step.
func TestDemoRecording(t *testing.T) {
	s := play(t, 80, 24, nil, "demo")
	s.sees("REPLAY", "1/5 Calm")
	for _, row := range []string{"2/5 No traffic", "3/5 One request crashes", "4/5 One request in four", "5/5 A monolith"} {
		s.press("\x1b[6~")
		s.sees(row)
	}
	s.press("qq")
	s.ends(0)

	s = play(t, 80, 24, nil, "demo", "--live", "--models", "eventloop")
	s.sees("LIVE", "1/5 Calm", "ok 100%")
	s.press("p")
	s.sees("REPLAY", "p: back to the lab")
	s.press("\x1b[6~\x1b[6~")
	s.sees("REPLAY", "3/5 One request crashes", "CRASH")
	s.press("p")
	s.sees("LIVE", "1/5 Calm") // where the lab is
	s.press("qq")
	s.ends(0)
}

// TestReplayInput: what is no recording, or can't be shown, is said in one line.
func TestReplayInput(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("hello, this is no recording\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"replay", filepath.Join(dir, "none")}, "none: no such file or directory"},
		{[]string{"replay", dir}, "is no regular file"},
		{[]string{"replay", text}, text + " is no recording of forklore: gzip: invalid header"},
		{[]string{"replay", fifo}, fifo + " is no regular file"},
		{[]string{"run", "--record", filepath.Join(dir, "new"), "--for", "31m"}, "--record: at most 30m0s can be played, and the run takes 31m0s"},
		{[]string{"run", "--record", ""}, "--record: a new file's name is missing"},
		{[]string{"replay", text, text}, "accepts at most 1 arg(s)"},
		{[]string{"replay", "--rate", "3"}, "--rate: nothing is run"},
		{[]string{"replay"}, "standard input or output is no terminal"},
		{[]string{"demo"}, "standard input or output is no terminal"},
		{[]string{"demo", "--rate", "3"}, "--rate: it is about the lab: write --live, too"},
		{[]string{"run", "--record", text}, "--record: open " + text + ": file exists"},
		{[]string{"run", "--record", filepath.Join(dir, "no", "such")}, "no such file or directory"},
	} {
		cmd := exec.Command(path, c.args...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != exitBadInput || !strings.Contains(string(out), c.want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q: status %d, %q; want 2 and %q", c.args, cmd.ProcessState.ExitCode(), out, c.want)
		}
	}
}

// TestShipped: the recording that the program brings along is of the live script
// as it is, whole, and of real processes.
func TestShipped(t *testing.T) {
	tr, err := trace.Read(bytes.NewReader(assets.Recording()))
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range assets.Script() {
		steps = append(steps, s.ID)
	}
	if !slices.Equal(tr.Marks(), steps) || tr.Kind != sim.Live || tr.Cut != nil || tr.Length() < time.Minute {
		t.Errorf("marks %q, want %q; of %s, cut: %v, %v long", tr.Marks(), steps, tr.Kind, tr.Cut, tr.Length())
	}
}

func BenchmarkShipped(b *testing.B) {
	for b.Loop() {
		src, err := shipped(trace.Options{})
		if err != nil {
			b.Fatal(err)
		}
		src.Close()
	}
}
