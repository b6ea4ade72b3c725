package cgi

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// waitAll makes wait4 see children however they were cloned (wait(2), __WALL).
const waitAll = 0x40000000

const prSetChildSubreaper = 36 // prctl(2)

// becomeSubreaper makes orphans of our calls our children, so that none gets
// lost (PR_SET_CHILD_SUBREAPER).
func becomeSubreaper() {
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
}

// killWithHost: the kernel kills the call when the thread that forked it ends,
// which is when the host ends (prctl(2), PR_SET_PDEATHSIG).
func killWithHost(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// self is this binary, even if its file has been deleted since.
func self() (string, error) { return "/proc/self/exe", nil }

// killOrphans kills every child of this process, whatever group or session it
// made for itself. Theirs come to us then, and are next (proc_pid_task(5)).
func killOrphans() {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, l := range lists {
		b, _ := os.ReadFile(l)
		for _, f := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(f); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}
