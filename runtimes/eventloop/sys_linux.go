package eventloop

import (
	"syscall"
	"unsafe"
)

// The calls below never wait, as every descriptor is non-blocking, so they are
// raw: package syscall's own tell Go's scheduler that the thread may be away
// for long, twice for each call.

func readFD(fd int32, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// writeFD is send(2) without the signal that a closed connection would raise.
func writeFD(fd int32, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			syscall.MSG_NOSIGNAL, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

// acceptFD is accept4(2). syscall.Accept4 does the same, and allocates the
// client's address.
func acceptFD(listener int) (fd int, port uint16, errno syscall.Errno) {
	var sa syscall.RawSockaddrInet4
	size := uint32(syscall.SizeofSockaddrInet4)
	r, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(listener), uintptr(unsafe.Pointer(&sa)),
		uintptr(unsafe.Pointer(&size)), syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0, 0)
	if errno != 0 {
		return -1, 0, errno
	}
	p := (*[2]byte)(unsafe.Pointer(&sa.Port)) // in network order
	return int(r), uint16(p[0])<<8 | uint16(p[1]), 0
}

func closeFD(fd int) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }

func unixSocket() (int, error) {
	return syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
}
