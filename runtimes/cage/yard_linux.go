package cage

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/log"
)

// topName is the group of all labs.
const topName = "forklore"

// group is one folder of a cgroup file system.
type group struct {
	mount mount
	dir   string
}

// controller names the hierarchy as /proc/pid/cgroup does: "" is v2.
func (g group) controller() string {
	if len(g.mount.controllers) == 0 {
		return ""
	}
	return g.mount.controllers[0]
}

// below are the groups of that name in each of gs.
func below(gs []group, name string) []group {
	out := make([]group, len(gs))
	for i, g := range gs {
		out[i] = group{g.mount, filepath.Join(g.dir, name)}
	}
	return out
}

// driver is what differs between v1 and v2.
type driver interface {
	mode() string
	missing() []string
	// bases are the groups in which forklore/ goes: one on v2, one per
	// hierarchy on v1.
	bases() []group
	make(name string, l Limits, calls bool) (cageGroups, error)
	// enter readies the bases for a lab, and leave undoes it after the last:
	// both run under the lock of the top folder.
	enter() error
	leave() error
}

func openGroups(id string) (yardGroups, error) {
	quietLibrary()
	var d driver
	var err error
	switch cgroups.Mode() {
	case cgroups.Unified:
		d, err = openV2("/sys/fs/cgroup", id)
	case cgroups.Legacy, cgroups.Hybrid:
		d, err = openV1(id)
	default:
		err = errors.New("no cgroups mounted at /sys/fs/cgroup; in a container, mount them read-write into it")
	}
	if err != nil {
		return nil, err
	}
	return openYard(d, id)
}

// groupYard is a lab's folder in each hierarchy.
type groupYard struct {
	driver
	tops, labs []group
	lock       *os.File // on the first of labs, held until the lab ends
}

// openYard sweeps, then makes and locks this lab's folders, all under the lock
// of the top folder, so that two labs may start at once.
func openYard(d driver, id string) (_ *groupYard, err error) {
	tops := below(d.bases(), topName)
	y := &groupYard{driver: d, tops: tops, labs: below(tops, id)}
	top, err := lockTop(tops[0].dir)
	if err != nil {
		return nil, explain(err)
	}
	defer top.Close()
	defer func() {
		if err != nil {
			y.vacate()
		}
	}()
	if err := d.enter(); err != nil {
		return nil, err
	}
	sweep(tops)
	for _, g := range append(tops[1:len(tops):len(tops)], y.labs...) {
		if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, explain(err)
		}
	}
	if y.lock, err = lockFolder(y.labs[0].dir); err != nil {
		return nil, err
	}
	return y, nil
}

// close kills and removes all of the lab's groups.
func (y *groupYard) close() error {
	top, err := lockTop(y.tops[0].dir)
	if err != nil {
		return err
	}
	defer top.Close()
	defer y.lock.Close()
	err = errors.Join(killGroups(y.labs), removeGroups(y.labs), removeStrays(y.tops, filepath.Base(y.labs[0].dir)))
	return errors.Join(err, y.vacate())
}

// vacate removes the top folders if no lab is left in them. The first goes
// last: its lock guards the others.
func (y *groupYard) vacate() error {
	if len(subtree(y.tops[0].dir)) > 1 {
		return nil // another lab is in it
	}
	err := y.leave()
	for i := len(y.tops) - 1; i >= 0; i-- {
		if e := syscall.Rmdir(y.tops[i].dir); e != nil && e != syscall.ENOENT {
			err = errors.Join(err, &fs.PathError{Op: "rmdir", Path: y.tops[i].dir, Err: e})
		}
	}
	return err
}

// sweep kills and removes what dead labs left. The lock of a lab is on its
// folder in the first hierarchy; where that folder is gone, the lab was on its
// way out when it died.
func sweep(tops []group) {
	names := map[string]bool{}
	for _, top := range tops {
		entries, _ := os.ReadDir(top.dir)
		for _, e := range entries {
			if e.IsDir() {
				names[e.Name()] = true
			}
		}
	}
	for name := range names {
		labs := below(tops, name)
		lock, err := lockFolder(labs[0].dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue // alive
		}
		err = errors.Join(killGroups(labs), removeGroups(labs), removeStrays(tops, name))
		if lock != nil {
			lock.Close()
		}
		slog.Info("swept the groups of a dead lab", "lab", name, "err", err)
	}
}

// explain adds what helps to an error of making the first group.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the cgroup file system is read-only: %w; in a container, start it with --privileged or run the lab outside", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no right to make a cgroup: %w; %s", err, remedy())
	}
	return err
}

// quietLibrary sends what containerd/cgroups logs, by default to standard
// error and so across the screen, to our own log.
var quietLibrary = sync.OnceFunc(func() { log.L.Logger.SetOutput(toSlog{}) })

type toSlog struct{}

func (toSlog) Write(line []byte) (int, error) {
	slog.Warn("containerd/cgroups", "says", string(line))
	return len(line), nil
}
