package report_test

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// inTheMiddle starts a lab that puts the fault into all models, and waits until
// something of it is at work.
func inTheMiddle(t *testing.T, f sim.Fault, args ...string) *lab {
	t.Helper()
	l := command(t, append([]string{"run", "--json", "--for", "1m", "--rate", "8", "--workload", "cpu 200us, io 100ms", "--inject", string(f) + "@1s"}, args...)...)
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	l.waitUntilServing(t)
	time.Sleep(2 * time.Second)
	if f == sim.FaultOOM { // its incident begins with a death; page by page, a hog may take its time
		time.Sleep(4 * time.Second)
	}
	return l
}

// TestSignalInEveryFault: Ctrl-C in the middle of each fault. It is undone, and
// nothing is left; what was measured is printed, and the fault is in it.
func TestSignalInEveryFault(t *testing.T) {
	needRoot(t)
	for _, k := range fault.Catalogue {
		t.Run(string(k.Fault), func(t *testing.T) {
			l := inTheMiddle(t, k.Fault)
			l.Process.Signal(syscall.SIGINT)
			l.Wait()
			if l.status() != 130 {
				t.Errorf("status %d, want 130; stderr: %s", l.status(), l.err.Bytes())
			}
			if left := l.leftovers(); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			for _, i := range l.document(t).Incidents {
				if i.Fault == k.Fault {
					return
				}
			}
			t.Errorf("no incident of it; stderr: %s", l.err.Bytes())
		})
	}
}

// TestKillInAFault: kill -9 of the lab in the middle of those faults that have
// processes, connections or a backend of their own.
func TestKillInAFault(t *testing.T) {
	for _, f := range []sim.Fault{sim.FaultForkBomb, sim.FaultHang, sim.FaultSlowClient, sim.FaultDeadBackend} {
		t.Run(string(f), func(t *testing.T) {
			l := inTheMiddle(t, f, "--models", "cgi,prefork,eventloop")
			l.Process.Kill()
			l.Wait()
			deadline := time.Now().Add(4 * time.Second) // a bomb lasts three
			for len(l.processes()) > 0 && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
			if left := l.processes(); len(left) > 0 {
				t.Errorf("there are still %d processes: %.500q", len(left), left)
			}
			command(t, "run", "--for", "1s", "--models", "eventloop").finish(t)
			if left := l.leftovers(); len(left) > 0 {
				t.Errorf("after the next start there are still %q", left)
			}
		})
	}
}

// TestMiswired: where the CGI column's requests go to the event loop, the matrix
// doesn't say that all is as it should be.
func TestMiswired(t *testing.T) {
	needRoot(t)
	l := command(t, "matrix", "--only", "crash", "--miswire", "cgi=eventloop").finish(t)
	if l.status() != 1 {
		t.Errorf("status %d, want 1; stderr: %s", l.status(), l.err.Bytes())
	}
	for _, want := range []string{"✗ cgi:", "✓ prefork:", "✓ eventloop:"} {
		if !bytes.Contains(l.out.Bytes(), []byte(want)) {
			t.Errorf("no %q in %s", want, l.out.Bytes())
		}
	}
}

// TestRefusedFaults: what can't be done says why, once, and the rest goes on.
func TestRefusedFaults(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--models", "eventloop", "--workload", "hello", "--inject", "dead-backend@500ms"}, "ask no backend"},
		{[]string{"--models", "cgi", "--cgi", "/bin/true", "--inject", "spin@500ms"}, "from a shell instead"},
	} {
		l := command(t, append([]string{"run", "--for", "1500ms"}, c.args...)...).finish(t)
		if l.status() != 1 || strings.Count(l.err.String(), c.want) != 1 {
			t.Errorf("%v: status %d, stderr %q; want 1, and %q once", c.args, l.status(), l.err.String(), c.want)
		}
	}
}
