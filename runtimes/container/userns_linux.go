package container

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"forklore/runtimes/role"
)

// Who isn't root makes a sandbox in a user namespace, where it has every
// capability over what the namespace owns, and none outside
// (user_namespaces(7)). There is one for all calls of a host, with a single
// user in it: the one that the host is, under another number.
//
// A process with threads can't enter a user namespace, and that includes any
// that runs Go code. So the root filesystem is built by another process, which
// is born into the namespace; it sends back two descriptors, of the user
// namespace and of the mount namespace that belongs to it, and ends. The
// calls' children enter both by themselves (child_linux.go).
const rootRole = "container root"

func enterBuilder() { role.Enter(rootRole, buildAndSend) }

// builderSocket is where it sends to: the descriptors of both namespaces, or
// a text that says what went wrong.
const builderSocket = 3

// prepareInUserNamespace is prepareRoot in a user namespace.
func prepareInUserNamespace(binds []binding) (prepared, error) {
	if !haveStub {
		return prepared{}, &Unavailable{Reason: "sandboxes in a user namespace need the child-side stub, which this build hasn't got"}
	}
	for _, d := range devices { // which nobody may make there
		binds = append(binds, binding{file: "/dev/" + d.name, inside: "/dev/" + d.name, device: true})
	}
	// To mount a /proc of its own, a call must see one (mount_too_revealing). It
	// mounts its own on top, which it can't take away.
	binds = append(binds, binding{file: "/proc", inside: "/proc", all: true})
	for i := range binds {
		b := &binds[i]
		if syscall.Geteuid() == 0 {
			// The builder hasn't our rights to the files.
			tree, err := openTreeOf(b.file, b.all)
			if err != nil {
				return prepared{}, fmt.Errorf("bind %s: %w", b.file, err)
			}
			defer syscall.Close(tree)
			b.tree, b.given = tree, true
		} else if b.file == self {
			b.findSelf()
		}
	}
	p, err := prepareWith(binds)
	p.proc = err == nil
	return p, err
}

// findSelf: this program's file, by /proc/self/exe, is in a mount namespace
// that isn't the builder's. It has a path there as well, or it is copied, since
// it has been deleted.
func (b *binding) findSelf() {
	path, err := os.Readlink(self)
	if b.copy = err != nil || !sameFile(path, self); !b.copy {
		b.file = path
	}
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

func prepareWith(binds []binding) (p prepared, err error) {
	if !role.Known(rootRole) {
		return p, fmt.Errorf("role %q is not linked into this binary", rootRole)
	}
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return p, fmt.Errorf("socketpair: %w", err)
	}
	defer syscall.Close(ends[0])
	uid, gid := os.Getuid(), os.Getgid()
	attr := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		Pdeathsig:   syscall.SIGKILL,
		AmbientCaps: []uintptr{capSysAdmin}, // which the exec would take from who isn't root inside
	}
	if uid == 0 { // root inside would be root outside, for files
		uid, gid = functionID, functionID
		attr.Credential = &syscall.Credential{Uid: functionID, Gid: functionID}
		attr.GidMappingsEnableSetgroups = true
	}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: functionID, HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: functionID, HostID: gid, Size: 1}}
	env := []string{role.Prefix + "ROLE=" + rootRole, "GORACE=atexit_sleep_ms=0"}
	files := []uintptr{0, 1, 2, uintptr(ends[1])}
	for i, b := range binds {
		if b.given {
			files = append(files, uintptr(b.tree))
			b.tree = len(files) - 1
		}
		env = append(env, fmt.Sprintf("%sBIND_%d=%q %q %d %t %t %t %t %d", role.Prefix, i, b.file, b.inside, b.flags, b.device, b.all, b.copy, b.given, b.tree))
	}
	pid, err := syscall.ForkExec(self, []string{"forklore: " + rootRole}, &syscall.ProcAttr{
		Env: env, Files: files, Sys: attr})
	syscall.Close(ends[1])
	if err != nil {
		return p, explainUserNS(fmt.Errorf("make a user namespace: %w", err), readProc)
	}
	defer wait(pid)
	return receive(ends[0])
}

// receive gets what the builder sends.
func receive(socket int) (p prepared, err error) {
	text := make([]byte, 1024)
	rights := make([]byte, syscall.CmsgSpace(2*4))
	n, m, _, _, err := syscall.Recvmsg(socket, text, rights, syscall.MSG_CMSG_CLOEXEC)
	if err != nil {
		return p, fmt.Errorf("receive the prepared root: %w", err)
	}
	if m == 0 {
		why := "its builder ended"
		if n > 0 {
			why = string(text[:n])
		}
		return p, explainUserNS(errors.New("prepare the root in a user namespace: "+why), readProc)
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:m])
	if err != nil || len(messages) != 1 {
		return p, fmt.Errorf("receive the prepared root: %d messages, %w", len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 2 {
		return p, fmt.Errorf("receive the prepared root: %d descriptors, %w", len(fds), err)
	}
	return prepared{root: fds[0], user: fds[1]}, nil
}

// buildAndSend is the builder.
func buildAndSend() {
	var binds []binding
	for i := 0; ; i++ {
		text := role.Env(fmt.Sprintf("BIND_%d", i))
		if text == "" {
			break
		}
		var b binding
		if _, err := fmt.Sscanf(text, "%q %q %d %t %t %t %t %d", &b.file, &b.inside, &b.flags, &b.device, &b.all, &b.copy, &b.given, &b.tree); err != nil {
			send("the list of files: "+err.Error(), nil)
			return
		}
		binds = append(binds, b)
	}
	p, err := prepareRoot(binds)
	if err == nil {
		p.user, err = syscall.Open("/proc/self/ns/user", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	}
	if err != nil {
		send(err.Error(), nil)
		return
	}
	send("made", syscall.UnixRights(p.root, p.user))
}

func send(text string, rights []byte) {
	syscall.Sendmsg(builderSocket, []byte(text), rights, nil, syscall.MSG_NOSIGNAL)
}

// readProc is the text of a small file, "" if there is none.
func readProc(path string) string {
	b, _ := os.ReadFile(path)
	return strings.TrimSpace(string(b))
}

// explainUserNS says why user namespaces can't be had, as far as the kernel's
// settings tell.
func explainUserNS(err error, read func(path string) string) error {
	set := func(name, value string) bool { return read("/proc/sys/"+name) == value }
	release := read("/proc/sys/kernel/osrelease")
	_, status, _ := strings.Cut(read("/proc/self/status"), "\nSeccomp:\t")
	refused := errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSYS) ||
		strings.Contains(err.Error(), syscall.EPERM.Error()) || strings.Contains(err.Error(), syscall.EACCES.Error())
	switch {
	case strings.HasSuffix(release, "-Microsoft"): // WSL 2's ends in -microsoft-standard-WSL2
		return &Unavailable{Reason: "WSL 1 has no namespaces", Err: err, Remedy: "wsl --set-version <distribution> 2"}
	case read("/proc/sys/user/max_user_namespaces") == "" || errors.Is(err, syscall.EINVAL):
		return &Unavailable{Reason: "this kernel was built without user namespaces", Err: err, Remedy: "run with sudo"}
	case set("user/max_user_namespaces", "0"):
		return &Unavailable{Reason: "user namespaces are switched off", Err: err, Remedy: "run with sudo, or sysctl user.max_user_namespaces=15000"}
	case set("kernel/unprivileged_userns_clone", "0"):
		return &Unavailable{Reason: "user namespaces are for root here", Err: err, Remedy: "run with sudo, or sysctl kernel.unprivileged_userns_clone=1"}
	case refused && set("kernel/apparmor_restrict_unprivileged_userns", "1"):
		return &Unavailable{Reason: "AppArmor takes the rights from user namespaces of programs without a profile, as Ubuntu has it", Err: err,
			Remedy: "run with sudo, or sysctl kernel.apparmor_restrict_unprivileged_userns=0"}
	case refused && strings.HasPrefix(status, "2"):
		return &Unavailable{Reason: "a seccomp filter refuses namespaces", Err: err, Remedy: "in Docker, run with --privileged"}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EUSERS):
		return &Unavailable{Reason: "the limit of namespaces is reached", Err: err, Remedy: "raise the values in /proc/sys/user/max_*_namespaces"}
	}
	return &Unavailable{Reason: "no sandboxes in a user namespace", Err: err, Remedy: "run with sudo"}
}
