//go:build unix

package quiet_test

import (
	"bytes"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/bubbletea"
	"github.com/creack/pty"

	_ "forklore/ui/quiet"
)

// child makes this test binary the program that links Bubble Tea: it has been
// initialised by the time that TestMain runs.
const child = "FORKLORE_TEST_QUIET"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		_ = tea.Quit // Bubble Tea is linked, and so its init has run
		os.Stdout.WriteString("started\n")
		return
	}
	os.Exit(m.Run())
}

// On a terminal that answers nothing, a program that links Bubble Tea starts at
// once and asks the terminal nothing.
func TestSilentTerminalIsNotAsked(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"=1", "TERM=xterm-256color")
	begin := time.Now()
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer terminal.Close()

	var mu sync.Mutex
	var out bytes.Buffer
	read := make(chan struct{})
	go func() { // ends when the program does, or the terminal is closed
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := terminal.Read(buf)
			mu.Lock()
			out.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	err = cmd.Wait()
	took := time.Since(begin)
	select {
	case <-read:
	case <-time.After(time.Second):
	}
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		t.Fatalf("the program failed: %v\n%s", err, out.String())
	}
	if !bytes.Contains(out.Bytes(), []byte("started")) {
		t.Errorf("it said %q", out.String())
	}
	if bytes.Contains(out.Bytes(), []byte("\x1b]")) {
		t.Errorf("the terminal was asked: %q", out.String())
	}
	// termenv waits five seconds for the answer (OSCTimeout). Anything near
	// that is its wait, not a slow machine.
	if took > 4*time.Second {
		t.Errorf("it took %v to start", took)
	}
	t.Logf("started and ended after %v", took)
}
