//go:build !linux

package cgi

import "syscall"

func pipe() (r, w int, err error) {
	syscall.ForkLock.RLock() // between pipe and fcntl no call may be forked
	defer syscall.ForkLock.RUnlock()
	var p [2]int
	if err = syscall.Pipe(p[:]); err != nil {
		return 0, 0, err
	}
	syscall.CloseOnExec(p[0])
	syscall.CloseOnExec(p[1])
	return p[0], p[1], nil
}
