//go:build linux

package container

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/spawn"
)

// Who may not make sandboxes is told why, in a line, with the remedy.
func TestExplain(t *testing.T) {
	usual := map[string]string{
		"/proc/sys/user/max_user_namespaces": "96000", "/proc/sys/kernel/osrelease": "6.8.0-31-generic",
		"/proc/self/status": "Name:\tforklore\nSeccomp:\t0\n"}
	for _, c := range []struct {
		name   string
		err    error
		set    map[string]string
		reason string
		remedy string
	}{
		{"Ubuntu 24.04", fmt.Errorf("mount the root: %w", syscall.EACCES), map[string]string{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},
			"AppArmor", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
		{"Ubuntu, told by the builder", fmt.Errorf("mount the root: permission denied"), map[string]string{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},
			"AppArmor", "sysctl"},
		{"Debian 10", syscall.EPERM, map[string]string{"/proc/sys/kernel/unprivileged_userns_clone": "0"}, "for root", "sysctl kernel.unprivileged_userns_clone=1"},
		{"Docker", syscall.EPERM, map[string]string{"/proc/self/status": "Name:\tforklore\nSeccomp:\t2\nSeccomp_filters:\t1\n"}, "seccomp", "--privileged"},
		{"switched off", syscall.ENOSPC, map[string]string{"/proc/sys/user/max_user_namespaces": "0"}, "switched off", "sysctl user.max_user_namespaces"},
		{"too many", syscall.ENOSPC, nil, "limit of namespaces", "max_*_namespaces"},
		{"not compiled in", syscall.EINVAL, map[string]string{"/proc/sys/user/max_user_namespaces": ""}, "built without", "sudo"},
		{"WSL 1", syscall.EINVAL, map[string]string{"/proc/sys/kernel/osrelease": "4.4.0-19041-Microsoft", "/proc/sys/user/max_user_namespaces": ""}, "WSL 1", "wsl --set-version"},
		{"WSL 2 is a Linux as any", syscall.EPERM, map[string]string{"/proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2"}, "no sandboxes", "sudo"},
	} {
		err := explainUserNS(c.err, func(path string) string {
			if text, ok := c.set[path]; ok {
				return text
			}
			return usual[path]
		})
		u, ok := err.(*Unavailable)
		if !ok || !strings.Contains(u.Reason, c.reason) || !strings.Contains(u.Remedy, c.remedy) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %q, %q", c.name, err, c.reason, c.remedy)
		}
	}
}

// A host without root serves, in user namespaces, and says what is missing.
// Where the path of this program is closed to it, it copies the program.
func TestUserHost(t *testing.T) {
	requireStub(t)
	if err := inUserNamespace(); err != nil {
		t.Skip("needs user namespaces: ", err)
	}
	cmd := spawn.Cmd{Role: HostRole, Log: os.Stderr, Env: []string{"FORKLORE_CGROUP=", "FORKLORE_TOKEN=" + testToken, "FORKLORE_ITERS_PER_MS=100000"}}
	if os.Geteuid() == 0 {
		cmd.Launch = func(fork func(*syscall.SysProcAttr) error) error {
			return fork(&syscall.SysProcAttr{Credential: &syscall.Credential{Uid: functionID, Gid: functionID}})
		}
	}
	file, _ := testBoard(t, 8)
	cmd.Board = file
	p, err := spawn.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(5 * time.Second)
	port, ready := strings.CutPrefix(<-p.Lines(), "ready ")
	if !ready {
		t.Fatalf("the host said %q", port)
	}
	if line := <-p.Lines(); line != "say no cgroup: no limits of its own" {
		t.Errorf("it said %q", line)
	}
	h := &testHost{Proc: p, url: "http://127.0.0.1:" + port}
	for range 3 {
		if status, body := h.get(""); status != 200 || body != "hello\n" {
			t.Errorf("%d %q", status, body)
		}
	}
	if status, _ := h.get("crash=1"); status != 500 {
		t.Errorf("a crash: %d, want 500", status)
	}
}

// A brother's mistakes are told like a child's own.
func TestUserNSExecFails(t *testing.T) {
	requireStub(t)
	if err := inUserNamespace(); err != nil {
		t.Skip("needs user namespaces: ", err)
	}
	program := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(program, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	n := newNativeOf(t, way{stub: true, userns: true}, program, defaultMemBytes, defaultPids)
	before := zombies() // other tests take in orphans of hosts that they kill
	_, _, err := n.start(&function{args: []string{"text"}, files: [3]uintptr{0, 1, 2}})
	if err == nil || !strings.Contains(err.Error(), "execute /function: "+syscall.ENOEXEC.Error()) {
		t.Errorf("started a text file: %v", err)
	}
	requireNoGroups(t, n)
	for pid := range zombies() {
		if !before[pid] {
			t.Errorf("process %s is left as a zombie", pid)
		}
	}
}

// zombies are the children of this process that nobody has waited for.
func zombies() map[string]bool {
	found := map[string]bool{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, _ := os.ReadFile(path)
		pid, _, _ := strings.Cut(string(b), " ")
		if f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])); len(f) > 1 && f[0] == "Z" && f[1] == fmt.Sprint(os.Getpid()) {
			found[pid] = true
		}
	}
	return found
}
