package container

import (
	"fmt"
	"strconv"
	"syscall"
)

// The way without a stub: a thread of the host walks into the sandbox, and
// forks and executes the function by syscall.ForkExec. It is for architectures
// that have no stub, and takes any that Go runs on. What it lacks:
//
//   - /proc: that can be mounted by the first child of the pid namespace only,
//     and what the child does is ForkExec's.
//   - on v2, a cgroup namespace. The root of one is its maker's group; the
//     thread is in the host's, and for the child the filter is installed.
//   - on v2, a filter that hides clone3(2): ForkExec gets into the call's cgroup
//     by it, from behind the filter. A function may make a user namespace then,
//     in which it still can't mount, unshare or enter anything.
//   - a user namespace: a process with threads can't enter one.
//   - certainty that the function dies with the host. One that is killed
//     between the fork and the child's prctl(2) can't be noticed by the child:
//     the parent of pid 1 is 0 in any case, and pid 1 can't kill itself, which
//     is what Go's fork would do (pid_namespaces(7)). What gets through is in
//     the call's cgroup, where the lab finds it when it notices the host's
//     death, or at its next start.
//   - a user of its own: only a whole process may change that in Go. It is
//     root, then, with empty capabilities.
//   - rlimits of its own, but for what ForkExec and the host have.
//
// It costs a thread for each call, and 200 us or so more.

// startThread starts the function, by a thread that ends with the call.
func (s *sandbox) startThread(f *function) (pid int, err error) {
	s.over = make(chan struct{})
	started := make(chan error, 1)
	onOwnThread(func() {
		err := s.enter()
		if err == nil {
			pid, err = s.exec(f)
		}
		started <- err
		if err == nil {
			s.group.leave()
			<-s.over // Pdeathsig: this thread must outlive what it has forked (golang/go#27505)
		}
	})
	if err := <-started; err != nil {
		return 0, err
	}
	sacrifice(pid)
	return pid, nil
}

// enter takes the calling thread, step by step, into a new sandbox. There is
// no way back, so the thread must be the sandbox's own.
//
// Each step is one or a few system calls, which Linux applies to the calling
// thread alone: that is what makes this possible in Go, without a second
// program that prepares the sandbox and executes the first.
func (s *sandbox) enter() error {
	for _, step := range [...]struct {
		name string
		do   func() error
	}{
		// Before everything else, so that what follows is accounted to the call.
		// It also makes the call's groups the roots of its cgroup namespace.
		{"join the call's cgroups", s.group.join},
		// setns(2): a thread that shares its root and working directory with
		// others can't enter a mount namespace.
		{"get a root directory of its own", func() error { return syscall.Unshare(syscall.CLONE_FS) }},
		// The mount namespace that was prepared once. Its only root is the
		// sandbox's: the host's was unmounted there after pivot_root.
		{"enter the prepared mount namespace", func() error { return setns(s.root, syscall.CLONE_NEWNS) }},
		// From here on the mounts are the call's own copy of it.
		{"make the namespaces", func() error { return syscall.Unshare(namespaces &^ s.group.outside()) }},
		{"mount /tmp", mountTmp},
		{"bring lo up", loopbackUp},
		{"set the hostname", func() error { return syscall.Sethostname([]byte(s.hostname())) }},
		{"join a session keyring", joinKeyring},
		// Last, since every step above needs one of them.
		{"drop the capabilities", dropCapabilities},
		{"forbid new privileges", forbidNewPrivileges},
		{"install the filter of system calls", s.filter.install},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// exec forks and executes the function: the only exec of the call, which is
// what a start costs most by far. The fork is a vfork, since none of the
// attributes needs a copy of the address space.
func (s *sandbox) exec(f *function) (pid int, err error) {
	attr := &syscall.SysProcAttr{
		Setsid:    true,
		Pdeathsig: syscall.SIGKILL, // whatever becomes of the host
	}
	s.group.born(attr)
	// The function's descriptors are these three; all others of the host are
	// closed on exec (closeOnExec), its working directory is inside the new root (CVE-2024-21626).
	pid, err = syscall.ForkExec(functionPath, f.args, &syscall.ProcAttr{Dir: "/", Env: append(f.env[:len(f.env):len(f.env)], s.env...), Files: f.files[:], Sys: attr})
	if err != nil {
		return 0, fmt.Errorf("execute %s: %w", functionPath, err)
	}
	return pid, nil
}

// sacrifice makes the function the OOM killer's first choice (role.Sacrifice
// does it for itself, but here there's no /proc to do it with).
// A function that has already ended needs none.
func sacrifice(pid int) {
	writeFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", "1000")
}
