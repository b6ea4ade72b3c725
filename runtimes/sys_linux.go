package runtimes

import (
	"fmt"
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

// lockPort takes the port's name among labs: two reservations don't exclude
// each other, and a port whose server is down would be taken for free. An
// abstract name goes with its socket, however the lab ends, and belongs to the
// network namespace, as the port does (unix(7), network_namespaces(7)).
func lockPort(number int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("@forklore-port-%d", number)}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "port lock"), nil
}
