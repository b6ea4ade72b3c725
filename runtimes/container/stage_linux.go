package container

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// stage is a thread in a mount namespace of its own, from which OCI runtimes
// are started. There, and nowhere else, the root filesystem of the bundles is
// mounted; and the empty tree of cgroup v2 that a hybrid machine has isn't
// mounted, since crun takes no machine with both. All of it goes with the thread.
type stage struct {
	root string
	jobs chan func()
	quit chan struct{}
	over chan struct{} // closed when the thread is about to end
}

// errStage: it was closed in the meantime.
var errStage = errors.New("the host has ended")

// unified is where systemd mounts the empty tree on a hybrid machine.
const unified = "/sys/fs/cgroup/unified"

// newStage makes it, with the files in a new root filesystem at that path.
func newStage(root string, binds []binding) (*stage, error) {
	p := &stage{root: root, jobs: make(chan func()), quit: make(chan struct{}), over: make(chan struct{})}
	made := make(chan error, 1)
	onOwnThread(func() {
		defer close(p.over)
		err := buildStage(root, binds)
		made <- err
		if err != nil {
			return
		}
		for {
			select {
			case job := <-p.jobs:
				job()
			case <-p.quit:
				return
			}
		}
	})
	return p, <-made
}

// do runs f on the thread. Programs that it starts are on the stage, and get
// their Pdeathsig when it closes.
func (p *stage) do(f func()) error {
	done := make(chan struct{})
	select {
	case p.jobs <- func() { f(); close(done) }:
		<-done
		return nil
	case <-p.over:
		return errStage
	}
}

func (p *stage) close() {
	close(p.quit)
	<-p.over
}

func buildStage(root string, binds []binding) error {
	for i := range binds { // before the namespace is left, see buildRoot
		b := &binds[i]
		var err error
		if b.tree, err = openTree(b.file); err != nil {
			return fmt.Errorf("bind %s: %w", b.file, err)
		}
		defer syscall.Close(b.tree)
	}
	for _, step := range [...]struct {
		name string
		do   func() error
	}{
		{"make a mount namespace", func() error { return syscall.Unshare(syscall.CLONE_FS | syscall.CLONE_NEWNS) }},
		{"make the mounts private", func() error { return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") }},
		{"hide " + unified, hideUnified},
		{"make the root", func() error { return os.Mkdir(root, 0o755) }},
		{"mount the root", func() error { return syscall.Mount("tmpfs", root, "tmpfs", syscall.MS_NOSUID, rootOptions) }},
		{"enter the root", func() error { return syscall.Chdir(root) }},
		{"furnish the root", func() error { return furnishBundle(binds) }},
		{"leave the root", func() error { return syscall.Chdir("/") }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func hideUnified() error {
	err := syscall.Unmount(unified, syscall.MNT_DETACH)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOENT) {
		return nil // it isn't mounted
	}
	return err
}

// furnishBundle fills the root, which is the working directory: the files, and
// the folders that the runtime mounts on.
func furnishBundle(binds []binding) error {
	defer syscall.Umask(syscall.Umask(0))
	for _, dir := range []string{"proc", "dev", "tmp"} {
		if err := syscall.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make /%s: %w", dir, err)
		}
	}
	for _, b := range binds {
		if err := b.attach(); err != nil {
			return fmt.Errorf("bind %s to %s: %w", b.file, b.inside, err)
		}
	}
	return nil
}
