package cage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/cgroups/v3"
	"github.com/prometheus/procfs"
)

// wanted are the controllers that a cage uses, on v1 in this order: the first
// that exists is the one whose folders carry the locks.
// The freezer limits nothing: a container host stops idle sandboxes with it.
var wanted = []string{"memory", "pids", "cpu", "cpuacct", freezer}

const freezer = "freezer"

// mount is a cgroup file system: all of v2, or some controllers of v1.
type mount struct {
	dir         string   // where it is mounted
	root        string   // which cgroup is at dir: not "/" in many containers
	controllers []string // v1 only
}

// dirOf finds the folder of a cgroup that /proc/pid/cgroup names. It isn't
// there if the cgroup lies outside of what is mounted.
func (m mount) dirOf(cgroup string) (string, error) {
	rel, err := filepath.Rel(m.root, cgroup)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", fmt.Errorf("cgroup %s is not below %s, which is all that is mounted at %s", cgroup, m.root, m.dir)
	}
	return filepath.Join(m.dir, rel), nil
}

// MachineCgroup is "v2", "v1" (hybrid too, where the controllers are on v1) or
// "none": what the machine has, whether or not this user may use it.
func MachineCgroup() string {
	switch cgroups.Mode() {
	case cgroups.Unified:
		return "v2"
	case cgroups.Legacy, cgroups.Hybrid:
		if ms, _ := mountsV1(); len(ms) > 0 {
			return "v1"
		}
	}
	return "none"
}

// mountsV1 finds the mounts of the wanted controllers, in the order of wanted.
// Distributions mount cpu and cpuacct together.
func mountsV1() (found []mount, missing []string) {
	all, err := procfs.GetMounts()
	if err != nil {
		return nil, wanted
	}
	for _, name := range wanted {
		i := slices.IndexFunc(all, func(m *procfs.MountInfo) bool {
			_, has := m.SuperOptions[name]
			return m.FSType == "cgroup" && has
		})
		if i < 0 {
			if name != freezer {
				missing = append(missing, name)
			}
			continue
		}
		m := mount{dir: all[i].MountPoint, root: all[i].Root, controllers: []string{name}}
		if j := slices.IndexFunc(found, func(f mount) bool { return f.dir == m.dir }); j >= 0 {
			found[j].controllers = append(found[j].controllers, name)
			continue
		}
		found = append(found, m)
	}
	return found, missing
}

// mountV2 describes the v2 tree at dir.
func mountV2(dir string) mount {
	m := mount{dir: dir, root: "/"}
	all, err := procfs.GetMounts()
	if err != nil {
		return m
	}
	for _, i := range all {
		if i.FSType == "cgroup2" && i.MountPoint == dir {
			m.root = i.Root
		}
	}
	return m
}

// cgroupOf reads which cgroup a process or thread is in: who is "self",
// "thread-self" or a pid.
func cgroupOf(who, controller string) (string, error) {
	v1, v2, err := cgroups.ParseCgroupFileUnified("/proc/" + who + "/cgroup")
	if err != nil {
		return "", err
	}
	if controller == "" {
		return v2, nil
	}
	path, ok := v1[controller]
	if !ok {
		return "", fmt.Errorf("/proc/%s/cgroup: no controller %s", who, controller)
	}
	return path, nil
}

// writeFile writes a control file that exists. os.WriteFile would ask to
// create it, and blame permissions where the file isn't there.
func writeFile(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

func readFields(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}
