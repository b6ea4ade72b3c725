package cage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/cgroups/v3/cgroup2"
	"golang.org/x/sys/unix"
)

// wantedV2 are the controllers that a cage uses on v2. CPU time is counted
// without one.
var wantedV2 = []string{"memory", "pids", "cpu"}

// v2 has one tree for all controllers.
type v2 struct {
	id          string
	base        group    // forklore/ goes in here
	controllers []string // those of wantedV2 that can be had there
	leaf        string   // where the processes in base have to go; "" if there are none
}

// openV2 finds the group that the lab may put its own into: the top of the tree
// for root, else the group in which we run, if it was delegated to this user
// (cgroup-v2.rst, "Delegation"). The controllers that are enabled at the top
// of the tree stay enabled: others may have come to need them.
func openV2(mountpoint, id string) (*v2, error) {
	m := mountV2(mountpoint)
	if os.Geteuid() == 0 {
		d := &v2{id: id, base: group{m, m.dir}}
		err := d.enableBase()
		if err == nil {
			return d, nil
		}
		// In a container with a cgroup namespace the top of what is mounted
		// is the container's group, with processes in it.
		if !errors.Is(err, syscall.EBUSY) {
			return nil, explain(err)
		}
	}
	return openOwn(m, id)
}

// enableBase enables the controllers for the groups in base.
func (d *v2) enableBase() error {
	has := readFields(filepath.Join(d.base.dir, "cgroup.controllers"))
	d.controllers = nil
	for _, c := range wantedV2 {
		if slices.Contains(has, c) {
			d.controllers = append(d.controllers, c)
		}
	}
	if !slices.Contains(d.controllers, "memory") {
		return fmt.Errorf("no memory controller in the cgroup %s (it has: %s); %s", d.base.dir, strings.Join(has, " "), remedy())
	}
	return d.enable("/" + topName)
}

// enable makes the controllers available in the group at path, that is, in
// the files cgroup.subtree_control of all groups from base to its parent.
func (d *v2) enable(path string) error {
	if d.enabled(filepath.Dir(path)) {
		return nil
	}
	m, err := cgroup2.Load(path, cgroup2.WithMountpoint(d.base.dir))
	if err != nil {
		return err
	}
	// EBUSY also while a process is on its way out of the group, or the
	// controller out of v1.
	for deadline := time.Now().Add(patience / 4); ; time.Sleep(5 * time.Millisecond) {
		err = m.ToggleControllers(d.controllers, cgroup2.Enable)
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
	}
}

func (d *v2) enabled(path string) bool {
	on := readFields(filepath.Join(d.base.dir, path, "cgroup.subtree_control"))
	for _, c := range d.controllers {
		if !slices.Contains(on, c) {
			return false
		}
	}
	return true
}

func (d *v2) mode() string { return "v2" }

func (d *v2) bases() []group { return []group{d.base} }

func (d *v2) missing() (lost []string) {
	for _, c := range wantedV2 {
		if !slices.Contains(d.controllers, c) {
			lost = append(lost, c)
		}
	}
	return lost
}

func (d *v2) enter() error {
	if d.leaf == "" {
		return nil
	}
	return d.enterLeaf()
}

func (d *v2) leave() error {
	if d.leaf == "" {
		return nil
	}
	return d.leaveLeaf()
}

func (d *v2) make(name string, l Limits, calls bool) (cageGroups, error) {
	rel := filepath.Join("/", topName, d.id, name)
	c := &cageV2{group: group{d.base.mount, filepath.Join(d.base.dir, rel)}}
	c.host = filepath.Join(c.group.dir, "host")
	err := d.create(rel, l)
	for _, sub := range []string{"host", "calls"} {
		if err == nil && (calls || sub == "host") {
			// No process may live in a group that hands controllers down, so
			// the runtime's own group stays empty (cgroup-v2.rst, "No Internal
			// Process Constraint").
			err = d.create(filepath.Join(rel, sub), Limits{})
		}
	}
	if err == nil && calls {
		err = d.enable(filepath.Join(rel, "calls", "N"))
	}
	if err == nil {
		c.meter, err = meterV2(c.group.dir, l)
	}
	if err != nil {
		removeGroups([]group{c.group})
		return nil, err
	}
	return c, nil
}

// create makes a group with the controllers enabled in it, and its limits.
func (d *v2) create(rel string, l Limits) error {
	dir := filepath.Join(d.base.dir, rel)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := d.enable(rel); err != nil {
		return err
	}
	m, err := cgroup2.Load(rel, cgroup2.WithMountpoint(d.base.dir))
	if err != nil {
		return err
	}
	return m.Update(d.resources(dir, l))
}

func (d *v2) resources(dir string, l Limits) *cgroup2.Resources {
	r := &cgroup2.Resources{}
	if l.MemoryBytes > 0 && slices.Contains(d.controllers, "memory") {
		r.Memory = &cgroup2.Memory{Max: &l.MemoryBytes}
		// The file isn't there where the kernel doesn't account for swap.
		if _, err := os.Stat(filepath.Join(dir, "memory.swap.max")); err == nil {
			r.Memory.Swap = new(int64)
		}
	}
	if l.Pids > 0 && slices.Contains(d.controllers, "pids") {
		r.Pids = &cgroup2.Pids{Max: l.Pids}
	}
	if l.CPUWeight > 0 && slices.Contains(d.controllers, "cpu") {
		weight := min(l.CPUWeight, 10000)
		r.CPU = &cgroup2.CPU{Weight: &weight}
	}
	return r
}

// cageV2 is a runtime's group.
type cageV2 struct {
	group group
	host  string
	meter *meter
}

func (c *cageV2) env() string      { return "v2:" + c.group.dir }
func (c *cageV2) figures() Figures { return c.meter.read() }
func (c *cageV2) kill() error      { return killGroups([]group{c.group}) }

func (c *cageV2) remove() error {
	c.meter.read() // for the last time
	if err := removeGroups([]group{c.group}); err != nil {
		return err
	}
	c.meter.close()
	return nil
}

// launch has the kernel put the child into the group as it is born
// (CLONE_INTO_CGROUP, Linux 5.7; clone(2)).
func (c *cageV2) launch(fork func(*syscall.SysProcAttr) error) error {
	fd, err := unix.Open(c.host, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the cage %s: %w", c.host, err)
	}
	defer unix.Close(fd)
	err = fork(&syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd})
	if errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM) {
		// An older kernel, or a seccomp filter that doesn't know clone3.
		return launchStopped(c.host, fork)
	}
	return err
}
