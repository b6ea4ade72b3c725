package cage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds Kill and Delete. A process that doesn't end within it hangs
// in the kernel, and no waiting helps.
const patience = 2 * time.Second

// killGroups ends every process in the groups at dirs and below. On v2 the
// kernel does it (cgroup.kill, Linux 5.14). On v1 there is no such file: the
// processes are read and killed one by one until none is left, with pids.max
// at 0 meanwhile, so that a fork bomb can't run ahead of the loop.
func killGroups(gs []group) error {
	defer forbidForks(gs)()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		left := 0
		for _, g := range gs {
			pids := members(g.dir)
			left += len(pids)
			if len(pids) == 0 || writeFile(filepath.Join(g.dir, "cgroup.kill"), "1") == nil {
				continue
			}
			for _, pid := range pids {
				killMember(pid, g)
			}
		}
		thawGroups(gs)
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes still alive %v after SIGKILL", left, patience)
		}
	}
}

// thawGroups lets those die that were killed while frozen. A process in a
// frozen group of v1 takes no signal, not even SIGKILL, until it is thawed
// (cgroup-v1/freezer-subsystem.rst); it executes nothing more of its program
// then. In v2 a fatal signal ends it where it is (cgroup-v2.rst,
// cgroup.freeze). Parents come first: a group is frozen as long as one of
// them is.
func thawGroups(gs []group) {
	for _, g := range gs {
		if !slices.Contains(g.mount.controllers, freezer) {
			continue
		}
		for _, dir := range subtree(g.dir) {
			writeFile(filepath.Join(dir, "freezer.state"), "THAWED")
		}
	}
}

// killMember kills a process if it is in the group. The pid descriptor names
// one process for ever: if the number has been reused since it was read, the
// look into /proc finds a process outside of the group, and if it is reused
// after that, the signal finds nobody.
func killMember(pid int, g group) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil && !errors.Is(err, unix.ENOSYS) {
		return // ended
	}
	if err == nil {
		defer unix.Close(fd)
	}
	cgroup, cgErr := cgroupOf(strconv.Itoa(pid), g.controller())
	if cgErr != nil || pid == os.Getpid() {
		return
	}
	dir, dirErr := g.mount.dirOf(cgroup)
	if dirErr != nil || dir != g.dir && !strings.HasPrefix(dir, g.dir+"/") {
		return
	}
	if err != nil { // before Linux 5.3
		syscall.Kill(pid, syscall.SIGKILL)
		return
	}
	unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// forbidForks sets the groups' pids.max to 0 and returns what undoes it.
func forbidForks(gs []group) (undo func()) {
	undo = func() {}
	for _, g := range gs {
		path := filepath.Join(g.dir, "pids.max")
		before := readFields(path)
		if len(before) == 1 && writeFile(path, "0") == nil {
			undo = func() { writeFile(path, before[0]) } // one group in a yard has it
		}
	}
	return undo
}

// members are the processes of the group at dir and of all below it, without
// this one: a v1 group lists a process of which it holds a single thread, and
// our launching thread may be passing through.
func members(dir string) []int {
	var pids []int
	for _, d := range subtree(dir) {
		for _, f := range readFields(filepath.Join(d, "cgroup.procs")) {
			if pid, err := strconv.Atoi(f); err == nil && pid != os.Getpid() {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// subtree lists the folder and all below it, parents first.
func subtree(dir string) []string {
	dirs := []string{dir}
	for i := 0; i < len(dirs); i++ {
		entries, err := os.ReadDir(dirs[i])
		if err != nil {
			continue // removed while we look
		}
		for _, e := range entries {
			if e.IsDir() {
				dirs = append(dirs, filepath.Join(dirs[i], e.Name()))
			}
		}
	}
	return dirs
}

// removeGroups removes the groups with all below them. A group is busy for a
// moment after its last process has ended.
func removeGroups(gs []group) error {
	deadline := time.Now().Add(patience)
	for _, g := range gs {
		for {
			err := removeSubtree(g.dir)
			if err == nil {
				break
			}
			if time.Now().After(deadline) || !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.ENOTEMPTY) {
				return err
			}
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// removeSubtree removes folders only: the files of a cgroup go with it and
// can't be removed, which is why os.RemoveAll is of no use.
func removeSubtree(dir string) error {
	dirs := subtree(dir)
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := syscall.Rmdir(dirs[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &fs.PathError{Op: "rmdir", Path: dirs[i], Err: err}
		}
	}
	return nil
}
