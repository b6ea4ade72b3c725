//go:build unix

package ui

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"

	"forklore/sim"
)

// A child of this test binary shows hand-made snapshots on a real (pseudo)
// terminal; what it does there is the test.
const childEnv = "FORKLORE_TEST_SCREEN"

func TestMain(m *testing.M) {
	if how := os.Getenv(childEnv); how != "" {
		os.Exit(child(how))
	}
	os.Exit(m.Run())
}

// panicky is a source whose Do panics: a bug somewhere below the screen.
type panicky struct{ *recorder }

func (panicky) Do(sim.Command) error { panic("a bug") }

func child(how string) int {
	src := &recorder{snaps: make(chan *sim.Snapshot)}
	go func() { // ends with the process
		for i := 0; how != "ends" || i < 3; i++ {
			src.snaps <- wait(calm(), time.Duration(i)*sim.Interval)
			time.Sleep(sim.Interval)
		}
		close(src.snaps)
	}()
	var source sim.Source = src
	if how == "panics" {
		source = panicky{src}
	}
	err := Run(context.Background(), source, Options{Lang: "en"})
	switch {
	case err == nil:
		return 0
	case errors.Is(err, tea.ErrProgramPanic):
		return 10
	}
	return 11
}

// screen is a child on a pseudo terminal of 80x24.
type screen struct {
	cmd  *exec.Cmd
	pty  *os.File
	mu   sync.Mutex
	out  bytes.Buffer
	done chan struct{}
}

func startScreen(t testing.TB, how string) *screen {
	t.Helper()
	s := &screen{cmd: exec.Command(os.Args[0]), done: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), childEnv+"="+how, "TERM=xterm-256color")
	var err error
	s.pty, err = pty.StartWithSize(s.cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.pty.Close()
		<-s.done
	})
	go func() { // ends when the terminal is closed
		defer close(s.done)
		buf := make([]byte, 4096)
		for {
			n, err := s.pty.Read(buf)
			s.mu.Lock()
			s.out.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// sees waits until the screen has shown the text.
func (s *screen) sees(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(s.text(), text); {
		if time.Now().After(end) {
			t.Fatalf("never shown: %q\n%q", text, s.text())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// On every way out, the terminal is as it was: main screen, cursor, cooked.
func TestTerminalComesBack(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	fresh, err := term.GetState(master.Fd())
	master.Close()
	tty.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, how string
		leave     func(s *screen)
		status    int
	}{
		{"q q", "runs", func(s *screen) { s.pty.WriteString("q"); time.Sleep(50 * time.Millisecond); s.pty.WriteString("q") }, 0},
		{"ctrl-c", "runs", func(s *screen) { s.pty.WriteString("\x03") }, 0},
		{"the source ends", "ends", func(*screen) {}, 0},
		{"a panic", "panics", func(s *screen) { s.pty.WriteString("c") }, 10},
		{"SIGTERM", "runs", func(s *screen) { s.cmd.Process.Signal(syscall.SIGTERM) }, 11},
		{"SIGHUP", "runs", func(s *screen) { s.cmd.Process.Signal(syscall.SIGHUP) }, 11},
		{"SIGINT", "runs", func(s *screen) { s.cmd.Process.Signal(syscall.SIGINT) }, 11},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startScreen(t, tt.how)
			s.sees(t, "SAME REQUESTS")
			tt.leave(s)
			err := s.cmd.Wait()
			if got := s.cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("status %d (%v), want %d\n%s", got, err, tt.status, s.text())
			}
			s.sees(t, "\x1b[?1049l") // the main screen
			s.sees(t, "\x1b[?25h")   // the cursor
			if strings.Contains(s.text(), "\x1b]11;?") {
				t.Error("the terminal was asked for its colours")
			}
			state, err := term.GetState(s.pty.Fd())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(state, fresh) {
				t.Errorf("the terminal's settings are %+v, they were %+v", state, fresh)
			}
			if n, m := strings.Count(s.text(), "\x1b[?2026h"), strings.Count(s.text(), "\x1b[?2026l"); n == 0 || n != m {
				t.Errorf("%d frames begin and %d end", n, m)
			}
		})
	}
}

// A window that changes its size gets a picture of its size.
func TestResize(t *testing.T) {
	s := startScreen(t, "runs")
	s.sees(t, "SAME REQUESTS")
	if err := pty.Setsize(s.pty, &pty.Winsize{Cols: 60, Rows: 20}); err != nil {
		t.Fatal(err)
	}
	s.sees(t, "1= 2= 3= 4=")
	if err := pty.Setsize(s.pty, &pty.Winsize{Cols: 30, Rows: 8}); err != nil {
		t.Fatal(err)
	}
	s.sees(t, "40x10")
	if err := pty.Setsize(s.pty, &pty.Winsize{Cols: 120, Rows: 36}); err != nil {
		t.Fatal(err)
	}
	s.sees(t, "resident workers")
	s.pty.WriteString("\x03")
	if err := s.cmd.Wait(); err != nil {
		t.Error(err)
	}
}
