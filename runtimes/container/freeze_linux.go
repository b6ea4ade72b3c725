package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"forklore/runtimes/role"
)

// freezer stops sandboxes that wait for a call, and lets them go on: a frozen
// one gets no CPU time, whatever its function has left running. It knows
// sandboxes by their pid 1 alone, so any engine's will do.
//
//	v2  cgroup.freeze of the call's own group, where the engine has put it
//	v1  freezer.state of a group in the freezer's hierarchy, made here at the
//	    first freeze: whom it holds costs nothing, so a process may move there
//	    at any time, unlike where memory is accounted for
//
// The files are written here and not by containerd/cgroups: a thaw is part of
// the call that waits for it, and the library's Load reads the machine's mounts
// first, which takes longer than all the rest; its Freeze for v2 also returns
// before the group is frozen.
type freezer struct {
	v2  bool
	dir string // the calls' folder, in v1 the freezer's
}

// errNoFreezer: the machine has none, or we may not use it.
var errNoFreezer = errors.New("no cgroup freezer here")

// newFreezer reads the setting CGROUP (see newGroups).
func newFreezer(setting string) (*freezer, error) {
	version, rest, _ := strings.Cut(setting, ":")
	switch version {
	case "v2":
		if _, err := os.Stat(rest + "/cgroup.freeze"); err != nil { // Linux 5.2
			return nil, errNoFreezer
		}
		return &freezer{v2: true, dir: rest + "/calls"}, nil
	case "v1":
		for item := range strings.SplitSeq(rest, ";") {
			dir, ok := strings.CutPrefix(item, "freezer=")
			if !ok {
				continue
			}
			if err := os.Mkdir(dir+"/calls", 0o755); err != nil && !errors.Is(err, os.ErrExist) {
				return nil, fmt.Errorf("%w: %w", errNoFreezer, err)
			}
			return &freezer{dir: dir + "/calls"}, nil
		}
	}
	return nil, errNoFreezer
}

func (f *freezer) close() {
	if f != nil && !f.v2 {
		syscall.Rmdir(f.dir)
	}
}

// ice is the group by which one sandbox is frozen.
type ice struct {
	*freezer
	pid int
	dir string
}

// enclose finds the group of a sandbox, or makes it.
func (f *freezer) enclose(pid int) (*ice, error) {
	i := &ice{freezer: f, pid: pid}
	if !f.v2 {
		i.dir = f.dir + "/" + strconv.Itoa(pid)
		if err := os.Mkdir(i.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("make the group %s: %w", i.dir, err)
		}
		return i, writeFile(i.dir+"/cgroup.procs", strconv.Itoa(pid))
	}
	var buf [4096]byte
	text, err := readFile("/proc/"+strconv.Itoa(pid)+"/cgroup", buf[:])
	if err != nil {
		return nil, err
	}
	// Seen from another cgroup namespace the path begins elsewhere; its last
	// element is the call's name in any.
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			i.dir = f.dir + "/" + filepath.Base(path)
		}
	}
	_, err = os.Stat(i.dir + "/cgroup.freeze")
	return i, err
}

// freezePatience is how long a sandbox may take to stop: what it does in the
// kernel comes to an end first.
const freezePatience = time.Second

// freeze stops the sandbox, and returns when it is frozen in fact. In v2 the
// file cgroup.freeze says only what is wanted; cgroup.events says what is.
func (i *ice) freeze() error {
	want, order, state := "frozen 1", "1", "/cgroup.events"
	if !i.v2 {
		want, order, state = "FROZEN", "FROZEN", "/freezer.state"
	}
	if err := i.write(order); err != nil {
		return err
	}
	end := role.Nanotime() + int64(freezePatience)
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 5*time.Millisecond) {
		var buf [128]byte
		text, err := readFile(i.dir+state, buf[:])
		if err != nil {
			return err
		}
		if strings.Contains(text, want) {
			return nil
		}
		if role.Nanotime() > end {
			i.thaw()
			return fmt.Errorf("process %d isn't frozen after %v", i.pid, freezePatience)
		}
		time.Sleep(wait)
	}
}

// thaw lets the sandbox go on.
func (i *ice) thaw() error {
	if i.v2 {
		return i.write("0")
	}
	return i.write("THAWED")
}

func (i *ice) write(order string) error {
	file := "/cgroup.freeze"
	if !i.v2 {
		file = "/freezer.state"
	}
	return writeFile(i.dir+file, order)
}

// doomed reports whether a frozen sandbox has been killed and can't die: in v1
// a signal waits for the thaw, even SIGKILL (cgroup-v1/freezer-subsystem.rst).
func (i *ice) doomed() bool {
	if i.v2 {
		return false
	}
	var buf [4096]byte
	text, err := readFile("/proc/"+strconv.Itoa(i.pid)+"/status", buf[:])
	if err != nil {
		return false
	}
	for line := range strings.Lines(text) {
		name, set, _ := strings.Cut(line, ":")
		if name != "ShdPnd" && name != "SigPnd" {
			continue
		}
		pending, _ := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
		if pending&(1<<(syscall.SIGKILL-1)) != 0 {
			return true
		}
	}
	return false
}

// remove removes the group once the sandbox has ended.
func (i *ice) remove() error {
	if i.v2 {
		return nil // it is the call's
	}
	return removeGroup(i.dir)
}
