//go:build !linux

package app

import "syscall"

// segv sends the signal only: Go's runtime, which can't be asked here to let go
// of it, prints a trace and ends the process.
func segv() {
	syscall.Kill(syscall.Getpid(), syscall.SIGSEGV)
	select {}
}

func dupCloseOnExec(fd int) (copied int32, err error) {
	n, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(n)
	}
	return int32(n), err
}
