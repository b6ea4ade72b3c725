package container

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// prepareRoot makes the root filesystem of the sandboxes in a mount namespace
// of its own, and keeps the namespace's descriptor. Each call takes a copy of
// the namespace, which costs less than to build and pivot anew; nothing is
// ever mounted where the host or anyone else could see it; and when the host
// has gone, however it went, the last descriptor has gone and all of it.
//
//	/             tmpfs, read-only
//	/function     the program: a read-only bind
//	/run/backend  the backend's socket: a bind, since a pathname socket works across network namespaces
//	/lib, /lib64  what the program is linked with, if it isn't static (libs_linux.go)
//	/dev          null zero full random urandom tty, and links to /proc/self/fd
//	/tmp          a small tmpfs, new for each call
//	/proc         new for each call: its own processes, and nothing else, see procOptions
//
// The program is bound and not copied: it shares its page cache with every
// other process of this binary, and costs the runtime's memory nothing. The
// sandbox can't write to it (CVE-2019-5736): the mount is read-only, also by
// way of /proc/self/exe, and a function without capabilities can't remount it.
func prepareRoot(binds []binding) (p prepared, err error) {
	done := make(chan struct{})
	onOwnThread(func() {
		p, err = buildRoot(binds)
		close(done)
	})
	<-done
	return p, err
}

// procOptions have the call's /proc hold its processes and nothing else of
// what a /proc holds (proc(5), subset=pid; Linux 5.8). A full one would need
// ten masks and five read-only binds, as runc and moby have them, at 15 us
// each; and a mask is a list of what was known to be dangerous when it was
// written. Here there is nothing below it that could come to light
// (CVE-2025-31133). It is read-only as well.
const (
	procOptions = "subset=pid"
	procFlags   = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC | syscall.MS_RDONLY
)

// binding is a file of the host that is seen in the sandbox, read-only.
type binding struct {
	file, inside string // absolute paths
	flags        uintptr
	device       bool // a device's file, to be used as such
	all          bool // a folder, with what is mounted below it
	copy         bool // what can't be bound is copied
	given        bool // the tree has been opened already
	tree         int  // a detached mount of the file
}

// Both are bounded. What is written to /tmp counts as memory of the call.
const (
	rootOptions = "mode=755,size=64k"
	tmpOptions  = "mode=1777,size=16m,nr_inodes=1024"
	tmpBytes    = 16 << 20
)

// scaffold is where the root is built before it becomes the root. Any folder
// would do: no other process sees this namespace.
const scaffold = "/tmp"

func buildRoot(binds []binding) (p prepared, err error) {
	fail := func(doing string, err error) (prepared, error) { return p, fmt.Errorf("%s: %w", doing, err) }

	// The files' mounts, taken before the mount namespace is left: by path this
	// program's file may be gone (`go run` deletes it), and by /proc/self/exe it
	// can be mounted from its own namespace only.
	for i := range binds {
		b := &binds[i]
		if b.copy || b.given {
			continue
		}
		if b.tree, err = openTreeOf(b.file, b.all); err != nil {
			return fail("bind "+b.file, err)
		}
		defer syscall.Close(b.tree)
	}
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return fail("make a mount namespace", err)
	}
	// Before any mount, or it would appear in the host's namespace too.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fail("make the mounts private", err)
	}
	p = prepared{user: -1, proc: true}
	if p.root, err = syscall.Open("/proc/thread-self/ns/mnt", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		return fail("open the mount namespace", err)
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	options, err := optionsFor(binds)
	if err != nil {
		return fail("size of the root", err)
	}
	if err := syscall.Mount("tmpfs", scaffold, "tmpfs", syscall.MS_NOSUID, options); err != nil {
		return fail("mount the root", err)
	}
	if err := syscall.Chdir(scaffold); err != nil {
		return fail("enter the root", err)
	}
	if err := furnish(binds); err != nil {
		return p, err
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
	if err := syscall.Mount("", "/", "", syscall.MS_REMOUNT|syscall.MS_RDONLY|syscall.MS_NOSUID, options); err != nil {
		return fail("make the root read-only", err)
	}
	return p, nil
}

// devices and their numbers: Documentation/admin-guide/devices.txt.
var devices = [...]struct {
	name         string
	major, minor int
}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}

// furnish fills the root, which is the working directory.
func furnish(binds []binding) error {
	defer syscall.Umask(syscall.Umask(0)) // the modes below are meant; this thread's umask is its own (CLONE_FS)
	for _, dir := range [...]struct {
		name string
		mode uint32
	}{{"dev", 0o755}, {"proc", 0o555}, {"run", 0o755}, {"tmp", 0o1777}} {
		if err := syscall.Mkdir(dir.name, dir.mode); err != nil {
			return fmt.Errorf("make /%s: %w", dir.name, err)
		}
	}
	for _, d := range devices {
		bound := slices.ContainsFunc(binds, func(b binding) bool { return b.device && b.inside == "/dev/"+d.name })
		if bound { // by who may not make any
			continue
		}
		if err := syscall.Mknod("dev/"+d.name, syscall.S_IFCHR|0o666, d.major<<8|d.minor); err != nil {
			return fmt.Errorf("make /dev/%s: %w", d.name, err)
		}
	}
	for _, link := range [...][2]string{{"fd", ""}, {"stdin", "/0"}, {"stdout", "/1"}, {"stderr", "/2"}} {
		if err := syscall.Symlink("/proc/self/fd"+link[1], "dev/"+link[0]); err != nil {
			return fmt.Errorf("make /dev/%s: %w", link[0], err)
		}
	}
	for _, b := range binds {
		if err := b.attach(); err != nil {
			return fmt.Errorf("bind %s to %s: %w", b.file, b.inside, err)
		}
	}
	return nil
}

// attach attaches the file's mount to its path in the new root, and makes it
// read-only. (A socket can be connected to all the same: connect(2) writes to
// no file.)
func (b binding) attach() error {
	target := b.inside[1:] // the root is the working directory
	if b.all {
		return moveMount(b.tree, target) // onto a folder that is there
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if b.copy {
		return copyFile(b.file, target)
	}
	if err := b.mountPoint(target); err != nil {
		return err
	}
	if err := moveMount(b.tree, target); err != nil {
		return err
	}
	// In a user namespace what the mount forbids already can't be allowed again,
	// not even on the way to forbidding more (mount_namespaces(7)).
	var s syscall.Statfs_t
	if err := syscall.Statfs(target, &s); err != nil {
		return err
	}
	flags := b.flags | uintptr(s.Flags)&(syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC)
	if !b.device {
		flags |= syscall.MS_NODEV
	}
	return syscall.Mount("", target, "", flags|syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY|syscall.MS_NOSUID, "")
}

// mountPoint makes what the mount is to cover: a folder for a folder.
func (b binding) mountPoint(target string) error {
	var st syscall.Stat_t
	if err := syscall.Fstat(b.tree, &st); err != nil {
		return err
	}
	if st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return syscall.Mkdir(target, 0o755)
	}
	fd, err := syscall.Open(target, syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o555)
	if err == nil {
		syscall.Close(fd)
	}
	return err
}

// optionsFor makes room for what is copied.
func optionsFor(binds []binding) (string, error) {
	var bytes int64
	for _, b := range binds {
		if b.copy {
			info, err := os.Stat(b.file)
			if err != nil {
				return "", err
			}
			bytes += info.Size() + 4096
		}
	}
	if bytes == 0 {
		return rootOptions, nil
	}
	return fmt.Sprintf("mode=755,size=%d", bytes+64<<10), nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o555)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// mountTmp gives the call its /tmp, in its own copy of the namespace.
func mountTmp() error {
	return syscall.Mount("tmpfs", "/tmp", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, tmpOptions)
}
