package app

import (
	"syscall"
	"unsafe"
)

// segv is the fault step Segv: what a C extension does. Go's runtime makes a
// panic, and exit status 2, of the signal; so its handler goes first. It is a
// fault of the memory and not a signal sent by kill(2), since the first process
// of a pid namespace takes none of those for which it has no handler
// (pid_namespaces(7)).
func segv() {
	var byDefault struct{ handler, flags, restorer, mask uint64 } // the kernel's, on amd64 and arm64
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGSEGV), uintptr(unsafe.Pointer(&byDefault)), 0,
		unsafe.Sizeof(byDefault.mask), 0, 0)
	*nowhere = 1
}

var nowhere *byte

func dupCloseOnExec(fd int) (copied int32, err error) {
	r, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return 0, errno
	}
	return int32(r), nil
}
