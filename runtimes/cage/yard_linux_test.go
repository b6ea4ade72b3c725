package cage

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/spawn"
)

// startLab starts a process that plays a lab with a yard of its own.
func startLab(t *testing.T, driver, id string) *spawn.Proc {
	t.Helper()
	p, err := spawn.Start(spawn.Cmd{Role: "cage lab", Env: []string{"FORKLORE_DRIVER=" + driver, "FORKLORE_ID=" + id}, Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if said := line(t, p); said != "ready 0" {
		t.Fatalf("lab: %s", said)
	}
	return p
}

func labDirs(y *Yard, id string) (dirs []string) {
	for _, g := range below(y.groups.(*groupYard).tops, id) {
		dirs = append(dirs, g.dir)
	}
	return dirs
}

func TestSweep(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		first := open(t, driver) // the top stays while we look
		deadID, liveID := testID(), testID()
		dead, live := startLab(t, driver, deadID), startLab(t, driver, liveID)
		dead.Kill()
		var orphans []int
		for _, dir := range labDirs(first, deadID) {
			orphans = append(orphans, members(dir)...)
		}
		if len(orphans) == 0 {
			t.Fatal("the dead lab left no process; the test tests nothing")
		}
		open(t, driver) // sweeps
		for _, dir := range labDirs(first, deadID) {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s of the dead lab is still there", dir)
			}
		}
		for _, pid := range orphans {
			if !goneSoon(pid) {
				t.Errorf("process %d of the dead lab still runs", pid)
			}
		}
		for _, dir := range labDirs(first, liveID) {
			if len(members(dir)) != 1 {
				t.Errorf("%s of the lab that lives has processes %v, want one", dir, members(dir))
			}
		}
		live.Kill()
		open(t, driver)
		for _, dir := range labDirs(first, liveID) {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s is still there after its lab's death", dir)
			}
		}
	})
}

// goneSoon waits for a killed orphan to be reaped by whoever got it; a zombie
// that waits for that counts as gone.
func goneSoon(pid int) bool {
	for range 200 {
		if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
			return true
		}
		if b, _ := os.ReadFile("/proc/" + itoa(pid) + "/stat"); strings.Contains(string(b), ") Z ") {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// TestOpenTogether: many labs start and stop at once, none sweeps another.
func TestOpenTogether(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 5 {
					y, err := openOn(driver, testID())
					if err != nil || y.Mode() == "none" {
						t.Errorf("open: %v %s", err, y.Why())
						return
					}
					c, err := y.New("cgi", Limits{})
					if err != nil {
						t.Error(err)
					} else if _, err := os.Stat(filepath.Join(cageDirs(c)[0], "host")); err != nil {
						t.Errorf("swept while alive: %v", err)
					}
					if err := y.Close(); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		wg.Wait()
	})
}

// TestCloseRemovesAll: nothing of a lab stays, and the top goes with the last.
func TestCloseRemovesAll(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		id := testID()
		y, err := openOn(driver, id)
		if err != nil || y.Mode() == "none" {
			t.Fatal(err, y.Why())
		}
		c := newCage(t, y, Limits{}, WithCalls())
		var pid int
		if err := onThread(func() error {
			return c.Launch(func(a *syscall.SysProcAttr) (err error) {
				pid, err = syscall.ForkExec("/bin/sleep", []string{"sleep", "600"}, &syscall.ProcAttr{Sys: a})
				return err
			})
		}); err != nil {
			t.Fatal(err)
		}
		dirs := labDirs(y, id)
		if err := y.Close(); err != nil {
			t.Fatal(err)
		}
		var status syscall.WaitStatus
		if wait4(pid, &status); status.Signal() != syscall.SIGKILL {
			t.Errorf("the child ended by %s", spawn.String(status))
		}
		for _, dir := range dirs {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s is still there", dir)
			}
			if others, err := os.ReadDir(filepath.Dir(dir)); err == nil && !slices.ContainsFunc(others, os.DirEntry.IsDir) {
				t.Errorf("%s is empty and still there", filepath.Dir(dir))
			}
		}
	})
}

// TestUsable: asking leaves nothing, and a lab that runs its groups.
func TestUsable(t *testing.T) {
	y, id := open(t, "machine"), "look-"+strconv.Itoa(os.Getpid())
	if err := Usable(); err != nil {
		t.Errorf("a lab has its groups here, and yet: %v", err)
	}
	for _, dir := range labDirs(y, id) {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
	newCage(t, y, Limits{})
}

func TestNoRights(t *testing.T) {
	needRoot(t)
	cases := []struct {
		name string
		attr *syscall.SysProcAttr
		env  []string
		why  []string // one of them is in it
	}{
		{"not root", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}, nil,
			[]string{"sudo", "systemd-run --user --scope -p Delegate=yes"}},
		{"read-only", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, []string{"FORKLORE_RO=1"},
			[]string{"read-only"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			said := see(t, tc.attr, append(tc.env, "FORKLORE_DRIVER=machine")...)
			t.Log(said[1])
			if said[0] != "none" {
				t.Errorf("mode %q, want none", said[0])
			}
			if !slices.ContainsFunc(tc.why, func(w string) bool { return strings.Contains(said[1], w) }) {
				t.Errorf("why is %q, want one of %q in it", said[1], tc.why)
			}
		})
	}
}

// TestDelegated gives nobody a group of v2, as systemd's Delegate=yes does.
func TestDelegated(t *testing.T) {
	needRoot(t)
	top, driver := "/sys/fs/cgroup", "machine"
	if MachineCgroup() != "v2" {
		top, driver = bareV2, "bare v2"
	}
	dir := filepath.Join(top, "delegated-"+testID())
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skip("needs cgroup v2:", err)
	}
	t.Cleanup(func() {
		killGroups([]group{{mountV2(top), dir}})
		if err := removeSubtree(dir); err != nil {
			t.Error(err)
		}
	})
	for _, f := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
		if err := os.Chown(filepath.Join(dir, f), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	if driver == "machine" {
		if err := writeFile(filepath.Join(top, "cgroup.subtree_control"), "+memory +pids"); err != nil {
			t.Skip("can't hand controllers down:", err)
		}
	}
	said := see(t, nil, "FORKLORE_DRIVER="+driver, "FORKLORE_ENTER="+dir)
	t.Log(said)
	home := "/" + filepath.Base(dir)
	if driver == "machine" {
		if said[0] != "v2" || !strings.HasSuffix(said[2], leafName) {
			t.Errorf("in a delegated group: mode %s (%s), in %s", said[0], said[1], said[2])
		}
	} else if said[0] != "none" || !strings.Contains(said[1], "no memory controller") {
		t.Errorf("in a delegated group without controllers: mode %s (%s)", said[0], said[1])
	}
	if said[3] != home {
		t.Errorf("after Close it is in %s, want %s", said[3], home)
	}
	if dirs := subtree(dir); len(dirs) != 1 {
		t.Errorf("left behind: %v", dirs[1:])
	}
}
