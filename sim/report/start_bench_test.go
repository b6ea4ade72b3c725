package report_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// BenchmarkAllServing is the time from the start of the built program until
// all models serve (goal: 700 ms).
func BenchmarkAllServing(b *testing.B) {
	path, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cmd := exec.Command(path, "run", "--for", "1h")
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+b.TempDir())
		stderr, err := cmd.StderrPipe()
		if err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		bufio.NewReader(stderr).ReadString('\n') // the addresses, when all serve
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms-to-serving")
		b.StopTimer()
		cmd.Process.Signal(syscall.SIGINT)
		cmd.Wait()
		b.StartTimer()
	}
}

// BenchmarkFirstFrame is the time until the screen has drawn (goal: 150 ms).
func BenchmarkFirstFrame(b *testing.B) {
	path, err := binary()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cmd := exec.Command(path, "--lang", "en")
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+b.TempDir(), "TERM=xterm-256color")
		begun := time.Now()
		tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
		if err != nil {
			b.Fatal(err)
		}
		var seen []byte
		for buf := make([]byte, 4096); !bytes.Contains(seen, []byte("PREFORK")); {
			n, err := tty.Read(buf)
			if err != nil {
				b.Fatalf("%v; so far %q", err, seen)
			}
			seen = append(seen, buf[:n]...)
		}
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms-to-frame")
		b.StopTimer()
		cmd.Process.Signal(syscall.SIGINT)
		go func() { // until the program has gone
			for buf := make([]byte, 4096); ; {
				if _, err := tty.Read(buf); err != nil {
					return
				}
			}
		}()
		cmd.Wait()
		tty.Close()
		b.StartTimer()
	}
}
