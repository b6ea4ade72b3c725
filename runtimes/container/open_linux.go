package container

import (
	"fmt"
	"strings"
	"syscall"

	"forklore/runtimes/role"
)

// openNative prepares the native engine with this host's settings, and tries
// it: a sandbox is made, up to the exec, and given back. What is missing is
// known before the first request then.
func openNative() (*native, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	// What this process was started with, or holds, isn't a call's.
	if err := closeOnExec(3); err != nil {
		return nil, fmt.Errorf("close_range: %w", err)
	}
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // calls inherit it

	g, missing, err := newGroups(role.Env("CGROUP"),
		role.Int("CALL_MEM_BYTES", defaultMemBytes), role.Int("CALL_PIDS", defaultPids))
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		role.Tell("say sandboxes have no limit of their own on " + strings.Join(missing, ", "))
	}
	n, err := newNative("/proc/self/exe", role.Env("BACKEND"), g)
	if err != nil {
		return nil, err
	}
	if err := n.try(); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// try makes a sandbox that nothing runs in.
func (n *native) try() error {
	s := &sandbox{native: n}
	var err error
	if s.group, err = n.groups.make(0); err != nil {
		return err
	}
	done := make(chan error, 1)
	onOwnThread(func() { done <- s.enter() })
	err = <-done
	if rmErr := s.group.remove(); err == nil {
		err = rmErr
	}
	return err
}
