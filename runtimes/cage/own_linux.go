package cage

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// leafName is where the processes of a delegated group go, so that the group
// itself is empty and can hand its controllers down.
const leafName = "forklore-leaf"

// leaf is the group into which we moved ourselves, with those that we were
// started by.
type leaf struct{ dir string }

// openOwn uses the group in which we run, if this user may.
func openOwn(m mount, id string) (*v2, error) {
	cgroup, err := cgroupOf("self", "")
	if err != nil {
		return nil, err
	}
	dir, err := m.dirOf(cgroup)
	if err != nil {
		return nil, err
	}
	if filepath.Base(dir) == leafName { // a lab before us moved our shell there, and was killed, or runs
		dir = filepath.Dir(dir)
	}
	d := &v2{id: id, base: group{m, dir}, leaf: &leaf{filepath.Join(dir, leafName)}}
	for _, file := range []string{"", "cgroup.procs", "cgroup.subtree_control"} {
		if err := unix.Access(filepath.Join(dir, file), unix.W_OK); err != nil {
			if errors.Is(err, unix.EROFS) {
				return nil, explain(err)
			}
			return nil, fmt.Errorf("not root, and the cgroup %s is not delegated to this user; %s", cgroup, remedy())
		}
	}
	if err := d.leaf.enter(d); err != nil {
		return nil, errors.Join(err, d.leave())
	}
	return d, nil
}

// enter empties the base into the leaf and enables the controllers. It moves
// ourselves and those that started us (the shell or `go run` in the same
// scope), and nobody else: with others about it gives up.
func (l *leaf) enter(d *v2) error {
	ours := ancestors()
	for _, f := range readFields(filepath.Join(d.base.dir, "cgroup.procs")) {
		if pid, _ := strconv.Atoi(f); !ours[pid] {
			return fmt.Errorf("process %s shares the cgroup %s, and is not ours to move; %s", f, d.base.dir, remedy())
		}
	}
	if err := os.Mkdir(l.dir, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	if err := move(d.base.dir, l.dir); err != nil {
		return err
	}
	return d.enableBase()
}

// leave undoes enter, unless another lab is still in the base.
func (l *leaf) leave(d *v2) error {
	if _, err := os.Stat(l.dir); err != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(d.base.dir, topName)); err == nil {
		return nil
	}
	if m, err := cgroup2.Load("/"+topName, cgroup2.WithMountpoint(d.base.dir)); err == nil {
		m.ToggleControllers(d.controllers, cgroup2.Disable)
	}
	if err := move(l.dir, d.base.dir); err != nil {
		return err
	}
	return removeSubtree(l.dir)
}

// move moves every process from one group to another.
func move(from, to string) error {
	for range 10 { // more may be forked meanwhile
		pids := readFields(filepath.Join(from, "cgroup.procs"))
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			err := writeFile(filepath.Join(to, "cgroup.procs"), pid)
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("move process %s: %w", pid, err)
			}
		}
	}
	return fmt.Errorf("move all processes from %s: new ones keep coming", from)
}

// ancestors are this process, its parent, and so on up to 1.
func ancestors() map[int]bool {
	set := map[int]bool{}
	for pid := os.Getpid(); pid > 0 && !set[pid]; {
		set[pid] = true
		p, err := procfs.NewProc(pid)
		if err != nil {
			break
		}
		stat, err := p.Stat()
		if err != nil {
			break
		}
		pid = stat.PPID
	}
	return set
}

// remedy is what a user can do to get groups.
func remedy() string {
	command := os.Args[0]
	if strings.Contains(command, "go-build") {
		command = "go run ."
	}
	_, noSystemd := os.Stat("/run/systemd/system") // sd_booted(3)
	_, noRun := exec.LookPath("systemd-run")
	if MachineCgroup() == "v2" && noSystemd == nil && noRun == nil && os.Geteuid() != 0 {
		return "try: systemd-run --user --scope -p Delegate=yes " + command
	}
	if os.Geteuid() == 0 {
		return "in a container, start it with --privileged, or run the lab outside"
	}
	return "try: sudo " + command
}
