//go:build linux

package container

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"forklore/runtimes/role"
)

// What the host has, and a child would inherit, stays with it: a session
// keyring, groups, inheritable capabilities (CVE-2022-24769), descriptors that
// someone opened without O_CLOEXEC.
func TestNothingIsInherited(t *testing.T) {
	requireStub(t)
	requireRoot(t)
	for _, w := range ways() {
		if !w.stub {
			continue // a thread of its own has none of it
		}
		t.Run(w.name, func(t *testing.T) {
			runtime.LockOSThread() // and not unlocked: the thread is spoilt, and ends with the test
			n := newNativeOf(t, w, self, defaultMemBytes, defaultPids)
			n.filter = openFilter(t)
			ring, _, errno := syscall.RawSyscall(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
			if errno != 0 {
				t.Log("no keyring to inherit: ", errno)
			}
			groups := []uint32{1, 2, 3}
			if _, _, errno := syscall.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
				t.Fatal(errno)
			}
			caps, err := capget()
			if err != nil {
				t.Fatal(err)
			}
			caps.Inheritable = caps.Permitted
			if err := capset(caps); err != nil {
				t.Fatal(err)
			}
			fd, err := syscall.Dup(int(os.Stderr.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Close(fd)

			got := look(t, n, role.Prefix+"UNFILTERED=1")
			if errno == 0 && got.Keyring == int32(ring) {
				t.Errorf("it has the host's session keyring, %d", ring)
			}
			if len(got.Groups) > 0 {
				t.Errorf("it is in the groups %v", got.Groups)
			}
			if got.Caps != (capSets{}) {
				t.Errorf("its capabilities: %+v", got.Caps)
			}
			if len(got.Descriptors) != 3 {
				t.Errorf("it has the descriptors %v", got.Descriptors)
			}
		})
	}
}
