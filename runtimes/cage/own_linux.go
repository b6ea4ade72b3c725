package cage

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// leafName is where the processes of a delegated group go, so that the group
// itself is empty and can hand its controllers down.
const leafName = "forklore-leaf"

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
	d := &v2{id: id, base: group{m, dir}, leaf: filepath.Join(dir, leafName)}
	for _, file := range []string{"", "cgroup.procs", "cgroup.subtree_control"} {
		if err := unix.Access(filepath.Join(dir, file), unix.W_OK); err != nil {
			if errors.Is(err, unix.EROFS) {
				return nil, explain(err)
			}
			return nil, fmt.Errorf("not root, and the cgroup %s is not delegated to this user; %s", cgroup, remedy())
		}
	}
	return d, nil
}

// enterLeaf empties the base into the leaf and enables the controllers. It
// moves ourselves and those that started us (the shell or `go run` in the same
// scope), and nobody else: with others about it gives up.
func (d *v2) enterLeaf() error {
	ours := ancestors()
	for _, f := range readFields(filepath.Join(d.base.dir, "cgroup.procs")) {
		if pid, _ := strconv.Atoi(f); !ours[pid] {
			return fmt.Errorf("process %s shares the cgroup %s, and is not ours to move; %s", f, d.base.dir, remedy())
		}
	}
	if err := os.Mkdir(d.leaf, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	if err := move(d.base.dir, d.leaf); err != nil {
		return err
	}
	return d.enableBase()
}

// leaveLeaf undoes enterLeaf. A group keeps a controller as long as one of its
// children hands it down, so the top comes first.
func (d *v2) leaveLeaf() error {
	for _, dir := range []string{filepath.Join(d.base.dir, topName), d.base.dir} {
		for _, c := range d.controllers {
			writeFile(filepath.Join(dir, "cgroup.subtree_control"), "-"+c)
		}
	}
	if err := move(d.leaf, d.base.dir); err != nil {
		return err
	}
	return removeSubtree(d.leaf)
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
