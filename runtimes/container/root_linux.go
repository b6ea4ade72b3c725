package container

import (
	"fmt"
	"syscall"
)

// newRoot makes the root filesystem of the sandboxes in a mount namespace of
// its own, and returns the namespace's descriptor. Each call takes a copy of
// the namespace, which costs less than to build and pivot anew; nothing is
// ever mounted where the host or anyone else could see it; and when the host
// has gone, however it went, the last descriptor has gone and all of it.
//
//	/           tmpfs, read-only
//	/function   the program: a read-only bind
//	/run/backend  the backend's socket: a bind, since a pathname socket works across network namespaces
//	/dev        null zero full random urandom tty
//	/tmp        a small tmpfs, new for each call
//
// The program is bound and not copied: it shares its page cache with every
// other process of this binary, and costs the runtime's memory nothing. The
// sandbox can't write to it (CVE-2019-5736): the mount is read-only, also by
// way of /proc/self/exe, and a function without capabilities can't remount it.
func newRoot(program, backend string) (fd int, err error) {
	done := make(chan struct{})
	onOwnThread(func() {
		fd, err = buildRoot(program, backend)
		close(done)
	})
	<-done
	return fd, err
}

// rootBytes and tmpBytes bound the two tmpfs. What is written to /tmp counts
// as memory of the call.
const (
	rootOptions = "mode=755,size=64k"
	tmpOptions  = "mode=1777,size=16m,nr_inodes=1024"
)

// scaffold is where the root is built before it becomes the root. Any folder
// would do: no other process sees this namespace.
const scaffold = "/tmp"

func buildRoot(program, backend string) (namespace int, err error) {
	fail := func(doing string, err error) (int, error) { return -1, fmt.Errorf("%s: %w", doing, err) }

	// A detached mount of the program's file, taken before the mount namespace
	// is left: by path the file may be gone (`go run` deletes it), and by
	// /proc/self/exe it can be mounted from its own namespace only.
	programTree, err := openTree(program)
	if err != nil {
		return fail("bind the program "+program, err)
	}
	defer syscall.Close(programTree)
	backendTree := -1
	if backend != "" {
		if backendTree, err = openTree(backend); err != nil {
			return fail("bind the backend's socket "+backend, err)
		}
		defer syscall.Close(backendTree)
	}

	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return fail("make a mount namespace", err)
	}
	// Before any mount, or it would appear in the host's namespace too.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fail("make the mounts private", err)
	}
	if namespace, err = syscall.Open("/proc/thread-self/ns/mnt", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		return fail("open the mount namespace", err)
	}
	defer func() {
		if err != nil {
			syscall.Close(namespace)
		}
	}()
	if err := syscall.Mount("tmpfs", scaffold, "tmpfs", syscall.MS_NOSUID, rootOptions); err != nil {
		return fail("mount the root", err)
	}
	if err := syscall.Chdir(scaffold); err != nil {
		return fail("enter the root", err)
	}
	if err := furnish(programTree, backendTree); err != nil {
		return -1, err
	}
	// pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of
	// the new one, and is unmounted there. chroot(2) would leave it in place.
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fail("pivot_root", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fail("unmount the old root", err)
	}
	if err := syscall.Chdir("/"); err != nil {
		return fail("enter the root", err)
	}
	// The filesystem itself, not only the mount: no bind of it is writable either.
	if err := syscall.Mount("", "/", "", syscall.MS_REMOUNT|syscall.MS_RDONLY|syscall.MS_NOSUID, rootOptions); err != nil {
		return fail("make the root read-only", err)
	}
	return namespace, nil
}

// furnish fills the root, which is the working directory.
func furnish(programTree, backendTree int) error {
	// The modes below are meant; other threads don't share this umask (unshare).
	defer syscall.Umask(syscall.Umask(0))
	for _, dir := range [...]string{"dev", "run"} {
		if err := syscall.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make /%s: %w", dir, err)
		}
	}
	if err := syscall.Mkdir("tmp", 0o1777); err != nil {
		return fmt.Errorf("make /tmp: %w", err)
	}
	// Device numbers: Documentation/admin-guide/devices.txt.
	for _, d := range [...]struct {
		name         string
		major, minor int
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		if err := syscall.Mknod("dev/"+d.name, syscall.S_IFCHR|0o666, d.major<<8|d.minor); err != nil {
			return fmt.Errorf("make /dev/%s: %w", d.name, err)
		}
	}
	if err := bind(programTree, functionPath, 0); err != nil {
		return err
	}
	if backendTree >= 0 {
		return bind(backendTree, backendPath, syscall.MS_NOEXEC)
	}
	return nil
}

// bind attaches a file's detached mount to a path of the new root, read-only.
// (A socket can be connected to on a read-only mount: connect(2) writes to no file.)
func bind(tree int, path string, flags uintptr) error {
	target := path[1:] // the root is the working directory
	fd, err := syscall.Open(target, syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o555)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	syscall.Close(fd)
	if err := moveMount(tree, target); err != nil {
		return fmt.Errorf("bind %s: %w", path, err)
	}
	flags |= syscall.MS_REMOUNT | syscall.MS_BIND | syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV
	if err := syscall.Mount("", target, "", flags, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", path, err)
	}
	return nil
}

// mountTmp gives the call its /tmp, in its own copy of the namespace.
func mountTmp() error {
	return syscall.Mount("tmpfs", "/tmp", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, tmpOptions)
}
