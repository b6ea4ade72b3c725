package runtimes

import (
	"os"
	"syscall"

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

// memTotal is the machine's memory, 0 if it can't be told.
func memTotal() int64 {
	var si syscall.Sysinfo_t
	if syscall.Sysinfo(&si) != nil {
		return 0
	}
	return int64(uint64(si.Totalram) * uint64(si.Unit))
}
