package cage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// v1 keeps a tree of groups for each controller (or for several that are
// mounted together); a cage is a group in each.
type v1 struct {
	id     string
	mounts []mount
	lost   []string
}

func openV1(id string) (*v1, error) {
	d := &v1{id: id}
	d.mounts, d.lost = mountsV1()
	if len(d.mounts) == 0 || d.mounts[0].controllers[0] != "memory" {
		return nil, errors.New("cgroup v1 without a memory controller: no limits; add cgroup_enable=memory to the kernel's command line")
	}
	return d, nil
}

func (d *v1) mode() string { return "v1" }

func (d *v1) missing() []string { return d.lost }

func (d *v1) enter() error { return nil }

func (d *v1) leave() error { return nil }

func (d *v1) bases() []group {
	gs := make([]group, len(d.mounts))
	for i, m := range d.mounts {
		gs[i] = group{m, m.dir}
	}
	return gs
}

func (d *v1) make(name string, l Limits, calls bool) (cageGroups, error) {
	rel := filepath.Join("/", topName, d.id, name)
	c := &cageV1{groups: below(d.bases(), rel), hosts: below(d.bases(), filepath.Join(rel, "host"))}
	err := d.create(rel, resourcesV1(l))
	if err == nil {
		err = d.create(filepath.Join(rel, "host"), &specs.LinuxResources{})
	}
	if err == nil && calls {
		err = d.create(filepath.Join(rel, "calls"), &specs.LinuxResources{})
	}
	if err == nil {
		c.meter, err = meterV1(c.groups, c.hosts, l)
	}
	if err != nil {
		removeGroups(c.groups)
		return nil, err
	}
	return c, nil
}

func (d *v1) create(path string, r *specs.LinuxResources) error {
	_, err := cgroup1.New(cgroup1.StaticPath(path), r, cgroup1.WithHierarchy(d.subsystems))
	return err
}

// subsystems are the library's names for our mounts. It looks for each
// controller in a folder of its name, which is a link where several are
// mounted together.
func (d *v1) subsystems() ([]cgroup1.Subsystem, error) {
	var ss []cgroup1.Subsystem
	for _, m := range d.mounts {
		root := filepath.Dir(m.dir)
		for _, c := range m.controllers {
			switch c {
			case "memory":
				ss = append(ss, cgroup1.NewMemory(root, cgroup1.OptionalSwap()))
			case "pids":
				ss = append(ss, cgroup1.NewPids(root))
			case "cpu":
				ss = append(ss, cgroup1.NewCpu(root))
			case "cpuacct":
				ss = append(ss, cgroup1.NewCpuacct(root))
			case freezer:
				ss = append(ss, cgroup1.NewFreezer(root))
			}
		}
	}
	return ss, nil
}

func resourcesV1(l Limits) *specs.LinuxResources {
	r := &specs.LinuxResources{}
	if l.MemoryBytes > 0 {
		r.Memory = &specs.LinuxMemory{Limit: &l.MemoryBytes}
		// Memory and swap together: no more than memory alone, so swap is 0.
		// The file isn't there where the kernel doesn't account for swap.
		if _, err := os.Stat("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"); err == nil {
			r.Memory.Swap = &l.MemoryBytes
		}
	}
	if l.Pids > 0 {
		r.Pids = &specs.LinuxPids{Limit: &l.Pids}
	}
	if l.CPUWeight > 0 {
		shares := sharesOf(l.CPUWeight)
		r.CPU = &specs.LinuxCPU{Shares: &shares}
	}
	return r
}

// sharesOf turns a weight of v2, whose default is 100, into shares of v1,
// whose default is 1024. The kernel takes 2 to 262144.
func sharesOf(weight uint64) uint64 {
	return min(max(weight*1024/100, 2), 262144)
}

// cageV1 is a runtime's group in each hierarchy.
type cageV1 struct {
	groups, hosts []group
	meter         *meter
}

func (c *cageV1) figures() Figures { return c.meter.read() }
func (c *cageV1) kill() error      { return killGroups(c.groups) }

func (c *cageV1) remove() error {
	c.meter.read() // for the last time
	if err := removeGroups(c.groups); err != nil {
		return err
	}
	c.meter.close()
	return nil
}

func (c *cageV1) env() string {
	var parts []string
	for _, g := range c.groups {
		for _, name := range g.mount.controllers {
			parts = append(parts, name+"="+g.dir)
		}
	}
	return "v1:" + strings.Join(parts, ";")
}

// launch moves the calling thread into the groups, alone: v1 has `tasks` for
// single threads. The child that it forks is born where the thread is; then
// the thread goes back to where it was. Memory isn't charged to the thread's
// group but to that of its process's first thread, so nothing of the lab's
// counts in the cage.
func (c *cageV1) launch(fork func(*syscall.SysProcAttr) error) (err error) {
	runtime.LockOSThread() // the caller's lock is what counts; this one makes a mistake harmless
	defer runtime.UnlockOSThread()
	homes := make([]string, len(c.hosts))
	for i, h := range c.hosts {
		cgroup, err := cgroupOf("thread-self", h.controller())
		if err != nil {
			return fmt.Errorf("find the launching thread's cgroup: %w", err)
		}
		if homes[i], err = h.mount.dirOf(cgroup); err != nil {
			return fmt.Errorf("find the launching thread's cgroup: %w", err)
		}
	}
	tid := strconv.Itoa(syscall.Gettid())
	defer func() {
		for i, home := range homes {
			if e := goHome(tid, home, c.hosts[i].mount.dir); e != nil {
				err = errors.Join(err, fmt.Errorf("take the launching thread out of the cage: %w", e))
			}
		}
	}()
	for _, h := range c.hosts {
		if err := writeFile(filepath.Join(h.dir, "tasks"), tid); err != nil {
			return fmt.Errorf("move the launching thread into the cage: %w", err)
		}
	}
	return fork(&syscall.SysProcAttr{})
}

// goHome moves the thread back, or to the top of the hierarchy if its group
// has been removed meanwhile.
func goHome(tid, home, top string) error {
	err := writeFile(filepath.Join(home, "tasks"), tid)
	if err != nil {
		err = writeFile(filepath.Join(top, "tasks"), tid)
	}
	return err
}
