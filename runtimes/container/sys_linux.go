package container

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Files of cgroup and proc take a value by a single write; os.WriteFile would
// do five system calls where three do, for each limit of each call.
func writeFile(path, text string) error {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	for {
		if _, err = syscall.Write(fd, []byte(text)); err != syscall.EINTR {
			return err
		}
	}
}

// readFile reads as much as fits into buf: all of a small file.
func readFile(path string, buf []byte) (string, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer syscall.Close(fd)
	for {
		n, err := syscall.Read(fd, buf)
		if err != syscall.EINTR {
			return string(buf[:max(n, 0)]), err
		}
	}
}

// What package syscall has no names or functions for.

// Numbers from 424 on are the same on every architecture
// (include/uapi/asm-generic/unistd.h).
const (
	sysOpenTree   = 428
	sysMoveMount  = 429
	sysCloseRange = 436

	openTreeClone   = 1
	moveFromEmpty   = 0x4 // MOVE_MOUNT_F_EMPTY_PATH
	closeRangeExec  = 0x4 // CLOSE_RANGE_CLOEXEC
	oPath           = 0x200000
	prSetSecurebits = 28
	prCapbsetRead   = 23
	prCapbsetDrop   = 24
	prSetNoNewPrivs = 38
	prCapAmbient    = 47
)

// atFDCWD stands for the working directory; a variable, since the constant
// doesn't fit into a uintptr.
var atFDCWD = -0x64

// openTree is open_tree(2): a new mount of the file, attached nowhere. Linux 5.2.
func openTree(path string) (fd int, err error) { return openTreeOf(path, false) }

// openTreeOf may take what is mounted below as well.
func openTreeOf(path string, all bool) (fd int, err error) {
	flags := uintptr(openTreeClone | syscall.O_CLOEXEC)
	if all {
		flags |= unix.AT_RECURSIVE
	}
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	r, _, errno := syscall.Syscall(sysOpenTree, uintptr(atFDCWD), uintptr(unsafe.Pointer(p)), flags)
	return int(r), errnoError(errno)
}

// moveMount is move_mount(2): it attaches what openTree has made.
func moveMount(fd int, target string) error {
	p, err := syscall.BytePtrFromString(target)
	if err != nil {
		return err
	}
	var empty byte
	_, _, errno := syscall.Syscall6(sysMoveMount, uintptr(fd), uintptr(unsafe.Pointer(&empty)),
		uintptr(atFDCWD), uintptr(unsafe.Pointer(p)), moveFromEmpty, 0)
	return errnoError(errno)
}

// closeOnExec keeps every descriptor from first on from what is executed from
// here (close_range(2), Linux 5.11).
func closeOnExec(first uintptr) error {
	_, _, errno := syscall.Syscall(sysCloseRange, first, uintptr(^uint32(0)), closeRangeExec)
	return errnoError(errno)
}

func prctl(option, arg uintptr) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, option, arg, 0, 0, 0, 0)
	return errnoError(errno)
}

const (
	sysSetns = unix.SYS_SETNS
	sysExit  = unix.SYS_EXIT
)

func setns(fd, kind int) error {
	_, _, errno := syscall.Syscall(sysSetns, uintptr(fd), uintptr(kind), 0)
	return errnoError(errno)
}

// openThread is a descriptor of the calling thread, or of the whole process
// where the kernel has none for threads (before Linux 6.9): poll(2) says when
// it has ended. The thread is what a child's parent is; a process that is
// being killed may be there for a moment after the thread was, and then the
// child would be left alone.
func openThread() (fd int, err error) {
	if !noThreadFD.Load() {
		if fd, err = unix.PidfdOpen(unix.Gettid(), unix.PIDFD_THREAD); err == nil {
			return fd, nil
		}
		noThreadFD.Store(true)
	}
	return unix.PidfdOpen(unix.Getpid(), 0)
}

var noThreadFD atomic.Bool

// wait waits for a child that failed to become a function. The host's sweep
// may have been there first.
func wait(pid int) {
	for {
		if _, err := syscall.Wait4(pid, nil, unix.WALL, nil); err != syscall.EINTR {
			return
		}
	}
}

// errnoError: an Errno of 0 in an error would not be nil.
func errnoError(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
