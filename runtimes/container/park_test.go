//go:build linux

package container

import (
	"os"
	"syscall"
	"testing"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

func requireStub(t testing.TB) {
	t.Helper()
	if !haveStub {
		t.Skip("needs the child-side stub, which this architecture or the race detector's build hasn't got")
	}
}

// A parked sandbox runs any program once, or is given back, and leaves nothing.
func TestPark(t *testing.T) {
	requireStub(t)
	n := newTestNative(t, self)
	before := descriptors(t)
	p, err := n.park()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe() // later than the sandbox
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	process, err := p.run(&cgi.Program{Args: []string{"say"}, Env: []string{role.Prefix + "ROLE=sandbox say"},
		Stdin: null.Fd(), Stdout: w.Fd(), Stderr: os.Stderr.Fd()})
	w.Close()
	null.Close()
	if err != nil {
		t.Fatal(err)
	}
	var b [16]byte
	k, _ := r.Read(b[:])
	if got := string(b[:k]); got != "said 1" {
		t.Errorf("it said %q", got)
	}
	r.Close()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(process.Pid, &status, 0, nil); err != nil || status != 0 {
		t.Errorf("%v, status %#x", err, status)
	}
	if _, err := process.Destroy(); err != nil {
		t.Error(err)
	}

	for _, c := range []struct {
		name string
		end  func(*parked)
	}{
		{"given back", func(*parked) {}},
		{"killed", func(p *parked) { syscall.Kill(p.pid(), syscall.SIGKILL) }},
	} {
		p, err := n.park()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		pid := p.pid()
		if !alive(pid) {
			t.Errorf("%s: process %d doesn't wait", c.name, pid)
		}
		c.end(p)
		if err := p.close(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if alive(pid) {
			t.Errorf("%s: process %d is there", c.name, pid)
		}
	}
	requireNoGroups(t, n)
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, there were %d", after, before)
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func init() {
	role.Enter("sandbox say", func() { os.Stdout.WriteString("said " + string(role.AppendInt(nil, int64(os.Getpid())))) })
}
