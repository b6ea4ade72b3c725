package container

import (
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
)

// native makes a sandbox for each call out of the kernel's own parts. What is
// the same for every call is prepared once, here.
type native struct {
	root   int      // descriptor of the mount namespace that every call gets a copy of, see root_linux.go
	groups *groups  // where the calls' cgroups are made, nil: none
	env    []string // what the sandbox adds to a function's environment
	calls  atomic.Uint64
}

// The path of the program and of the backend's socket inside the sandbox.
const (
	functionPath = "/function"
	backendPath  = "/run/backend"
)

// newNative prepares the root filesystem: the program and the backend's socket
// ("" if there is none) are bound into it.
func newNative(program, backend string, g *groups) (*native, error) {
	binds := []binding{{file: program, inside: functionPath}}
	libraries, err := librariesOf(program)
	if err != nil {
		return nil, err
	}
	binds = append(binds, libraries...)
	if backend != "" {
		binds = append(binds, binding{file: backend, inside: backendPath, flags: syscall.MS_NOEXEC})
	}
	n := &native{groups: g}
	if len(libraries) > 0 {
		n.env = []string{"LD_LIBRARY_PATH=" + libraryPath}
	}
	if n.root, err = newRoot(binds); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *native) close() {
	syscall.Close(n.root)
	n.groups.close()
}

// sandbox is the world of one call.
type sandbox struct {
	*native
	id    uint64
	group group
	over  chan struct{} // closed when the call is over: the thread may end
}

// function is what runs in it, as pid 1.
type function struct {
	args, env []string
	files     [3]uintptr
}

// start makes a sandbox and starts the function in it. It returns when the
// function's program has been executed, or the error that kept it from that.
func (n *native) start(f *function) (pid int, s *sandbox, err error) {
	s = &sandbox{native: n, id: n.calls.Add(1), over: make(chan struct{})}
	if s.group, err = n.groups.make(s.id); err != nil {
		return 0, nil, err
	}
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
		close(s.over)
		s.group.remove()
		return 0, nil, err
	}
	sacrifice(pid)
	return pid, s, nil
}

// destroy ends the sandbox: its pid 1 has been waited for, so every process
// in it is gone (pid_namespaces(7)); the thread is the last that holds the
// namespaces, and the mounts go with their namespace (mount_namespaces(7)).
// It returns how many processes the kernel's OOM killer took in it.
func (s *sandbox) destroy() (oomKills uint64, err error) {
	close(s.over)
	oomKills = s.group.oomKills()
	return oomKills, s.group.remove()
}

// The six worlds of a sandbox (namespaces(7)). The pid namespace is for the
// children of the thread only; the first becomes pid 1 in it. The network
// namespace is the dearest of them, about 500 of 750 us on a small virtual machine.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
	syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP

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
		{"make the namespaces", func() error { return syscall.Unshare(namespaces &^ s.group.laterNamespaces()) }},
		{"mount /tmp", mountTmp},
		{"bring lo up", loopbackUp},
		{"set the hostname", func() error { return syscall.Sethostname([]byte(s.hostname())) }},
		// Last, since every step above needs one of them.
		{"drop the capabilities", func() error { return dropCapabilities(s.group.laterCapabilities()) }},
		{"forbid new privileges", forbidNewPrivileges},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func (s *sandbox) hostname() string { return "sandbox-" + strconv.FormatUint(s.id, 10) }

// exec forks and executes the function: the only exec of the call, which is
// what a start costs most by far. The fork is a vfork, since none of the
// attributes needs a copy of the address space.
//
// Pdeathsig has a hole here. A host that is killed between the fork and the
// child's prctl(2) can't be noticed by the child: the parent of pid 1 is 0 in
// any case, and pid 1 can't kill itself, which is what Go's fork would do
// (pid_namespaces(7)). What gets through is in the call's cgroup, where the
// lab finds it when it notices the host's death, or at its next start.
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

// onOwnThread runs f on an OS thread that ends with it, and doesn't wait.
// It is never the process's first thread: that one can't end before the
// process does, and is what the outside sees of the process (/proc/PID/ns).
func onOwnThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if syscall.Gettid() != syscall.Getpid() {
			f() // not unlocked: the end of the goroutine is the end of the thread
			return
		}
		occupied := make(chan struct{})
		onOwnThread(func() { close(occupied); f() }) // this thread is taken, so it gets another
		<-occupied
		runtime.UnlockOSThread()
	}()
}

// sacrifice makes the function the OOM killer's first choice (role.Sacrifice
// does it for itself, but in the sandbox there's no /proc to do it with).
// A function that has already ended needs none.
func sacrifice(pid int) {
	writeFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", "1000")
}
