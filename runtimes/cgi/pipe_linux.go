package cgi

import "syscall"

// pipe is closed on exec, and blocks: its other end is a script's.
func pipe() (r, w int, err error) {
	var p [2]int
	err = syscall.Pipe2(p[:], syscall.O_CLOEXEC)
	return p[0], p[1], err
}
