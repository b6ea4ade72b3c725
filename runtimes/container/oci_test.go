//go:build linux

package container

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/runtimes/cgi"
	"forklore/runtimes/spawn"
)

// engines runs a test with each OCI runtime that is installed.
func engines(t *testing.T, test func(t *testing.T, path string)) {
	for _, name := range []string{"runc", "crun"} {
		t.Run(name, func(t *testing.T) { test(t, requireEngine(t, name)) })
	}
}

func requireEngine(t testing.TB, name string) (path string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("needs ", name)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, for ", name)
	}
	return path
}

// startEngineHost is a host with that engine, and the folder that it has.
func startEngineHost(t *testing.T, path string, env ...string) (h *testHost, dir string) {
	t.Helper()
	dir = t.TempDir()
	removeStrays(t)
	return startHost(t, append(env, "FORKLORE_ENGINE="+path, "FORKLORE_DIR="+dir)...), dir
}

// removeStrays removes at the end of the test, after its groups, what runtimes
// made in hierarchies that the lab doesn't use: elsewhere package cage does.
func removeStrays(t testing.TB) {
	t.Cleanup(func() {
		for _, below := range []string{"/calls/[0-9]*", "/calls", ""} {
			strays, _ := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/*/forklore-container-test-%d%s", os.Getpid(), below))
			for _, s := range strays {
				os.Remove(s)
			}
		}
	})
}

// TestEngine: the same calls as in the native sandbox, with the same ends.
func TestEngine(t *testing.T) {
	engines(t, func(t *testing.T, path string) {
		h, dir := startEngineHost(t, path, "FORKLORE_CALL_MEM_BYTES=67108864")
		for _, c := range []struct {
			query  string
			status int
			body   string
		}{
			{"", 200, "hello\n"},
			{"cpu_us=1000&mem_bytes=1048576", 200, "hello\n"},
			{"reply_bytes=3", 200, "xxx"},
			{"cpu_us=-1", 400, ""},
		} {
			if status, body := h.get(c.query); status != c.status || (c.body != "" && body != c.body) {
				t.Errorf("%q: %d %q, want %d %q", c.query, status, body, c.status, c.body)
			}
		}
		if status, body := h.get("crash=1"); status != 500 {
			t.Errorf("crash: %d %q, want 500", status, body)
		}
		if f := h.died(t); f[3] != "7" || f[2] != strconv.Itoa(2<<8) {
			t.Errorf("reported %q, want request 7 and exit status 2", f)
		}
		var neighbour sync.WaitGroup
		neighbour.Go(func() {
			if status, body := h.get("mem_bytes=4194304&spin_us=20000"); status != 200 {
				t.Errorf("the neighbour: %d %q", status, body)
			}
		})
		if status, body := h.get("mem_bytes=134217728"); status != 500 {
			t.Errorf("128 MiB in a group of 64: %d %q, want 500", status, body)
		}
		if f := h.died(t); f[2] != strconv.Itoa(int(syscall.SIGKILL)) || f[6] != "1" {
			t.Errorf("reported %q, want signal 9 and one OOM kill", f)
		}
		neighbour.Wait()
		h.requireEmpty(t)
		requireDeleted(t, dir)
		before := h.belongings(t)
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for range 3 {
					if status, body := h.get(""); status != 200 {
						t.Errorf("%d %q", status, body)
					}
				}
			})
		}
		clients.Wait()
		var diff string
		if !eventually(func() bool { diff = cmp.Diff(before, h.belongings(t)); return diff == "" }) {
			t.Errorf("what the host holds after the calls (-before +after):\n%s", diff)
		}
		requireDeleted(t, dir)
		h.Stop(5 * time.Second)
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("the host leaves %v", left)
		}
	})
}

// TestEngineWorld: the bundle means the same to the runtime as to us.
func TestEngineWorld(t *testing.T) {
	engines(t, func(t *testing.T, path string) {
		removeStrays(t)
		t.Setenv("FORKLORE_CGROUP", testGroups(t))
		t.Setenv("FORKLORE_DIR", t.TempDir())
		t.Setenv("FORKLORE_ENGINE", path)
		e, err := openEngine()
		if err != nil {
			t.Fatal(err)
		}
		defer e.close()
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		out, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		p, err := e.Start(&cgi.Program{Args: []string{"probe"}, Stdin: null.Fd(), Stdout: in.Fd(), Stderr: 2,
			Env: []string{"FORKLORE_ROLE=sandbox probe", "FORKLORE_UNFILTERED=1", "FORKLORE_HOST_PID=" + strconv.Itoa(os.Getpid()), "GORACE=atexit_sleep_ms=0", "GODEBUG=containermaxprocs=0"}})
		in.Close()
		if err != nil {
			t.Fatal(err)
		}
		var w world
		if err := json.NewDecoder(out).Decode(&w); err != nil {
			t.Error(err)
		}
		for { // ECHILD: package cgi's sweep was first
			if _, err := syscall.Wait4(p.Pid, nil, 0, nil); err != syscall.EINTR {
				break
			}
		}
		if _, err := p.Destroy(); err != nil {
			t.Error(err)
		}
		if w.Pid != 1 || w.Parent != 0 || w.Session != 1 || w.WorkDir != "/" || !strings.HasPrefix(w.Hostname, "sandbox-") {
			t.Errorf("pid %d of %d, session %d, in %q, on %q; want the first of its own world", w.Pid, w.Parent, w.Session, w.WorkDir, w.Hostname)
		}
		if diff := cmp.Diff(map[string]bool{"lo": true}, w.Interfaces); diff != "" || w.Loopback != "" {
			t.Errorf("network (-want +got): %s%s", diff, w.Loopback)
		}
		if w.Caps != (capSets{}) || w.Bounding != 0 || w.Ambient != 0 || w.NoNewPrivs != 1 {
			t.Errorf("capabilities %+v, bounding %x, ambient %x, no_new_privs %d", w.Caps, w.Bounding, w.Ambient, w.NoNewPrivs)
		}
		if diff := cmp.Diff([]int{0, 1, 2}, w.Descriptors); diff != "" {
			t.Errorf("descriptors (-want +got):\n%s", diff)
		}
		if w.Limits["core"] != (syscall.Rlimit{}) || w.Tmp != "" || w.Null != "" {
			t.Errorf("core files of %+v, /tmp %q, /dev/null %q", w.Limits["core"], w.Tmp, w.Null)
		}
		for try, failed := range w.Refused {
			if failed == "" {
				t.Errorf("it could %s", try)
			}
		}
		if len(w.Refused) == 0 {
			t.Error("nothing was tried")
		}
	})
}

// requireDeleted fails if a container is left in the host's folder.
func requireDeleted(t *testing.T, dir string) {
	t.Helper()
	var left []string
	if !eventually(func() bool {
		calls, _ := filepath.Glob(dir + "/oci-*/call-*")
		states, _ := filepath.Glob(dir + "/oci-*/state/*")
		left = append(calls, states...)
		return len(left) == 0
	}) {
		t.Errorf("containers are left: %v", left)
	}
}

// A host that is killed leaves functions that live, which the lab ends.
func TestKillEngineHost(t *testing.T) {
	engines(t, func(t *testing.T, path string) {
		h, dir := startEngineHost(t, path)
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() { h.get("hang=1") })
		}
		for range 10 { // a runtime takes a second where the processor is emulated
			if eventually(func() bool { return len(h.sandboxes()) >= 2 }) {
				break
			}
		}
		pids := descendants(h.Pid)
		h.Kill()
		eventually(func() bool {
			working := killRuntimes(dir)
			pids = append(pids, working...)
			h.sweep()
			return len(working) == 0 && !anyAlive(pids)
		})
		h.sweep()
		clients.Wait()
		if anyAlive(append(pids, h.sandboxes()...)) {
			t.Errorf("of %v some outlive their host and the sweep", pids)
		}
	})
}

// killRuntimes ends who works in that folder. crun forks once more, and what
// it forks gets no signal when its parent dies: it goes on for a host that is
// gone. In the lab the end of the host's cage ends it.
func killRuntimes(dir string) (pids []int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		if args, _ := os.ReadFile(l); !strings.Contains(string(args), "\x00"+dir+"/") {
			continue
		}
		if pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(l))); pid > 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestKillEngine: runtimes that are killed at any moment cost their call, and
// leave nothing.
func TestKillEngine(t *testing.T) {
	engines(t, func(t *testing.T, path string) {
		h, dir := startEngineHost(t, path)
		began := time.Now()
		if status, body := h.get(""); status != 200 {
			t.Fatalf("%d %q", status, body)
		}
		call := time.Since(began)
		stop, stopped := make(chan struct{}), make(chan struct{})
		kills := 0
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case <-time.After(rand.N(call)):
				}
				for _, pid := range descendants(h.Pid) {
					args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
					if strings.HasPrefix(string(args), path+"\x00") && syscall.Kill(pid, syscall.SIGKILL) == nil {
						kills++
						break
					}
				}
			}
		}()
		answered := 0
		for range 16 {
			if status, _ := h.get(""); status == 200 {
				answered++
			}
		}
		close(stop)
		<-stopped
		if kills == 0 {
			t.Error("no runtime was killed, so this test shows nothing")
		}
		t.Logf("%d kills, %d of 16 answered", kills, answered)
		if status, body := h.get(""); status != 200 {
			t.Errorf("when nobody kills any more: %d %q", status, body)
		}
		h.requireEmpty(t)
		requireDeleted(t, dir)
	})
}

func anyAlive(pids []int) bool {
	for _, pid := range pids {
		if alive(pid) {
			return true
		}
	}
	return false
}

// An engine that doesn't work is named, and why.
func TestEngineUnavailable(t *testing.T) {
	requireSandboxes(t)
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho out of order >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	groups := testGroups(t)
	for _, c := range []struct{ engine, says string }{
		{"runc", "no absolute path"},
		{"/nonexistent/runc", "no such file"},
		{broken, "broken create: exit status 1"},
	} {
		file, _ := testBoard(t, 1)
		p, err := spawn.Start(spawn.Cmd{Role: HostRole, Board: file, Log: os.Stderr, Env: []string{
			"FORKLORE_CGROUP=" + groups, "FORKLORE_ENGINE=" + c.engine, "FORKLORE_DIR=" + t.TempDir(), "GORACE=atexit_sleep_ms=0"}})
		if err != nil {
			t.Fatal(err)
		}
		if line := <-p.Lines(); !strings.HasPrefix(line, "unavailable ") || !strings.Contains(line, c.says) {
			t.Errorf("%s: it said %q, want %q", c.engine, line, c.says)
		}
		p.Stop(5 * time.Second)
	}
}
