package app

import (
	"syscall"

	"forklore/runtimes/role"
)

// hogChunk is mapped and touched at a time: a mapping of all of it at once the
// kernel might refuse by a look at the number (overcommit_memory,
// proc_sys_vm(5)), and nobody would be short of memory.
const hogChunk = 8 << 20

// hog is the fault step Hog. Where nothing limits this process but the machine,
// the lab sets a limit (HOG_BYTES), and hog stops there.
func hog(bytes int64) (touched int64) {
	bytes = min(bytes, role.Int("HOG_BYTES", bytes))
	for touched < bytes {
		n := min(hogChunk, bytes-touched)
		if Touch(n) == nil {
			break
		}
		touched += n
	}
	return touched
}

// FDLimit is how many descriptors this process may have (getrlimit(2)).
func FDLimit() int64 {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) != nil {
		return 0
	}
	return int64(min(lim.Cur, maxFDs))
}

// maxFDs bounds a leak where the system has no limit, or one of a million: each
// descriptor takes eight bytes of the kernel's table.
const maxFDs = 1 << 16

// usualFDs is what a server's processes have nearly everywhere: the soft limit
// of login.defs and systemd, and Lambda's for a function.
const usualFDs = 1024

// LimitFDs gives the process the usual limit, where it would have more, so that
// a leak means the same on every machine.
func LimitFDs() {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) == nil && lim.Cur > usualFDs {
		lim.Cur = usualFDs
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
	}
}

// leaked are the first and the last of each run of leaked descriptors: the
// kernel gives the lowest that is free (dup(2)), so there are few runs.
var leaked [256][2]int32
var nLeaked int

// leakFDs is the fault step FDLeak: copies of descriptor 0, whatever that is,
// until there are as many as asked for, or no more (EMFILE).
func leakFDs(percent int64) (opened int64) {
	for want := FDLimit() * percent / 100; opened < want; opened++ {
		fd, err := dupCloseOnExec(0)
		if err != nil {
			break
		}
		switch {
		case nLeaked > 0 && fd == leaked[nLeaked-1][1]+1:
			leaked[nLeaked-1][1] = fd
		case nLeaked < len(leaked):
			leaked[nLeaked] = [2]int32{fd, fd}
			nLeaked++
		}
	}
	return opened
}

// CloseLeaked undoes FDLeak in a process that can't be replaced without an
// outage. No program can do that to a leak of its own.
func CloseLeaked() {
	for _, run := range leaked[:nLeaked] {
		for fd := run[0]; fd <= run[1]; fd++ {
			syscall.Close(int(fd))
		}
	}
	nLeaked = 0
}
