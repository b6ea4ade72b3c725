package container

import (
	"fmt"
	"log/slog"
	"strings"
	"syscall"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// openNative prepares the native engine with this host's settings, and tries
// it: a sandbox is made, up to the exec, and given back. What is missing is
// known before the first request then.
func openNative() (*native, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	if err := isolateProcess(); err != nil {
		return nil, err
	}
	setting, userns := role.Env("CGROUP"), wantUserNS()
	if setting == "" {
		if syscall.Geteuid() == 0 {
			return nil, &Unavailable{Reason: "each call needs a cgroup, and there are none to be had", Remedy: "mount cgroups read-write" + wslHint(readProc)}
		}
		setting = "none" // nobody's to give; the user's own limits hold
	}
	g, missing, err := newGroups(setting,
		role.Int("CALL_MEM_BYTES", defaultMemBytes), role.Int("CALL_PIDS", defaultPids))
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		slog.Warn("container: calls have no limit of their own", "on", strings.Join(missing, ", "))
	}
	n, err := newNativeIn(userns, guest(), role.Env("BACKEND"), g)
	if err != nil {
		return nil, err
	}
	err = n.try()
	if err != nil && n.user >= 0 && n.proc {
		// A /proc that is partly hidden, as Docker's is, may not be mounted anew by
		// who might see more of it then (mount_too_revealing).
		n.proc = false
		if n.try() == nil {
			slog.Warn("container: functions have no /proc", "err", err)
			err = nil
		}
	}
	if err != nil {
		n.close()
		if n.user >= 0 {
			err = explainUserNS(err, readProc)
		}
		return nil, err
	}
	return n, nil
}

// remark says what a call has to do without, for the screen.
func (n *native) remark() string {
	if n.groups == nil {
		return "no cgroup: no limits of its own"
	}
	return ""
}

// isolateProcess sets what every call inherits from the host: no descriptor of
// its, or of who started it, and no core files.
func isolateProcess() error {
	if err := closeOnExec(3); err != nil {
		return fmt.Errorf("close_range: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	return nil
}

// try makes a sandbox that nothing runs in.
func (n *native) try() error {
	s := &sandbox{native: n}
	var err error
	if s.group, err = n.groups.make(0); err != nil {
		return err
	}
	if n.stub {
		err = s.tryStub()
	} else {
		done := make(chan error, 1)
		onOwnThread(func() { done <- s.enter() })
		err = <-done
	}
	if rmErr := s.group.remove(); err == nil {
		err = rmErr
	}
	return err
}

// Start is cgi.Config's: the program in a sandbox of its own. Of the program's
// path and folder nothing is used: both are the sandbox's own.
func (n *native) Start(p *cgi.Program) (cgi.Process, error) {
	pid, s, err := n.start(newFunction(p))
	if err != nil {
		return cgi.Process{}, err
	}
	return cgi.Process{Pid: pid, Destroy: s.destroy}, nil
}

func newFunction(p *cgi.Program) *function {
	return &function{args: p.Args, env: inside(p.Env), files: [3]uintptr{p.Stdin, p.Stdout, p.Stderr}}
}

// inside is the environment as it's true in the sandbox.
func inside(env []string) []string {
	const name = role.Prefix + "BACKEND="
	moved := make([]string, 0, len(env))
	for _, kv := range env {
		if strings.HasPrefix(kv, name) && kv != name {
			kv = name + backendPath
		}
		moved = append(moved, kv)
	}
	return moved
}

// wslHint: WSL 2 has groups in a form that can be used once systemd runs there.
func wslHint(read func(string) string) string {
	if strings.Contains(read("/proc/sys/kernel/osrelease"), "WSL2") {
		return "; in WSL 2, with systemd=true below [boot] in /etc/wsl.conf"
	}
	return ""
}
