package report_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// However a lab ends, nothing of it is left.

func TestSignalPrintsWhatWasMeasured(t *testing.T) {
	l := command(t, "run", "--json", "--for", "1m", "--models", "cgi,prefork,eventloop")
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	l.waitUntilServing(t)
	time.Sleep(time.Second)
	l.Process.Signal(syscall.SIGINT)
	l.Wait()
	if l.status() != 130 {
		t.Errorf("status %d, want 130; stderr: %s", l.status(), l.err.Bytes())
	}
	if d := l.document(t); d.Models["prefork"].Requests.Sent == 0 {
		t.Error("nothing was measured")
	}
	if left := l.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestKilledLabLeavesNothing: kill -9 of the lab in the middle of traffic. Its
// processes are gone within two seconds, the rest with the next start.
func TestKilledLabLeavesNothing(t *testing.T) {
	l := command(t, "run", "--json", "--for", "1m")
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	l.waitUntilServing(t)
	l.Process.Kill()
	l.Wait()
	deadline := time.Now().Add(2 * time.Second)
	for len(l.processes()) > 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if left := l.processes(); len(left) > 0 {
		t.Errorf("after 2 s there are still %q", left)
	}
	command(t, "run", "--for", "1s", "--models", "eventloop").finish(t)
	if left := l.leftovers(); len(left) > 0 {
		t.Errorf("after the next start there are still %q", left)
	}
}

// TestTwoLabs: side by side on free ports; on the same ports the second is refused.
func TestTwoLabs(t *testing.T) {
	first := command(t, "run", "--json", "--for", "5s", "--models", "cgi,prefork,eventloop", "--port", "21471")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	first.waitUntilServing(t)
	second := command(t, "run", "--models", "cgi", "--port", "21471").finish(t)
	if second.status() != 2 || !oneLine(second.err.String()) || !strings.Contains(second.err.String(), "21471") {
		t.Errorf("taken port: status %d, %q; want 2 and a line that names it", second.status(), second.err.String())
	}
	d := run(t, "--for", "2s", "--models", "prefork,eventloop")
	if r := d.Models["prefork"].Requests; r.OK != r.Sent {
		t.Errorf("beside another lab: %+v", r)
	}
	first.Wait()
	if first.status() != 0 || first.document(t).Models["eventloop"].Address != "127.0.0.1:21473" {
		t.Errorf("the first lab: status %d, stderr %s", first.status(), first.err.Bytes())
	}
	if left := first.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestEarlySignal: also in the first moments a signal cleans up, and the JSON
// is one object.
func TestEarlySignal(t *testing.T) {
	for _, ms := range []int{30, 60, 100, 160, 300} {
		l := command(t, "run", "--json", "--for", "1m")
		if err := l.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		l.Process.Signal(syscall.SIGINT)
		l.Wait()
		if left := l.leftovers(); len(left) > 0 {
			t.Errorf("after %d ms, left behind: %q", ms, left)
		}
		if ms < 100 && l.status() == -1 {
			continue // it hadn't come as far as to hear of it, nor to start anything
		}
		if l.status() != 130 {
			t.Errorf("after %d ms: status %d, want 130; stderr %s", ms, l.status(), l.err.Bytes())
		}
		l.document(t)
	}
}

// TestClosedPipe: whoever reads our output has gone; the lab cleans up all the same.
func TestClosedPipe(t *testing.T) {
	l := command(t, "run", "--for", "1s", "--models", "eventloop")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l.Stdout, l.Stderr = w, w
	r.Close()
	l.finish(t)
	w.Close()
	if l.status() != 1 {
		t.Errorf("status %d, want 1: its figures could not be printed", l.status())
	}
}
