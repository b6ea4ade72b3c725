package cage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// launchStopped is the way into a v2 group where clone can't do it: the child
// asks to be traced, so the kernel stops it when its new program is loaded and
// before the first instruction (ptrace(2), PTRACE_TRACEME). It is moved into
// the group and let go.
func launchStopped(host string, fork func(*syscall.SysProcAttr) error) error {
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	pidfd := -1
	if err := fork(&syscall.SysProcAttr{Ptrace: true, PidFD: &pidfd}); err != nil {
		return err
	}
	if pidfd < 0 {
		return errors.New("this kernel has neither CLONE_INTO_CGROUP nor CLONE_PIDFD (Linux 5.2): the child runs outside of its cage")
	}
	defer unix.Close(pidfd)
	pid, err := pidOf(pidfd)
	if err != nil {
		unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		return fmt.Errorf("find the child that was just forked: %w", err)
	}
	var status syscall.WaitStatus
	if _, err := wait4(pid, &status); err != nil || !status.Stopped() {
		return fmt.Errorf("wait for the child %d to stop before its program: %v (%#x)", pid, err, status)
	}
	err = writeFile(filepath.Join(host, "cgroup.procs"), strconv.Itoa(pid))
	if err == nil {
		err = syscall.PtraceDetach(pid)
	}
	if err != nil {
		unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		wait4(pid, &status) // nobody else knows of it
		return fmt.Errorf("move the child %d into the cage: %w", pid, err)
	}
	return nil
}

func wait4(pid int, status *syscall.WaitStatus) (int, error) {
	for {
		got, err := syscall.Wait4(pid, status, syscall.WUNTRACED, nil)
		if err != syscall.EINTR {
			return got, err
		}
	}
}

// pidOf asks which process a pid descriptor is for (pidfd_open(2)).
func pidOf(pidfd int) (int, error) {
	b, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("Pid:")); ok {
			return strconv.Atoi(string(bytes.TrimSpace(rest)))
		}
	}
	return 0, errors.New("no Pid in fdinfo")
}
