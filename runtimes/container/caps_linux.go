package container

import (
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// capabilities(7), capset(2).
const (
	ambientClearAll = 4

	capVersion3 = 0x20080522

	capNetAdmin  = 12
	capSetGID    = 6
	capSetUID    = 7
	capSetPCap   = 8
	capSysChroot = 18
	capSysAdmin  = 21
	capMknod     = 27

	// Root is nobody special, changing the uid gives nothing back, capabilities
	// aren't kept, ambient ones aren't raised; each with its lock.
	secureBits = 1<<0 | 1<<1 | // NOROOT
		1<<2 | 1<<3 | // NO_SETUID_FIXUP
		1<<5 | // KEEP_CAPS_LOCKED
		1<<6 | 1<<7 // NO_CAP_AMBIENT_RAISE
)

// capabilities is how many the kernel knows.
var capabilities = sync.OnceValue(func() (n int) {
	for n < 64 && prctl(prCapbsetRead, uintptr(n)) == nil {
		n++
	}
	return n
})

// dropCapabilities empties all five sets of the calling thread.
//
// The order counts: the bounding set and the secure bits need CAP_SETPCAP.
func dropCapabilities() error {
	for c := range capabilities() {
		if err := prctl(prCapbsetDrop, uintptr(c)); err != nil {
			return err
		}
	}
	if err := prctl(prSetSecurebits, secureBits); err != nil {
		return err
	}
	if err := prctl(prCapAmbient, ambientClearAll); err != nil {
		return err
	}
	return capset(capSets{})
}

// forbidNewPrivileges: no exec, of a set-user-ID program say, gives any back
// (Documentation/userspace-api/no_new_privs.rst).
func forbidNewPrivileges() error { return prctl(prSetNoNewPrivs, 1) }

// joinKeyring gives the thread a session keyring of its own: keys that the lab
// was started with stay with it. A kernel without keys has none to protect.
func joinKeyring() error {
	_, _, errno := syscall.RawSyscall(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
	if errno == syscall.ENOSYS {
		return nil
	}
	return errnoError(errno)
}

type capSets struct{ Effective, Permitted, Inheritable uint64 }

type capHeader struct {
	version uint32
	pid     int32 // 0: the calling thread
}

// capData is the kernel's form: each set in two halves.
type capData [2]struct{ effective, permitted, inheritable uint32 }

func capset(s capSets) error {
	h := capHeader{version: capVersion3}
	var d capData
	for i, shift := range [...]uint{0, 32} {
		d[i].effective = uint32(s.Effective >> shift)
		d[i].permitted = uint32(s.Permitted >> shift)
		d[i].inheritable = uint32(s.Inheritable >> shift)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&h)), uintptr(unsafe.Pointer(&d)), 0)
	return errnoError(errno)
}

func capget() (s capSets, err error) {
	h := capHeader{version: capVersion3}
	var d capData
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&h)), uintptr(unsafe.Pointer(&d)), 0); errno != 0 {
		return s, errno
	}
	for i, shift := range [...]uint{0, 32} {
		s.Effective |= uint64(d[i].effective) << shift
		s.Permitted |= uint64(d[i].permitted) << shift
		s.Inheritable |= uint64(d[i].inheritable) << shift
	}
	return s, nil
}
