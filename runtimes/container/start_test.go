//go:build linux

package container

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/role"
)

// The main goroutine stays on the first thread, as in a host, whose role is
// played during initialisation: what is locked to a thread is then never there.
func init() { runtime.LockOSThread() }

// TestMain lends the tests what a host does at its start.
func TestMain(m *testing.M) {
	if err := isolateProcess(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// requireSandboxes skips where none can be made.
func requireSandboxes(t testing.TB) {
	t.Helper()
	if err := Available(); err != nil {
		t.Skip("no sandboxes here: ", err)
	}
}

// testGroups is the setting CGROUP with groups of this test, as the lab makes
// them for the runtime.
func testGroups(t testing.TB) string {
	t.Helper()
	const top = "/sys/fs/cgroup"
	if _, err := os.Stat(top + "/cgroup.controllers"); err == nil {
		writeFile(top+"/cgroup.subtree_control", "+memory +pids +cpu") // a service manager has done it already
		return "v2:" + testGroup(t, top)
	}
	setting := "v1:memory=" + testGroup(t, top+"/memory") + ";pids=" + testGroup(t, top+"/pids") + ";cpu=" + testGroup(t, top+"/cpu")
	if _, err := os.Stat(top + "/freezer"); err == nil {
		setting += ";freezer=" + testGroup(t, top+"/freezer")
	}
	return setting
}

// testGroup makes the runtime's group in one hierarchy, with the host's in it.
func testGroup(t testing.TB, top string) string {
	t.Helper()
	dir := filepath.Join(top, "forklore-container-test-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skip("needs cgroup controllers that it may write to: ", err)
	}
	if err := os.Mkdir(dir+"/host", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, d := range []string{dir + "/host", dir} {
			// The threads that were moved to host take a moment to end.
			if !eventually(func() bool { return os.Remove(d) == nil }) {
				t.Error("a cgroup is left: ", d)
			}
		}
	})
	return dir
}

// eventually waits for what the kernel does in its own time.
func eventually(ok func() bool) bool {
	for range 400 {
		if ok() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// newTestNative is the engine for a program (self: this test).
func newTestNative(t testing.TB, program string) *native {
	return newLimitedNative(t, program, defaultMemBytes, defaultPids)
}

func newLimitedNative(t testing.TB, program string, memBytes, pids int64) *native {
	t.Helper()
	return newNativeOf(t, way{stub: haveStub, userns: asRoot() != nil}, program, memBytes, pids)
}

// run is a whole call: start, wait, destroy.
func (n *native) run(f *function) (status syscall.WaitStatus, oomKills uint64, err error) {
	pid, s, err := n.start(f)
	if err != nil {
		return 0, 0, err
	}
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	oomKills, destroyErr := s.destroy()
	if err == nil {
		err = destroyErr
	}
	return status, oomKills, err
}

// "sandbox nothing" is the smallest role: what starting any costs.
func init() { role.Enter("sandbox nothing", func() {}) }

func BenchmarkStart(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	for name, program := range benchPrograms(b) {
		f := &function{args: []string{"function"}, env: []string{role.Prefix + "ROLE=" + CallRole, "GOMAXPROCS=1"},
			files: [3]uintptr{null.Fd(), null.Fd(), null.Fd()}}
		b.Run(name, func(b *testing.B) {
			n := newTestNative(b, program)
			var bare, boxed []int64
			for b.Loop() { // in turn: what disturbs one disturbs the other
				t0 := role.Nanotime()
				pid, err := syscall.ForkExec(program, f.args, &syscall.ProcAttr{Env: f.env, Files: f.files[:], Sys: &syscall.SysProcAttr{Setsid: true}})
				if err != nil {
					b.Fatal(err)
				}
				syscall.Wait4(pid, nil, 0, nil)
				t1 := role.Nanotime()
				if _, _, err := n.run(f); err != nil {
					b.Fatal(err)
				}
				bare, boxed = append(bare, t1-t0), append(boxed, role.Nanotime()-t1)
			}
			report(b, bare, boxed)
		})
	}
}
