//go:build linux

package container

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refused is what the probe's tries end in: nothing of it is there, or it is forbidden.
var refused = map[string]string{
	"write /":                  "read-only file system",
	"change program":           "read-only file system",
	"write to /proc/sys":       "no such file or directory",
	"trigger sysrq":            "no such file or directory",
	"read kernel memory":       "no such file or directory",
	"write to its cgroup":      "no such file or directory",
	"mount a cgroup":           "operation not permitted",
	"remount /":                "operation not permitted",
	"mount":                    "operation not permitted",
	"unshare mounts":           "operation not permitted",
	"chroot":                   "operation not permitted",
	"set hostname":             "operation not permitted",
	"make a device":            "operation not permitted",
	"see the host":             "no such process",
	"raw socket":               "operation not permitted",
	"reboot":                   "operation not permitted",
	"load a module":            "operation not permitted",
	"read the kernel's log":    "operation not permitted",
	"set the clock":            "operation not permitted",
	"raise core size":          "operation not permitted",
	"reach the host's port":    "connection refused",
	"reach an abstract socket": "connection refused",
}

// notCalled is what the filter says.
var notCalled = map[string]string{
	"unmount":                "operation not permitted",
	"open a filesystem":      "operation not permitted",
	"unshare users":          "operation not permitted",
	"unshare files":          "operation not permitted",
	"clone users":            "operation not permitted",
	"clone3":                 "function not implemented",
	"setns":                  "operation not permitted",
	"make a pipe by mknod":   "operation not permitted",
	"trace":                  "operation not permitted",
	"read another's memory":  "operation not permitted",
	"write another's memory": "operation not permitted",
	"get another's file":     "operation not permitted",
	"compare":                "operation not permitted",
	"add a key":              "operation not permitted",
	"request a key":          "operation not permitted",
	"use keys":               "operation not permitted",
	"load BPF":               "operation not permitted",
	"perf":                   "operation not permitted",
	"userfaultfd":            "operation not permitted",
	"io_uring":               "operation not permitted",
	"personality":            "operation not permitted",
	"other sockets":          "operation not permitted",
	"kexec":                  "operation not permitted",
	"open by handle":         "operation not permitted",
}

// What a function sees of the world, all of it.
func TestWorld(t *testing.T) {
	eachWay(t, defaultMemBytes, defaultPids, testWorld)
}

func testWorld(t *testing.T, n *native, w way) {
	got := look(t, n)
	root := []string{"dev", "function", "proc", "run", "tmp"}
	libraries, err := librariesOf(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries { // this test may be linked with the C library, or not
		if top := strings.Split(l.inside, "/")[1]; !slices.Contains(root, top) {
			root = append(root, top)
		}
	}
	slices.Sort(root)
	delete(got.Status, "Seccomp_filters") // how many there are; newer kernels say it
	want := world{
		Pid: 1, Parent: 0, Session: 1,
		Hostname:    "sandbox-1",
		WorkDir:     "/",
		Interfaces:  map[string]bool{"lo": true},
		Root:        root,
		Dev:         []string{"fd", "full", "null", "random", "stderr", "stdin", "stdout", "tty", "urandom", "zero"},
		SecureBits:  secureBits,
		NoNewPrivs:  1,
		Seccomp:     2, // a filter
		ReadOnly:    true,
		Descriptors: []int{0, 1, 2},
		Status:      map[string]string{},
		Limits:      map[string]syscall.Rlimit{"core": {}, "files": got.Limits["files"], "file size": got.Limits["file size"]},
		Keyring:     -1,
		Refused:     refused,
		Filtered:    notCalled,
	}
	if !w.stub && n.groups.v2 {
		want.Filtered = maps.Clone(notCalled)
		want.Filtered["clone3"] = "invalid argument" // by the kernel
	}
	if w.stub {
		want.User, want.Group = functionID, functionID
		want.Proc = []string{"1", "self", "thread-self"} // itself alone
		none := "0000000000000000"
		want.Status = map[string]string{"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
			"Seccomp": "2", "NoNewPrivs": "1", "NSpid": "1"}
		want.Limits["files"] = syscall.Rlimit{Cur: 1024, Max: 1024}
		want.Limits["file size"] = syscall.Rlimit{Cur: tmpBytes, Max: tmpBytes}
	}
	if w.userns && os.Geteuid() != 0 {
		want.Groups = got.Groups // only root may leave one
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the world inside (-want +got):\n%s", diff)
	}
	// /tmp is another one for the next call.
	if next := look(t, n); next.Hostname != "sandbox-2" || next.Tmp != "" {
		t.Errorf("second call: hostname %q, /tmp %q", next.Hostname, next.Tmp)
	}
}

// The host has none of the sandboxes' mounts, before or after.
func TestNothingMountedOutside(t *testing.T) {
	before := mounts(t)
	n := newTestNative(t, self)
	look(t, n)
	if diff := cmp.Diff(before, mounts(t)); diff != "" {
		t.Errorf("mounts of the host (-before +after):\n%s", diff)
	}
}

func mounts(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A function that can't be executed leaves nothing behind.
func TestExecFails(t *testing.T) {
	program := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(program, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	n := newTestNative(t, program)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for range 3 {
		_, _, err = n.start(&function{args: []string{"text"}, files: [3]uintptr{null.Fd(), null.Fd(), null.Fd()}})
		if err == nil || !strings.Contains(err.Error(), syscall.ENOEXEC.Error()) {
			t.Fatalf("started a text file: %v", err)
		}
	}
	requireNoGroups(t, n)
}

func TestNoProgram(t *testing.T) {
	requireSandboxes(t)
	_, err := newNative("/no/such/program", "", nil)
	if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("error %v doesn't name the program", err)
	}
}

// folders are the names of the folders in dir.
func folders(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}
