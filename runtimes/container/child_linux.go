package container

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the child of a call does on its way from the host to the function, in
// order. Each line is a system call; that none is missing is for the tests to
// say, each of which fails when its line is taken out.

// worlds are the namespaces that the child is born into. The mount namespace
// comes from the prepared root, the cgroup namespace when the child is in the
// call's group (cgroup_namespaces(7)). The network namespace is the dearest,
// about 500 of 750 us on a small virtual machine.
const worlds = namespaces &^ (syscall.CLONE_NEWNS | syscall.CLONE_NEWCGROUP)

// The function's user: nobody on the machine, and nobody's owner.
const functionID = 65534

// child writes the script of a call, up to what differs between a start and a
// sandbox that waits (park).
func (s *sandbox) child() (*script, *cloneArgs, error) {
	sc := &script{list: make([]step, 0, 96), names: make([]string, 0, 96)}
	args := &cloneArgs{}
	if s.group.groups != nil && s.group.v2 {
		args.flags, args.cgroup = cloneIntoCgroup, uint64(s.group.fd)
	}
	parentTID := uint64(sc.point(unsafe.Pointer(&sc.pid), sc))
	if s.user < 0 {
		args.flags |= worlds | syscall.CLONE_PARENT_SETTID
		args.parentTID = parentTID
		sc.lifeline(s.host)
	}

	// Before everything else, so that what follows is accounted to the call.
	for _, door := range s.doors {
		sc.add("join the call's cgroups", 0, unix.SYS_WRITE, uintptr(door), sc.text("0"), 1) // 0: who writes
	}
	// The host's /proc is in sight yet. A vfork child's value is its own.
	sc.add("open oom_score_adj", keep, unix.SYS_OPENAT, uintptr(atFDCWD), sc.text("/proc/self/oom_score_adj"), syscall.O_WRONLY|syscall.O_CLOEXEC)
	sc.add("be the OOM killer's first choice", useKept, unix.SYS_WRITE, 0, sc.text("1000"), 4)
	if s.user >= 0 {
		// The prepared root belongs to the user namespace. Who enters that can
		// make the others, but a pid namespace is for children only: so a
		// second vfork, of a brother (CLONE_PARENT), whom the host waits for.
		// They share the descriptors, so that what the one closes while the
		// other stands still is closed.
		sc.add("enter the user namespace", 0, sysSetns, uintptr(s.user), syscall.CLONE_NEWUSER)
		brother := &cloneArgs{flags: worlds | syscall.CLONE_VM | syscall.CLONE_VFORK | syscall.CLONE_PARENT | syscall.CLONE_FILES |
			syscall.CLONE_PARENT_SETTID | cloneClearSighand, parentTID: parentTID}
		sc.add("enter the prepared mount namespace", 0, sysSetns, uintptr(s.root), syscall.CLONE_NEWNS)
		sc.add("make the namespaces", leave, sysClone3, sc.point(unsafe.Pointer(brother), brother), unsafe.Sizeof(*brother))
		sc.lifeline(s.host)
	} else {
		sc.add("enter the prepared mount namespace", 0, sysSetns, uintptr(s.root), syscall.CLONE_NEWNS)
	}
	// From here on the mounts are the call's own copy.
	sc.add("copy the mounts", 0, unix.SYS_UNSHARE, syscall.CLONE_NEWNS|syscall.CLONE_NEWCGROUP)
	sc.add("mount /tmp", 0, unix.SYS_MOUNT, sc.text("tmpfs"), sc.text("/tmp"), sc.text("tmpfs"), syscall.MS_NOSUID|syscall.MS_NODEV, sc.text(tmpOptions))
	if s.proc {
		sc.add("mount /proc", 0, unix.SYS_MOUNT, sc.text("proc"), sc.text("/proc"), sc.text("proc"), procFlags, sc.text(procOptions))
	}
	// Any socket will do (netdevice(7)); it is closed with the other descriptors.
	sc.add("open a socket", keep, unix.SYS_SOCKET, syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	lo := newIfreq("lo", syscall.IFF_UP)
	sc.add("bring lo up", useKept, unix.SYS_IOCTL, 0, syscall.SIOCSIFFLAGS, sc.point(unsafe.Pointer(lo), lo))
	name := s.hostname()
	sc.add("set the hostname", 0, unix.SYS_SETHOSTNAME, sc.text(name), uintptr(len(name)))
	// Keys that the lab was started with stay with it. A kernel without keys has
	// none to protect; the filter refuses the calls in any case.
	sc.add("join a session keyring of its own", mayFail, unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0)
	sc.add("be a session of its own", 0, unix.SYS_SETSID)
	sc.dropPrivileges(syscall.Geteuid() == 0)
	if s.user >= 0 && s.groups == nil {
		// Counted in the user namespace, so for all calls together, and for
		// nothing else of the user's.
		sc.add("limit the processes", 0, unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NPROC, uintptr(unsafe.Pointer(&withoutGroup)), 0)
	}
	// Again: a change of user clears it (prctl(2)).
	sc.lifeline(s.host)
	return sc, args, nil
}

// lifeline: the kernel kills the child when the thread that forked it ends,
// which is when the host ends: it locks no goroutine that forks to its thread.
// If that was before this call nobody would notice: the parent of pid 1 is 0
// in any case. So the child asks whether the thread is there, and ends itself
// if it isn't; from then on the signal comes.
func (sc *script) lifeline(host int) {
	sc.add("die with the host", 0, unix.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL))
	fds := &unix.PollFd{Fd: int32(host), Events: unix.POLLIN}
	now := &syscall.Timespec{}
	sc.add("see the host alive", wantZero, unix.SYS_PPOLL, sc.point(unsafe.Pointer(fds), fds), 1, sc.point(unsafe.Pointer(now), now), 0, 0)
}

// dropPrivileges: no capability in any set, nor a way to get one back.
func (sc *script) dropPrivileges(changeUser bool) {
	for c := range capabilities() {
		sc.add("drop capabilities", 0, unix.SYS_PRCTL, prCapbsetDrop, uintptr(c))
	}
	sc.add("lock the capabilities", 0, unix.SYS_PRCTL, prSetSecurebits, secureBits)
	sc.add("clear the ambient capabilities", 0, unix.SYS_PRCTL, prCapAmbient, ambientClearAll)
	if changeUser { // who isn't root is the function's user already, see prepareInUserNamespace
		sc.add("leave all groups", 0, unix.SYS_SETGROUPS, 0, 0)
		sc.add("change the group", 0, unix.SYS_SETRESGID, functionID, functionID, functionID)
		sc.add("change the user", 0, unix.SYS_SETRESUID, functionID, functionID, functionID)
	}
	for i := range rlimits {
		r := &rlimits[i]
		sc.add("set resource limits", 0, unix.SYS_PRLIMIT64, 0, r.resource, uintptr(unsafe.Pointer(&r.limit)), 0)
	}
	none := &struct {
		header capHeader
		data   capData
	}{header: capHeader{version: capVersion3}}
	sc.add("empty the capabilities", 0, unix.SYS_CAPSET, sc.point(unsafe.Pointer(&none.header), none), uintptr(unsafe.Pointer(&none.data)))
	sc.add("forbid new privileges", 0, unix.SYS_PRCTL, prSetNoNewPrivs, 1)
	sc.add("set the umask", 0, unix.SYS_UMASK, 0o022)
}

// withoutGroup is how many processes and threads all calls may have where no
// cgroup limits them: a fork bomb takes the calls down, but not the machine.
var withoutGroup = syscall.Rlimit{Cur: 8 * defaultPids, Max: 8 * defaultPids}

// rlimits, hard and soft (getrlimit(2)). Processes and memory are the cgroup's
// to limit: RLIMIT_NPROC counts all of a user's, in all sandboxes.
var rlimits = [...]struct {
	resource uintptr
	limit    syscall.Rlimit
}{
	{unix.RLIMIT_NOFILE, syscall.Rlimit{Cur: 1024, Max: 1024}}, // as Lambda has it
	{unix.RLIMIT_CORE, syscall.Rlimit{}},
	{unix.RLIMIT_FSIZE, syscall.Rlimit{Cur: tmpBytes, Max: tmpBytes}},
	{unix.RLIMIT_MEMLOCK, syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}},
	{unix.RLIMIT_MSGQUEUE, syscall.Rlimit{}},
}

// wear gives the child its three descriptors and closes all others.
func (sc *script) wear(files [3]uintptr) {
	spare := max(files[0], files[1], files[2]) + 1 + uintptr(len(files))
	for i, f := range files {
		if f < 3 && f != uintptr(i) { // another's place, which it may have taken by then
			sc.add("set aside a descriptor", 0, unix.SYS_DUP3, f, spare+uintptr(i), 0)
			files[i] = spare + uintptr(i)
		}
	}
	for i, f := range files {
		if f == uintptr(i) {
			sc.add("keep a descriptor", 0, unix.SYS_FCNTL, f, syscall.F_SETFD, 0)
		} else {
			sc.add("set a descriptor", 0, unix.SYS_DUP3, f, uintptr(i), 0)
		}
	}
	sc.add("close the other descriptors", 0, sysCloseRange, 3, uintptr(^uint32(0)), 0)
}

// exec ends the script: the filter, then the function.
func (sc *script) exec(f *filter) {
	sc.add("install the filter of system calls", 0, unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&f.fprog)))
	sc.add("execute "+functionPath, 0, unix.SYS_EXECVE, sc.text(functionPath), 0, 0)
}

// execute says what.
func (sc *script) execute(args, env []string) error {
	argv, err := sc.texts(args)
	if err != nil {
		return fmt.Errorf("arguments of the function: %w", err)
	}
	envv, err := sc.texts(env)
	if err != nil {
		return fmt.Errorf("environment of the function: %w", err)
	}
	st := &sc.list[len(sc.list)-1]
	st.args[1], st.args[2] = argv, envv
	return nil
}

// startStub starts the function by a vfork child that walks into the sandbox
// and executes it there. No thread of the host is changed.
func (s *sandbox) startStub(f *function) (pid int, err error) {
	if err := s.open(); err != nil {
		return 0, err
	}
	defer s.shut()
	sc, args, err := s.child()
	if err != nil {
		return 0, err
	}
	sc.wear(f.files)
	sc.exec(s.filter)
	if err := sc.execute(f.args, append(f.env[:len(f.env):len(f.env)], s.env...)); err != nil {
		return 0, err
	}
	return sc.run(args)
}

// tryStub has a child walk into the sandbox, and end there.
func (s *sandbox) tryStub() error {
	if err := s.open(); err != nil {
		return err
	}
	defer s.shut()
	sc, args, err := s.child()
	if err != nil {
		return err
	}
	sc.wear([3]uintptr{0, 1, 2})
	sc.exec(s.filter)
	sc.list[len(sc.list)-1] = step{number: unix.SYS_EXIT}
	pid, err := sc.run(args)
	if err == nil {
		wait(pid)
	}
	return err
}
