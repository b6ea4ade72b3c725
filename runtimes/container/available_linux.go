package container

import "syscall"

// needed are the capabilities that making a sandbox takes, in all.
var needed = [...]struct {
	bit  uint
	name string
}{
	{capSysAdmin, "CAP_SYS_ADMIN"},   // namespaces, mounts
	{capSysChroot, "CAP_SYS_CHROOT"}, // setns into a mount namespace
	{capMknod, "CAP_MKNOD"},          // /dev
	{capNetAdmin, "CAP_NET_ADMIN"},   // lo
	{capSetPCap, "CAP_SETPCAP"},      // the bounding set
}

// Available says whether sandboxes can be made here, and if not, what is
// missing and the remedy. It makes a set of namespaces and gives it back, in
// less than a millisecond; nothing of it remains.
func Available() error {
	caps, err := capget()
	if err != nil {
		return &Unavailable{Reason: "the capabilities can't be read", Err: err}
	}
	for _, c := range needed {
		if caps.Effective&(1<<c.bit) != 0 {
			continue
		}
		if syscall.Geteuid() != 0 {
			return &Unavailable{Reason: "needs root (" + c.name + ") to make namespaces", Remedy: "run with sudo"}
		}
		return &Unavailable{Reason: "root without " + c.name + " can't make sandboxes", Remedy: "in Docker, run with --privileged"}
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
