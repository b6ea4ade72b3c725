//go:build unix

package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"
)

// These tests press keys on the real program, on a pseudo terminal, and read
// its screen.

// binary builds forklore once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "screen-test-")
	if err != nil {
		return "", err
	}
	buildDir = dir
	path := filepath.Join(dir, "forklore")
	build := exec.Command("go", "build", "-o", path, "forklore")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

var buildDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// stage is one run on a terminal.
type stage struct {
	*exec.Cmd
	t      *testing.T
	pty    *os.File
	before *term.State
	mu     sync.Mutex
	vt     *vt
	raw    bytes.Buffer
	done   chan struct{}
}

// play starts the program in a window. Its choices are kept in folders of its own.
func play(t *testing.T, w, h int, env []string, args ...string) *stage {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer tty.Close()
	if err := pty.Setsize(master, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)}); err != nil {
		t.Fatal(err)
	}
	s := &stage{Cmd: exec.Command(path, args...), t: t, pty: master, vt: newVT(w, h), done: make(chan struct{})}
	if s.before, err = term.GetState(master.Fd()); err != nil {
		t.Fatal(err)
	}
	s.Env = append(os.Environ(), "CI=", "TERM=xterm-256color", "LC_ALL=C.UTF-8", "NO_COLOR=", // with CI set, termenv knows no colours
		"XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	s.Env = append(s.Env, env...)
	s.Dir = t.TempDir()
	s.Stdin, s.Stdout, s.Stderr = tty, tty, tty
	s.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Process.Kill()
		s.Wait()
		master.Close()
		<-s.done
	})
	go func() { // ends when the terminal is closed
		defer close(s.done)
		buf := make([]byte, 1<<16)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.vt.Write(buf[:n])
			s.raw.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *stage) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vt.text()
}

// sees waits until all of that is on the screen at once, and returns it.
func (s *stage) sees(what ...string) string {
	s.t.Helper()
	return s.until(fmt.Sprintf("%q", what), func(text string) bool {
		for _, w := range what {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	})
}

func (s *stage) until(what string, ok func(string) bool) string {
	s.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text := s.text()
		if ok(text) {
			return text
		}
		if time.Now().After(end) {
			s.t.Fatalf("never seen: %s\n%s", what, text)
		}
	}
}

func (s *stage) press(keys string) {
	s.t.Helper()
	if _, err := s.pty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) resize(w, h int) {
	s.t.Helper()
	s.mu.Lock()
	s.vt.resize(w, h)
	s.mu.Unlock()
	if err := pty.Setsize(s.pty, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)}); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end, and checks that the terminal is as it was, and that
// nothing is left of the lab. It returns what stays in the terminal.
func (s *stage) ends(status int) string {
	s.t.Helper()
	waited := make(chan struct{})
	go func() { s.Wait(); close(waited) }() // the status is looked at below
	select {
	case <-waited:
	case <-time.After(60 * time.Second):
		s.t.Fatalf("it doesn't end\n%s", s.text())
	}
	if got := s.ProcessState.ExitCode(); got != status {
		s.t.Errorf("status %d, want %d\n%s", got, status, s.text())
	}
	time.Sleep(50 * time.Millisecond) // what it wrote last is on its way here
	after, err := term.GetState(s.pty.Fd())
	if err != nil {
		s.t.Fatal(err)
	}
	if !reflect.DeepEqual(s.before, after) {
		s.t.Errorf("the terminal's settings were %+v and are %+v", s.before, after)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for mode, on := range map[string]bool{"?1049": false, "?25": true, "?2004": false, "?2026": false} {
		if s.vt.mode[mode] != on {
			s.t.Errorf("mode %s is %v at the end", mode, s.vt.mode[mode])
		}
	}
	if left := s.leftovers(); len(left) > 0 {
		s.t.Errorf("left behind: %q", left)
	}
	return s.vt.text()
}

// leftovers are processes, groups and folders of the lab that has ended.
func (s *stage) leftovers() (left []string) {
	mark := fmt.Appendf(nil, "forklore-%d-", s.Process.Pid)
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		if env, err := os.ReadFile(path); err == nil && bytes.Contains(env, mark) {
			left = append(left, path)
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/forklore/%d-*", "/sys/fs/cgroup/*/forklore/%d-*", os.TempDir() + "/*forklore-%d-*"} {
		found, _ := filepath.Glob(fmt.Sprintf(pattern, s.Process.Pid))
		left = append(left, found...)
	}
	return left
}

// A whole evening: the tour, a crash that is read off the screen, the other
// language, another window, a page, and the end.
func TestOnScreen(t *testing.T) {
	s := play(t, 80, 24, nil, "--rate", "12")
	s.sees("LIVE", "3 EVENT LOOP   = OK", "Each letter is a process")
	s.sees("Press c: one request crashes")
	s.press("c") // it ends the tour, and acts at once
	text := s.sees("CRASH", "all recovered", "Who shares the process shares the fate.")
	var others int
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "loop ") && strings.Contains(line, "took") {
			fmt.Sscanf(strings.Fields(line)[1], "1+%d", &others)
		}
	}
	if others == 0 || !strings.Contains(text, "1+0   Request #") || !strings.Contains(text, fmt.Sprintf("1 + %d OTHER", others)) {
		t.Errorf("the loop took %d others; the screen:\n%s", others, text)
	}
	s.press("g")
	s.sees("クラッシュ", "同じプロセスにいるものが、道連れになる。")
	for w := 81; w <= 120; w++ { // somebody drags the window
		s.resize(w, 24+(w-80)*12/40)
	}
	s.sees("1プロセス、1スレッド", "クラッシュ")
	s.press("\r")
	s.press("g")
	s.sees("forklore: cgi host", "LAST INCIDENTS")
	s.press("\x1b")
	s.sees("SAME REQUESTS")
	s.press("q")
	s.sees("q again quits")
	s.press("q")
	left := s.ends(0)
	for _, want := range []string{"forklore ran for ", "loop ", "1 incident", "The last incident: CRASH", "took"} {
		if !strings.Contains(left, want) {
			t.Errorf("no %q stays in the terminal:\n%s", want, left)
		}
	}
	raw := s.raw.String()
	if n, m := strings.Count(raw, "\x1b[?2026h"), strings.Count(raw, "\x1b[?2026l"); n == 0 || n != m {
		t.Errorf("%d frames begin and %d end", n, m)
	}
}

// Whatever ends it, the terminal comes back, and nothing else stays.
func TestSignalsOnScreen(t *testing.T) {
	for sig, status := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		t.Run(sig.String(), func(t *testing.T) {
			s := play(t, 80, 24, nil, "--models", "prefork,eventloop")
			s.sees("3 EVENT LOOP   = OK")
			s.Process.Signal(sig)
			s.ends(status)
		})
	}
}

// t and g are remembered; the command line wins over the file; where nothing
// can be written, it is said, and the lab works.
func TestChoicesAreRemembered(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "forklore", "config.toml")
	os.MkdirAll(filepath.Dir(file), 0o700)
	if err := os.WriteFile(file, []byte("# mine\nmodels = \"prefork\" # one is enough\nrate = 4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := play(t, 80, 24, []string{"XDG_CONFIG_HOME=" + home}, "--rate", "6")
	s.sees("2 PREFORK      = OK", "6 req/s", "Not part of this")
	s.press("t")
	s.sees("theme: dark")
	s.press("g")
	s.sees("毎秒6件")
	s.until("both in the file", func(string) bool {
		text, _ := os.ReadFile(file)
		return string(text) == "# mine\nmodels = \"prefork\" # one is enough\nrate = 4\ntheme = \"dark\"\nlang = \"ja\"\n"
	})
	s.press("\x03")
	s.ends(0)

	s = play(t, 80, 24, []string{"XDG_CONFIG_HOME=" + home})
	s.sees("毎秒4件", "PREFORK")
	if raw := s.raw.String(); !strings.Contains(raw, "48;") {
		t.Error("the dark theme has no paper")
	}
	s.press("\x03")
	s.ends(0)

	s = play(t, 80, 24, []string{"XDG_CONFIG_HOME=/proc/none", "XDG_STATE_HOME=/proc/none"}, "--models", "prefork", "--lang", "en")
	s.sees("2 PREFORK      = OK")
	s.press("t")
	s.sees("not remembered for the next time")
	s.press("\x03")
	s.ends(0)
}

// A clicker walks the script.
func TestScriptOnScreen(t *testing.T) {
	s := play(t, 80, 24, nil, "demo", "--live", "--models", "cgi,prefork,eventloop", "--rate", "12")
	s.sees("1/5 Calm", "PgDn: no traffic", "3 EVENT LOOP   = OK")
	s.press("\x1b[6~")
	s.sees("2/5 No traffic", "PAUSED: no traffic", "0 now, ")
	s.press("\x1b[6~")
	s.sees("3/5 One request crashes", "CRASH", "all recovered")
	s.press("\x1b[5~")
	s.sees("2/5 No traffic", "CRASH")
	s.press(".")
	s.until("nothing", func(text string) bool { return text == "" })
	s.press("\x1b[6~") // brings it back, and does nothing else
	s.sees("2/5 No traffic")
	s.press("s")
	s.sees("saved: forklore-")
	if found, _ := filepath.Glob(filepath.Join(s.Dir, "forklore-*")); len(found) != 2 {
		t.Errorf("saved %q, want a .txt and an .ansi", found)
	}
	s.press("\x03")
	s.ends(0)
}

// What is wrong with the settings is said before anything starts.
func TestBadSettings(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.toml")
	for _, tt := range []struct{ text, args, want string }{
		{"# mine\nratte = 32\n", "", file + `:2: unknown name "ratte"; is it rate?`},
		{"rate = \"fast\"\n", "", file + `:1: rate "fast": must be auto or a number from 0.1 to 5000`},
		{"\n\nworkers = \"all\"\n", "run", file + `:3: workers "all": must be a whole number`},
		{"theme = \"pink\"\n", "", file + `:1: theme "pink": must be one of terminal, dark`},
		{"lang = \"fr\"\n", "demo --live", file + `:1: lang "fr": must be en or ja`},
		{"lang = ja\n", "run", file + ":1: "},
		{"[screen]\nlang = \"ja\"\n", "bench", file + ":1: screen: must be text"},
		{"miswire = \"cgi=eventloop\"\n", "", file + ":1: unknown name"},
		{"config = \"other\"\n", "", file + ":1: unknown name"},
		{"memory = \"1KiB\"\n", "", file + ":1: memory: "},
		{"rate = \"fast\"\n", "--rate slow", `--rate "slow": must be`},
		{"", "demo", "is no terminal"},
		{"", "--theme pink", `--theme "pink": must be one of`},
		{"", "--rate 8", "is no terminal"},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(path, append(strings.Fields(tt.args), "--config", file)...)
		out, _ := c.CombinedOutput()
		if c.ProcessState.ExitCode() != exitBadInput || !strings.HasPrefix(string(out), "forklore: ") ||
			!strings.Contains(string(out), tt.want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q %s: status %d, %s; want %s", tt.text, tt.args, c.ProcessState.ExitCode(), out, tt.want)
		}
	}
	c := exec.Command(path, "--config", file+".none")
	if out, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != exitBadInput || !strings.Contains(string(out), "no such file") {
		t.Errorf("a file that isn't there: status %d, %s", c.ProcessState.ExitCode(), out)
	}
}
