//go:build linux

package container

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
	want := world{
		Pid: 1, Parent: 0, Session: 1,
		Hostname:    "sandbox-1",
		WorkDir:     "/",
		Interfaces:  map[string]bool{"lo": true},
		Root:        root,
		Dev:         []string{"fd", "full", "null", "random", "stderr", "stdin", "stdout", "tty", "urandom", "zero"},
		SecureBits:  secureBits,
		NoNewPrivs:  1,
		Descriptors: []int{0, 1, 2},
		Refused: map[string]string{
			"write /":         "read-only file system",
			"change program":  "read-only file system",
			"remount /":       "operation not permitted",
			"mount":           "operation not permitted",
			"unshare":         "operation not permitted",
			"make a device":   "operation not permitted",
			"set hostname":    "operation not permitted",
			"see the host":    "no such process",
			"chroot":          "operation not permitted",
			"raise core size": "operation not permitted",
		},
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
