package runtimes

import (
	"os"

	"golang.org/x/sys/unix"
)

// anonymousFile is a file without a name for a board.
func anonymousFile(name string, size int) (*os.File, error) {
	fd, err := unix.MemfdCreate("forklore-"+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(int64(size)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
