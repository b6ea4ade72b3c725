//go:build darwin || freebsd

package eventloop

import "syscall"

func readFD(fd int32, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Read(int(fd), b)
		if err != syscall.EINTR {
			return n, number(err)
		}
	}
}

func writeFD(fd int32, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Write(int(fd), b)
		if err != syscall.EINTR {
			return n, number(err)
		}
	}
}

func acceptFD(listener int) (fd int, port uint16, errno syscall.Errno) {
	fd, sa, err := syscall.Accept(listener)
	if err != nil {
		return -1, 0, number(err)
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return -1, 0, number(err)
	}
	if in, ok := sa.(*syscall.SockaddrInet4); ok {
		port = uint16(in.Port)
	}
	return fd, port, 0
}

func closeFD(fd int) { syscall.Close(fd) }

func unixSocket() (int, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

func number(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	return syscall.EIO
}
