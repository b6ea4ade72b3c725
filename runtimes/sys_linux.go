package runtimes

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

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

// cpuTime is the CPU time of all of a process's threads, 0 if it is gone. Its clock
// has a number that is made of the pid (clock_getcpuclockid(3)).
func cpuTime(pid int) time.Duration {
	const perProcess = 2 // CPUCLOCK_SCHED, of the whole thread group
	var ts unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|perProcess), &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
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

// killBelow kills a process that descends from another, if still holds true. A
// number is given to another process when its first is gone, so the
// process is held by a pidfd (pidfd_open(2)) before anyone looks who it is.
func killBelow(pid, ancestor int, still func() bool) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ENOSYS) { // Linux before 5.3
		if !still() || !below(pid, ancestor) {
			return errGone
		}
		return gone(unix.Kill(pid, unix.SIGKILL))
	}
	if err != nil {
		return gone(err)
	}
	defer unix.Close(fd)
	if !still() || !below(pid, ancestor) {
		return errGone
	}
	return gone(unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0))
}

func gone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return errGone
	}
	return err
}

// generations between a host and a call: crun is seen to stand between them for
// a moment.
const generations = 4

func below(pid, ancestor int) bool {
	for range generations {
		if pid = parentOf(pid); pid == ancestor {
			return pid != 0
		}
	}
	return false
}

// parentOf is field 4 of /proc/pid/stat, 0 if there is no such process.
func parentOf(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	text := string(b)
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // the name may hold anything
	if len(f) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(f[1])
	return n
}
