package cage

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/prometheus/procfs"
)

// An OCI runtime makes a call's group in every hierarchy of v1 that is mounted,
// whether or not a limit is in it, and removes that group again, but not the
// folders above it. Those are the lab's to remove: strays.

// removeStrays removes what is left of a lab in the hierarchies that no cage
// uses, and the top folders there if they are empty then. The lab's processes
// are gone: all of them were in a cage. The lock of the top folder is held.
func removeStrays(used []group, lab string) error {
	all, err := procfs.GetMounts()
	if err != nil {
		return nil // then nothing was found to make a cage in either
	}
	var strays []group
	for _, m := range all {
		if m.FSType != "cgroup" || slices.ContainsFunc(used, func(g group) bool { return g.mount.dir == m.MountPoint }) {
			continue
		}
		g := group{mount{dir: m.MountPoint}, filepath.Join(m.MountPoint, topName, lab)}
		if _, err := os.Stat(g.dir); err == nil {
			strays = append(strays, g)
		}
	}
	err = removeGroups(strays)
	for _, g := range strays {
		syscall.Rmdir(filepath.Dir(g.dir)) // another lab may be in it
	}
	return err
}
