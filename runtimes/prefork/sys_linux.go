package prefork

import (
	"syscall"
	"unsafe"
)

// executable is this binary, even if its file has been deleted or replaced
// since the start.
func executable() string { return "/proc/self/exe" }

// attributes: the kernel kills the worker when the thread that forked it ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// poke interrupts a worker's wait. Go's runtime has a handler for SIGURG in
// every program, for preemption, and takes one that comes from elsewhere for
// what it may be, a socket's urgent data, and does nothing.
const poke = syscall.SIGURG

// heedPoke makes that signal end a system call with EINTR, as siginterrupt(3)
// does in C: Go's handlers ask the kernel to start it again (SA_RESTART).
func heedPoke() {
	const saRestart = 0x10000000
	var action struct{ handler, flags, restorer, mask uint64 } // the kernel's, on amd64 and arm64
	size := unsafe.Sizeof(action.mask)
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(poke), 0, uintptr(unsafe.Pointer(&action)), size, 0, 0)
	action.flags &^= saRestart
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(poke), uintptr(unsafe.Pointer(&action)), 0, size, 0, 0)
}

// subreaper makes this process the parent of its orphaned descendants
// (PR_SET_CHILD_SUBREAPER): they don't escape the lab to pid 1.
func subreaper() {
	const prSetChildSubreaper = 36
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
}

// childEnded waits until a child has ended, without reaping it. false: there
// is none to wait for. Package syscall lacks waitid(2).
func childEnded() bool {
	const pAll = 0
	var siginfo [128]byte
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pAll, 0, uintptr(unsafe.Pointer(&siginfo)),
			syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			return errno == 0
		}
	}
}

// backlogUsed is how many connections wait to be accepted: of a listening
// socket, tcpi_unacked is the length of its accept queue (tcp_get_info in the
// kernel's net/ipv4/tcp.c).
func backlogUsed(listener int) uint64 {
	const tcpInfo, unackedAt = 11, 24 // TCP_INFO; struct tcp_info in linux/tcp.h
	var info [104]byte
	size := uint32(len(info))
	_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(listener), syscall.IPPROTO_TCP, tcpInfo,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 || size < unackedAt+4 {
		return 0
	}
	return uint64(*(*uint32)(unsafe.Pointer(&info[unackedAt])))
}

// accept is accept4(2) on a socket that may wait. syscall.Accept4 does the
// same, and allocates the client's address.
func accept(listener int) (conn int, port uint16, errno syscall.Errno) {
	var sa syscall.RawSockaddrInet4
	size := uint32(syscall.SizeofSockaddrInet4)
	r, _, errno := syscall.Syscall6(syscall.SYS_ACCEPT4, uintptr(listener), uintptr(unsafe.Pointer(&sa)),
		uintptr(unsafe.Pointer(&size)), syscall.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, 0, errno
	}
	p := (*[2]byte)(unsafe.Pointer(&sa.Port)) // in network order
	return int(r), uint16(p[0])<<8 | uint16(p[1]), 0
}

// read and write are read(2) and write(2), without telling Go's scheduler. To
// it this process looks busy until they return, which is right: there is no
// goroutine that could have a turn. If it's told, as syscall.Read does, then
// its monitor thread takes the processor away from a call that blocks for 20
// us, hands it to another thread, and the call has to win it back: two futex
// calls and a context switch or two for each request.
//
// The price is that the monitor looks after the busy process a hundred times a
// second. So accept, where an idle worker waits, does tell.
func read(fd int, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.SYS_READ, fd, b)
}

func write(fd int, b []byte) (n int, errno syscall.Errno) {
	return transfer(syscall.SYS_WRITE, fd, b)
}

func transfer(call uintptr, fd int, b []byte) (n int, errno syscall.Errno) {
	r, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}
