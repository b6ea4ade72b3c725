package container

import (
	"errors"
	"syscall"

	"forklore/runtimes/role"
)

// needed are the capabilities that making a sandbox takes, in all, outside a
// user namespace.
var needed = [...]struct {
	bit  uint
	name string
}{
	{capSysAdmin, "CAP_SYS_ADMIN"},   // namespaces, mounts
	{capSysChroot, "CAP_SYS_CHROOT"}, // setns into a mount namespace
	{capMknod, "CAP_MKNOD"},          // /dev
	{capNetAdmin, "CAP_NET_ADMIN"},   // lo
	{capSetPCap, "CAP_SETPCAP"},      // the bounding set
	{capSetUID, "CAP_SETUID"},        // the function's user
	{capSetGID, "CAP_SETGID"},
}

// Available says whether sandboxes can be made here, and if not, what is
// missing and the remedy. It makes a set of namespaces and gives it back, in
// less than a millisecond; nothing of it remains.
func Available() error {
	err := asRoot()
	if err == nil {
		return nil
	}
	if withUserNS := inUserNamespace(); withUserNS == nil || syscall.Geteuid() != 0 {
		return withUserNS
	}
	return err
}

// wantUserNS: who isn't root has no choice, root has the setting.
func wantUserNS() bool { return role.Env("USERNS") == "1" || missingCapability() != "" }

func missingCapability() string {
	caps, err := capget()
	if err != nil {
		return needed[0].name
	}
	for _, c := range needed {
		if caps.Effective&(1<<c.bit) == 0 {
			return c.name
		}
	}
	return ""
}

// asRoot tries the namespaces without one for users.
func asRoot() error {
	if name := missingCapability(); name != "" {
		if syscall.Geteuid() != 0 {
			return &Unavailable{Reason: "needs root (" + name + ") to make namespaces", Remedy: "run with sudo"}
		}
		return &Unavailable{Reason: "root without " + name + " can't make sandboxes", Remedy: "in Docker, run with --privileged"}
	}
	done := make(chan error, 1)
	onOwnThread(func() { done <- syscall.Unshare(syscall.CLONE_FS | namespaces) })
	switch err := <-done; err {
	case nil:
		return nil
	case syscall.EPERM:
		return &Unavailable{Reason: "unshare(2) is refused, by seccomp or a security module", Err: err, Remedy: "in Docker, run with --privileged"}
	case syscall.EINVAL:
		return &Unavailable{Reason: "this kernel lacks one of the namespaces mnt, pid, net, ipc, uts, cgroup", Err: err}
	case syscall.ENOSPC, syscall.EUSERS:
		return &Unavailable{Reason: "the limit of namespaces is reached", Err: err, Remedy: "raise the values in /proc/sys/user/max_*_namespaces"}
	default:
		return &Unavailable{Reason: "no namespaces to be had", Err: err}
	}
}

// inUserNamespace has a child try all namespaces; that they can be used is
// seen when the root is prepared in them.
func inUserNamespace() error {
	if !haveStub {
		return &Unavailable{Reason: "needs root (CAP_SYS_ADMIN) to make namespaces", Remedy: "run with sudo"}
	}
	sc := &script{}
	sc.add("end", 0, sysExit, 0)
	pid, err := sc.run(&cloneArgs{flags: namespaces | syscall.CLONE_NEWUSER})
	if err != nil {
		if errors.Is(err, syscall.ENOSYS) {
			return &Unavailable{Reason: "no clone3(2): the kernel is older than 5.5, or a seccomp filter hides it", Err: err,
				Remedy: "run with sudo, in Docker with --privileged"}
		}
		return explainUserNS(err, readProc)
	}
	wait(pid)
	return nil
}
