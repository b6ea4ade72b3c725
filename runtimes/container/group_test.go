//go:build linux

package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forklore/runtimes/role"
)

func TestSetting(t *testing.T) {
	for _, c := range []struct {
		setting string
		missing []string
		err     string
	}{
		{"none", []string{"memory", "pids", "cpu"}, ""},
		{"", nil, "setting CGROUP"},
		{"v3:/sys/fs/cgroup/a", nil, "setting CGROUP"},
		{"v1:", []string{"memory", "pids", "cpu"}, ""},
		{"v1:freezer=/sys/fs/cgroup/freezer/a", []string{"memory", "pids", "cpu"}, ""},
		{"v1:memory=/no/such/group", nil, "/no/such/group/calls"},
		{"v2:/no/such/group", nil, "/no/such/group/calls"},
	} {
		_, missing, err := newGroups(c.setting, 1<<20, 8)
		if diff := cmp.Diff(c.missing, missing); diff != "" {
			t.Errorf("%q: missing (-want +got):\n%s", c.setting, diff)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: error %v, want %q", c.setting, err, c.err)
		}
	}
}

func TestLimitsAreSet(t *testing.T) {
	g, missing, err := newGroups(testGroups(t), 32<<20, 9)
	if err != nil || len(missing) > 0 {
		t.Fatal(err, missing)
	}
	t.Cleanup(g.close)
	c, err := g.make(1)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range g.dirs {
		for _, file := range []string{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
			"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max", "cpu.cfs_quota_us"} {
			if b, err := os.ReadFile(d + c.name + "/" + file); err == nil {
				got[file] = strings.TrimSpace(string(b))
			}
		}
	}
	want := map[string]string{"memory.limit_in_bytes": "33554432", "pids.max": "9", "cpu.cfs_quota_us": "100000"}
	if g.v2 {
		want = map[string]string{"memory.max": "33554432", "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": "9", "cpu.max": "100000 100000"}
	}
	if _, ok := got["memory.memsw.limit_in_bytes"]; ok { // a kernel may be without swap accounting
		want["memory.memsw.limit_in_bytes"] = "33554432"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	if err := c.remove(); err != nil {
		t.Error(err)
	}
}

// "sandbox bomb" forks until it can't, and exits with the number of children.
func init() {
	role.Enter("sandbox bomb", func() {
		n := 0
		for ; n < 100; n++ {
			_, err := syscall.ForkExec(functionPath, []string{"sleeper"}, &syscall.ProcAttr{
				Env: []string{role.Prefix + "ROLE=sandbox sleeper", "GOMAXPROCS=1"}})
			if err != nil {
				break
			}
		}
		syscall.Exit(n)
	})
	role.Enter("sandbox sleeper", func() {
		for {
			syscall.Select(0, nil, nil, nil, nil)
		}
	})
}

// A function that forks without end stops at pids.max, and all that it has
// forked ends with it.
func TestForkBomb(t *testing.T) {
	const pids = 16
	n := newLimitedNative(t, self, 1<<30, pids) // memory enough for all of them, also under -race
	if n.groups == nil {
		t.Skip("needs cgroup controllers that it may write to")
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	others := make(chan error, 1)
	go func() { // meanwhile, others are answered; ends after ten of them
		for range 10 {
			status, _, err := n.run(&function{args: []string{"nothing"}, env: []string{role.Prefix + "ROLE=sandbox nothing", "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0"},
				files: [3]uintptr{null.Fd(), null.Fd(), null.Fd()}})
			if err != nil || status != 0 {
				others <- fmt.Errorf("%w, status %#x", err, status)
				return
			}
		}
		others <- nil
	}()
	status, _, err := n.run(&function{args: []string{"bomb"}, env: []string{role.Prefix + "ROLE=sandbox bomb", "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0"},
		files: [3]uintptr{null.Fd(), null.Fd(), null.Fd()}})
	if err != nil {
		t.Fatal(err)
	}
	// Its threads count, and those of its children.
	if children := status.ExitStatus(); status.Signaled() || children < 1 || children >= pids {
		t.Errorf("%d children, status %#x; the limit is %d processes and threads", children, status, pids)
	}
	if err := <-others; err != nil {
		t.Errorf("another call: %v", err)
	}
	requireNoGroups(t, n)
}

// v2, on a tree that has no controllers where the machine is hybrid: the way
// into the group, the cgroup namespace and the capability that it takes.
func TestUnifiedGroup(t *testing.T) {
	requireSandboxes(t)
	var dir string
	for _, root := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if _, err := os.Stat(root + "/cgroup.controllers"); err == nil {
			dir = filepath.Join(root, "forklore-container-test-"+strconv.Itoa(os.Getpid()))
			break
		}
	}
	if dir == "" {
		t.Skip("needs a cgroup v2 tree")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skip("needs a cgroup v2 tree that it may write to: ", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error("a cgroup is left: ", err)
		}
	})
	g, missing, err := newGroups("v2:"+dir, defaultMemBytes, defaultPids)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("limits that are missing: ", missing)
	t.Cleanup(g.close)
	n, err := newNative(self, "", g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(n.root) })
	w := look(t, n)
	if w.Pid != 1 || w.Caps != (capSets{}) || w.Bounding != 0 || w.NoNewPrivs != 1 {
		t.Errorf("pid %d, capabilities %+v, bounding set %x, no_new_privs %d", w.Pid, w.Caps, w.Bounding, w.NoNewPrivs)
	}

	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	pid, s, err := n.start(&function{args: []string{"sleeper"}, env: []string{role.Prefix + "ROLE=sandbox sleeper"},
		files: [3]uintptr{null.Fd(), null.Fd(), null.Fd()}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.ReadFile(dir + "/calls" + s.group.name + "/cgroup.procs")
	if err != nil || strings.TrimSpace(string(in)) != strconv.Itoa(pid) {
		t.Errorf("in the group: %q, %v; want %d", in, err, pid)
	}
	ours, _ := os.Readlink("/proc/self/ns/cgroup")
	if theirs, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/cgroup"); err != nil || theirs == ours && haveStub {
		t.Errorf("cgroup namespace %s is the host's, or %v", theirs, err)
	}
	if score, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/oom_score_adj"); err != nil || string(score) != "1000\n" {
		t.Errorf("oom_score_adj %q, %v; want 1000", score, err)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	syscall.Wait4(pid, nil, 0, nil)
	if _, err := s.destroy(); err != nil {
		t.Error(err)
	}
}
