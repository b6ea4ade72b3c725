package spawn

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// executable is this binary, even if its file has been deleted or replaced
// since, as `go run` does.
func executable() string { return "/proc/self/exe" }

func killWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// cleanDescriptors keeps what a shell left open (its descriptors 10 and 251
// were seen inside a sandbox) from reaching any role.
func cleanDescriptors() {
	unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
}

// yieldThread lowers the calling thread's priority: on Linux nice is a
// thread's (setpriority(2), C library/kernel differences).
func yieldThread(nice int) {
	syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), nice)
}

// StartTime is field 22 of /proc/pid/stat: with the pid it names a process for
// as long as the machine is up.
func StartTime(pid int) (uint64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The command name, in parentheses, may hold anything.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat: %d fields after the name, want 20", pid, len(f))
	}
	return strconv.ParseUint(string(f[19]), 10, 64)
}
