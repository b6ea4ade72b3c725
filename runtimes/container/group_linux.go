package container

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// groups makes a cgroup for each call: <runtime>/calls/<N>, beside the host's
// own <runtime>/host. The runtime's group and its limits are the lab's.
//
// Cost, of about 5 ms that a Go function takes: mkdir 44 us, limits 22, joining
// 36, rmdir 35, for each hierarchy. That is why it's done by hand: a library's
// manager reads the mounts first, each time. Nothing here keeps a list: a
// group is its path.
type groups struct {
	v2     bool
	dirs   []string // the calls folder of each hierarchy that limits calls
	homes  []int    // v1: the file tasks of the host's own group in each, open
	limits []limit
}

// limit is a file of a call's group, and what is written to it.
type limit struct {
	dir         string
	file, value string
}

// group is the one of a call. The zero group is that of a call without one.
type group struct {
	*groups
	name string
	fd   int // v2: the folder, for clone3(2)
}

// controllers that limit a call, and their files. The first of each decides
// whether there is the limit; the others may be missing.
func limitFiles(v2 bool, memBytes, pids int64) [3][]limit {
	mem, n := strconv.FormatInt(memBytes, 10), strconv.FormatInt(pids, 10)
	if v2 {
		return [...][]limit{
			// memory.oom.group: the call dies as a whole (cgroup-v2.rst).
			{{file: "memory.max", value: mem}, {file: "memory.swap.max", value: "0"}, {file: "memory.oom.group", value: "1"}},
			{{file: "pids.max", value: n}},
			{{file: "cpu.max", value: cpuQuota + " " + cpuPeriod}},
		}
	}
	return [...][]limit{
		// "Swap 0": memory and swap together may not be more than memory alone
		// (cgroup-v1/memory.rst, 2.4). In this order: memsw may not be the smaller.
		{{file: "memory.limit_in_bytes", value: mem}, {file: "memory.memsw.limit_in_bytes", value: mem}},
		{{file: "pids.max", value: n}},
		{{file: "cpu.cfs_period_us", value: cpuPeriod}, {file: "cpu.cfs_quota_us", value: cpuQuota}},
	}
}

// A call has one CPU: a tenth of a second in each.
const (
	cpuQuota  = "100000"
	cpuPeriod = "100000"
)

// newGroups reads the lab's setting:
//
//	v1:memory=<dir>;pids=<dir>;cpu=<dir>
//	v2:<dir>
//
// each <dir> being the runtime's own group, or "none", which gives nil: calls
// have no groups then. The limits that aren't to be had are named in missing:
// the host goes on without them, since the runtime's own limits hold.
func newGroups(setting string, memBytes, pids int64) (g *groups, missing []string, err error) {
	names := [...]string{"memory", "pids", "cpu"}
	if setting == "none" {
		return nil, names[:], nil
	}
	version, rest, _ := strings.Cut(setting, ":")
	g = &groups{v2: version == "v2"}
	parents := map[string]string{}
	switch version {
	case "v1":
		for item := range strings.SplitSeq(rest, ";") {
			controller, dir, _ := strings.Cut(item, "=")
			parents[controller] = dir
		}
	case "v2":
		for _, n := range names {
			parents[n] = rest
		}
	default:
		return nil, nil, fmt.Errorf("setting CGROUP=%q: want v1:<controller>=<folder>;..., v2:<folder> or none", setting)
	}
	files := limitFiles(g.v2, memBytes, pids)
	for i, controller := range names {
		parent := parents[controller]
		if parent == "" {
			missing = append(missing, controller)
			continue
		}
		had, err := g.add(controller, parent, files[i])
		if err != nil {
			return nil, nil, err
		}
		if !had {
			missing = append(missing, controller)
		}
	}
	return g, missing, nil
}

// add makes the calls folder in the runtime's group, and notes those of the
// controller's files that groups in it have.
func (g *groups) add(controller, parent string, files []limit) (had bool, err error) {
	dir := parent + "/calls"
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return false, fmt.Errorf("make the calls' cgroup: %w", err)
	}
	if g.v2 {
		// One controller at a time: a delegated group has some of them, and one
		// that it hasn't is found missing below.
		writeFile(parent+"/cgroup.subtree_control", "+"+controller)
		writeFile(dir+"/cgroup.subtree_control", "+"+controller)
	}
	// Hierarchies of v1 may be mounted together, that of v2 always is.
	if !slices.Contains(g.dirs, dir) {
		g.dirs = append(g.dirs, dir)
		if !g.v2 {
			home, err := syscall.Open(parent+"/host/tasks", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
			if err != nil {
				return false, fmt.Errorf("open %s/host/tasks: %w", parent, err)
			}
			g.homes = append(g.homes, home)
		}
	}
	probe := dir + "/probe"
	if err := os.Mkdir(probe, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return false, fmt.Errorf("make the calls' cgroup: %w", err)
	}
	defer syscall.Rmdir(probe)
	for i, l := range files {
		if _, err := os.Stat(probe + "/" + l.file); err != nil {
			continue
		}
		l.dir = dir
		g.limits = append(g.limits, l)
		had = had || i == 0
	}
	return had, nil
}

// close removes the calls folders. One that isn't empty is the lab's to sweep.
func (g *groups) close() {
	if g == nil {
		return
	}
	for _, d := range g.dirs {
		syscall.Rmdir(d)
	}
	for _, fd := range g.homes {
		syscall.Close(fd)
	}
}

// make makes a call's group, and sets its limits before anyone is in it.
func (g *groups) make(id uint64) (c group, err error) {
	c = group{groups: g, name: "/" + strconv.FormatUint(id, 10), fd: -1}
	if g == nil {
		return c, nil
	}
	defer func() {
		if err != nil {
			c.remove()
		}
	}()
	for _, d := range g.dirs {
		err := syscall.Mkdir(d+c.name, 0o755)
		if err == syscall.EEXIST { // of a host before this one
			syscall.Rmdir(d + c.name)
			err = syscall.Mkdir(d+c.name, 0o755)
		}
		if err != nil {
			return c, fmt.Errorf("make the cgroup %s: %w", d+c.name, err)
		}
	}
	for _, l := range g.limits {
		path := l.dir + c.name + "/" + l.file
		if err := writeFile(path, l.value); err != nil {
			return c, fmt.Errorf("write %s to %s: %w", l.value, path, err)
		}
	}
	if g.v2 {
		if c.fd, err = syscall.Open(g.dirs[0]+c.name, oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0); err != nil {
			return c, fmt.Errorf("open the cgroup %s: %w", g.dirs[0]+c.name, err)
		}
	}
	return c, nil
}

// join moves the calling thread into the group, so that what it forks is born
// there. v1 does that for a single thread, by the file tasks
// (cgroup-v1/cgroups.rst, 2.2); in v2 only whole processes move: see born.
func (c *group) join() error {
	if c.groups == nil || c.v2 {
		return nil
	}
	for _, d := range c.dirs {
		if err := writeFile(d+c.name+"/tasks", "0"); err != nil { // 0: who writes
			return err
		}
	}
	return nil
}

// leave moves the calling thread back to the host's group, by descriptors that
// were opened outside the sandbox (cgroups go by the rights of who opened the
// file). The call's limits are for the call alone then, and its group can be
// removed without waiting for the thread's end, which takes a millisecond: the
// thread is the one that takes down the mounts.
func (c *group) leave() error {
	if c.groups == nil || c.v2 {
		return nil
	}
	for _, home := range c.homes {
		if _, err := syscall.Write(home, []byte("0")); err != nil { // 0: who writes
			return err
		}
	}
	return nil
}

// born has the child cloned into the group (v2; clone3(2), CLONE_INTO_CGROUP).
func (c *group) born(attr *syscall.SysProcAttr) {
	if c.groups != nil && c.v2 {
		attr.UseCgroupFD, attr.CgroupFD = true, c.fd
	}
}

// outside are the namespaces that a thread outside the group must not make for
// its child. The root of a cgroup namespace is the group that its maker is in
// (cgroup_namespaces(7)), and that is the host's. Worse, where cgroup2 is
// mounted with nsdelegate, as systemd does, a clone into a group outside that
// root is refused with ENOENT.
func (c *group) outside() int {
	if c.groups != nil && c.v2 {
		return syscall.CLONE_NEWCGROUP
	}
	return 0
}

// openDoors opens the files by which a process gets into the group itself: on
// v1, where it can't be born there.
func (c *group) openDoors() (doors []int, err error) {
	if c.groups == nil || c.v2 {
		return nil, nil
	}
	for _, d := range c.dirs {
		fd, err := syscall.Open(d+c.name+"/tasks", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			for _, fd := range doors {
				syscall.Close(fd)
			}
			return nil, fmt.Errorf("open %s/tasks: %w", d+c.name, err)
		}
		doors = append(doors, fd)
	}
	return doors, nil
}

// oomKills is how often the kernel took the call, or processes of it, because
// its memory limit was reached. To be read before the group goes: v1 doesn't
// pass the figure on to the group above.
//
// On v2 the call dies as a whole, once. The kernel counts its processes, and
// the first of them twice: as the victim, and with its group (mm/oom_kill.c,
// oom_kill_process).
func (c *group) oomKills() uint64 {
	if c.groups == nil {
		return 0
	}
	file := "/memory.oom_control"
	if c.v2 {
		file = "/memory.events"
	}
	for _, d := range c.dirs { // one of them has it, if there is a memory controller
		var buf [512]byte
		text, err := readFile(d+c.name+file, buf[:])
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
				kills, _ := strconv.ParseUint(strings.TrimSpace(n), 10, 64)
				if c.v2 {
					kills = min(kills, 1)
				}
				return kills
			}
		}
	}
	return 0
}

// Removal gives EBUSY until the kernel has taken out the last process. Those
// that were waited for are out; a start that failed half way may not be.
const (
	removeFirstWait = 100 * time.Microsecond
	removeLastWait  = 800 * time.Millisecond // doubling: 1.6 s in all
)

// remove removes the group.
func (c *group) remove() error {
	if c.groups == nil {
		return nil
	}
	if c.fd >= 0 {
		syscall.Close(c.fd)
		c.fd = -1
	}
	var failed error
	for _, d := range c.dirs {
		if err := removeGroup(d + c.name); err != nil {
			failed = err
		}
	}
	return failed
}

func removeGroup(dir string) error {
	for wait := removeFirstWait; ; wait *= 2 {
		err := syscall.Rmdir(dir)
		if err == nil || err == syscall.ENOENT {
			return nil
		}
		if err != syscall.EBUSY || wait > removeLastWait {
			return fmt.Errorf("remove the cgroup %s: %w", dir, err)
		}
		time.Sleep(wait)
	}
}
