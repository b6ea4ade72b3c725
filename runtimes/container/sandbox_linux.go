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
	prepared
	groups *groups  // where the calls' cgroups are made, nil: none
	env    []string // what the sandbox adds to a function's environment
	filter *filter
	stub   bool // the child walks into the sandbox itself (child_linux.go), else a thread does (thread_linux.go)
	calls  atomic.Uint64
}

// prepared is a root filesystem that waits for calls, see root_linux.go.
type prepared struct {
	root int  // descriptor of the mount namespace that every call gets a copy of
	user int  // of the user namespace that owns it, -1: the host's
	proc bool // there is a place for a /proc of the call's own
}

func (p prepared) close() {
	syscall.Close(p.root)
	if p.user >= 0 {
		syscall.Close(p.user)
	}
}

// backendPath is the backend's socket inside the sandbox.
const backendPath = "/run/backend"

// newNative prepares the root filesystem: the program and the backend's socket
// ("" if there is none) are bound into it.
func newNative(program, backend string, g *groups) (*native, error) {
	return newNativeIn(false, program, backend, g)
}

// newNativeIn is newNative, in a user namespace if asked.
func newNativeIn(userns bool, program, backend string, g *groups) (*native, error) {
	binds, env, err := programBinds(program)
	if err != nil {
		return nil, err
	}
	if backend != "" {
		binds = append(binds, binding{file: backend, inside: backendPath, flags: syscall.MS_NOEXEC})
		// For the functions, which are another user; outside, the folder it is in
		// is the lab's alone.
		if syscall.Geteuid() == 0 {
			if err := syscall.Chmod(backend, 0o666); err != nil {
				return nil, fmt.Errorf("open the backend's socket to the sandboxes: chmod %s: %w", backend, err)
			}
		}
	}
	n := &native{groups: g, env: env, stub: haveStub}
	clone3 := absent
	if !haveStub && g != nil && g.v2 {
		clone3 = allow
	}
	if n.filter, err = newFilter(clone3); err != nil {
		return nil, err
	}
	if userns {
		n.prepared, err = prepareInUserNamespace(binds)
	} else {
		n.prepared, err = prepareRoot(binds)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (n *native) close() {
	n.prepared.close()
	n.groups.close()
}

// sandbox is the world of one call.
type sandbox struct {
	*native
	id    uint64
	group group
	over  chan struct{} // of a thread's sandbox: closed when the call is over, and the thread may end

	// Open while the sandbox starts:
	host  int   // the thread that forks, as a pidfd
	doors []int // v1: the files tasks of the call's groups
}

// function is what runs in it, as pid 1.
type function struct {
	args, env []string
	files     [3]uintptr
}

// start makes a sandbox and starts the function in it. It returns when the
// function's program has been executed, or the error that kept it from that.
func (n *native) start(f *function) (pid int, s *sandbox, err error) {
	if s, err = n.newSandbox(); err != nil {
		return 0, nil, err
	}
	if n.stub {
		pid, err = s.startStub(f)
	} else {
		pid, err = s.startThread(f)
	}
	if err != nil {
		s.group.remove()
		return 0, nil, err
	}
	return pid, s, nil
}

func (n *native) newSandbox() (s *sandbox, err error) {
	s = &sandbox{native: n, id: n.calls.Add(1)}
	s.group, err = n.groups.make(s.id)
	return s, err
}

// destroy ends the sandbox: its pid 1 has been waited for, so every process
// in it is gone (pid_namespaces(7)), the namespaces with the last of them, and
// the mounts with their namespace (mount_namespaces(7)).
// It returns how many processes the kernel's OOM killer took in it.
func (s *sandbox) destroy() (oomKills uint64, err error) {
	if s.over != nil {
		close(s.over)
	}
	oomKills = s.group.oomKills()
	return oomKills, s.group.remove()
}

// The six worlds of a sandbox (namespaces(7)).
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
	syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP

func (s *sandbox) hostname() string { return "sandbox-" + strconv.FormatUint(s.id, 10) }

// open opens what the child needs of the host, and keeps the caller on its
// thread, whose child it will be.
func (s *sandbox) open() (err error) {
	runtime.LockOSThread()
	if s.host, err = openThread(); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("pidfd_open: %w", err)
	}
	if s.doors, err = s.group.openDoors(); err != nil {
		s.shut()
	}
	return err
}

func (s *sandbox) shut() {
	syscall.Close(s.host)
	for _, fd := range s.doors {
		syscall.Close(fd)
	}
	runtime.UnlockOSThread()
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
