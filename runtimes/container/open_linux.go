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
	setting := role.Env("CGROUP")
	if setting == "" {
		return nil, &Unavailable{Reason: "each call needs a cgroup, and there are none to be had", Remedy: "mount cgroups read-write, or run as root"}
	}
	g, missing, err := newGroups(setting,
		role.Int("CALL_MEM_BYTES", defaultMemBytes), role.Int("CALL_PIDS", defaultPids))
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		slog.Warn("container: calls have no limit of their own", "on", strings.Join(missing, ", "))
	}
	n, err := newNative(guest(), role.Env("BACKEND"), g)
	if err != nil {
		return nil, err
	}
	if err := n.try(); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
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
	f := &function{args: p.Args, env: inside(p.Env), files: [3]uintptr{p.Stdin, p.Stdout, p.Stderr}}
	pid, s, err := n.start(f)
	if err != nil {
		return cgi.Process{}, err
	}
	return cgi.Process{Pid: pid, Destroy: s.destroy}, nil
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
