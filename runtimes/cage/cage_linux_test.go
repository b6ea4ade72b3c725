package cage

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"

	"forklore/runtimes/spawn"
)

func needController(t *testing.T, y *Yard, name string) {
	if slices.Contains(y.Missing(), name) {
		t.Skipf("this tree has no %s controller", name)
	}
}

func TestMemoryLimitKills(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		y := open(t, driver)
		needController(t, y, "memory")
		const limit = 96 << 20
		c := newCage(t, y, Limits{MemoryBytes: limit})
		p := start(t, c, "cage eater", "FORKLORE_MB=400")
		<-p.Exited()
		if got := spawn.String(p.Status()); got != "signal 9 (SIGKILL)" {
			t.Errorf("the eater ended by %s, want SIGKILL", got)
		}
		f := c.Figures()
		if f.OOMKills != 1 {
			t.Errorf("oom_kill %d, want 1", f.OOMKills)
		}
		// The kernel lets some pages through that it can't refuse.
		if f.PeakBytes > limit+1<<20 || f.PeakBytes < limit/2 || f.LimitBytes != limit {
			t.Errorf("peak %d, limit %d, want close to and up to %d", f.PeakBytes, f.LimitBytes, limit)
		}
		c.Delete()
		if f := c.Figures(); f.OOMKills != 1 {
			t.Errorf("oom_kill %d after Delete, want the last figures to stay", f.OOMKills)
		}
	})
}

// TestCallsOOMKill: the container host tells of an OOM kill in a call's group.
// If the cage counted it too, it would be two.
func TestCallsOOMKill(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		y := open(t, driver)
		needController(t, y, "memory")
		c := newCage(t, y, Limits{MemoryBytes: 256 << 20}, WithCalls())
		call := filepath.Join(cageDirs(c)[0], "calls", "1")
		if err := os.Mkdir(call, 0o755); err != nil {
			t.Fatal(err)
		}
		const mem = "33554432"
		limit, swap, most := "memory.max", "memory.swap.max", "0"
		if y.Mode() == "v1" {
			limit, swap, most = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", mem
		}
		if err := writeFile(filepath.Join(call, limit), mem); err != nil {
			t.Fatal(err)
		}
		writeFile(filepath.Join(call, swap), most) // a kernel may be without
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		eater := exec.Command("/bin/sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$1"`, call, self)
		eater.Env = append(os.Environ(), "FORKLORE_ROLE=cage eater", "FORKLORE_MB=100")
		if out, err := eater.CombinedOutput(); err == nil || err.Error() != "signal: killed" {
			t.Fatalf("the eater ended with %v, want SIGKILL: %s", err, out)
		}
		if f := c.Figures(); f.OOMKills != 0 || f.PeakBytes < 30<<20 {
			t.Errorf("oom_kill %d, want 0; peak %d, want the call's in it", f.OOMKills, f.PeakBytes)
		}
	})
}

// TestLimitBeforeProgram: a limit that no program fits into ends it before it
// has said a word.
func TestLimitBeforeProgram(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		y := open(t, driver)
		needController(t, y, "memory")
		c := newCage(t, y, Limits{MemoryBytes: 512 << 10})
		p, err := spawn.Start(spawn.Cmd{Role: "cage eater", Launch: c.Launch})
		if err != nil {
			return // not even exec fits: fine too
		}
		defer p.Kill()
		if said, ok := <-p.Lines(); ok {
			t.Errorf("the program ran: it said %q", said)
		}
	})
}

func TestPidsLimit(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		y := open(t, driver)
		needController(t, y, "pids")
		const limit = 60
		c := newCage(t, y, Limits{Pids: limit})
		p := start(t, c, "cage forker")
		n, _ := strconv.Atoi(strings.TrimPrefix(line(t, p), "say "))
		f := c.Figures()
		if n == 0 || n >= limit || f.PidsPeak > limit || f.PidsNow < int64(n) {
			t.Errorf("%d processes started below a limit of %d; now %d, peak %d", n, limit, f.PidsNow, f.PidsPeak)
		}
	})
}

func TestFigures(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		y := open(t, driver)
		c := newCage(t, y, Limits{MemoryBytes: 256 << 20, Pids: 100, CPUWeight: 100})
		p := start(t, c, "cage eater", "FORKLORE_MB=20")
		line(t, p)
		f := c.Figures()
		t.Logf("%+v", f)
		if want := "cgroup " + y.Mode(); f.Source != want {
			t.Errorf("source %q, want %q", f.Source, want)
		}
		if f.CPU <= 0 || f.CPU > time.Minute {
			t.Errorf("CPU %v", f.CPU)
		}
		if !slices.Contains(y.Missing(), "pids") && (f.PidsNow < 2 || f.PidsPeak < f.PidsNow) {
			t.Errorf("pids %d, peak %d: a Go program has some threads", f.PidsNow, f.PidsPeak)
		}
		if slices.Contains(y.Missing(), "memory") {
			return
		}
		if f.AnonBytes < 20<<20 || f.AnonBytes > 120<<20 || f.MemoryBytes < f.AnonBytes || f.PeakBytes < f.MemoryBytes || f.KernelBytes <= 0 {
			t.Errorf("memory %d, peak %d, anon %d, kernel %d with 20 MiB eaten", f.MemoryBytes, f.PeakBytes, f.AnonBytes, f.KernelBytes)
		}
	})
}

func TestLaunch(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		c := newCage(t, open(t, driver), Limits{})
		refused := errors.New("fork refused")
		var pid int
		cases := []struct {
			name string
			fork func(*syscall.SysProcAttr) error
			want error
		}{
			{"forks", func(a *syscall.SysProcAttr) (err error) {
				pid, err = syscall.ForkExec("/bin/sleep", []string{"sleep", "600"}, &syscall.ProcAttr{Sys: a})
				return err
			}, nil},
			{"fork fails", func(*syscall.SysProcAttr) error { return refused }, refused},
			{"no such program", func(a *syscall.SysProcAttr) error {
				_, err := syscall.ForkExec("/nonexistent", nil, &syscall.ProcAttr{Sys: a})
				return err
			}, syscall.ENOENT},
		}
		for _, tc := range cases {
			t.Run(tc.name, func(t *testing.T) {
				var before, after string
				err := onThread(func() error {
					before = cgroupText("thread-self")
					defer func() { after = cgroupText("thread-self") }()
					return c.Launch(tc.fork)
				})
				if !errors.Is(err, tc.want) {
					t.Errorf("Launch: %v, want %v", err, tc.want)
				}
				if before != after {
					t.Errorf("the launching thread was in\n%sand is in\n%s", before, after)
				}
			})
		}
		inHost(t, c, pid)
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
		var status syscall.WaitStatus
		if wait4(pid, &status); status.Signal() != syscall.SIGKILL {
			t.Errorf("after Kill the child ended by %v", spawn.String(status))
		}
	})
}

// inHost checks that a process is in the group host of every hierarchy.
func inHost(t *testing.T, c *Cage, pid int) {
	t.Helper()
	dirs := strings.TrimPrefix(strings.TrimPrefix(c.Env(), "v1:"), "v2:")
	for _, part := range strings.Split(dirs, ";") {
		_, dir, named := strings.Cut(part, "=")
		if !named {
			dir = part
		}
		if got := readFields(filepath.Join(dir, "host", "cgroup.procs")); !slices.Equal(got, []string{strconv.Itoa(pid)}) {
			t.Errorf("%s/host has processes %v, want %d alone", dir, got, pid)
		}
	}
}

// TestLaunchStopped is the way for kernels and seccomp filters without clone3.
func TestLaunchStopped(t *testing.T) {
	needGroups(t)
	driver := "machine"
	if MachineCgroup() == "v1" {
		driver = "bare v2"
	}
	if _, err := os.Stat(bareV2); err != nil && driver != "machine" {
		t.Skip("no cgroup v2 on this machine")
	}
	c := newCage(t, open(t, driver), Limits{})
	var pid int
	err := onThread(func() error {
		return launchStopped(c.groups.(*cageV2).host, func(a *syscall.SysProcAttr) (err error) {
			pid, err = syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 7"}, &syscall.ProcAttr{Sys: a})
			if err == nil {
				in, _ := cgroupOf(strconv.Itoa(pid), "")
				t.Log("before:", in)
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if wait4(pid, &status); status.ExitStatus() != 7 {
		t.Errorf("the child ended by %s, want exit status 7: it was to run on", spawn.String(status))
	}
	if f := c.Figures(); f.CPU == 0 {
		t.Error("no CPU time in the cage: the program ran outside")
	}
}

// TestKillMany kills a tree of processes that their parent doesn't wait for,
// in the host's group and in a call's.
func TestKillMany(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		y := open(t, driver)
		c := newCage(t, y, Limits{Pids: 150}, WithCalls())
		p := start(t, c, "cage forker")
		line(t, p)
		for _, g := range cageDirs(c) {
			call := filepath.Join(g, "calls", "1")
			if err := os.Mkdir(call, 0o755); err != nil {
				t.Fatal(err)
			}
			pids := readFields(filepath.Join(g, "host", "cgroup.procs"))
			if err := writeFile(filepath.Join(call, "cgroup.procs"), pids[len(pids)-1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Delete(); err == nil {
			t.Error("Delete removed a cage with processes in it")
		}
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
		for _, g := range cageDirs(c) {
			if pids := members(g); len(pids) > 0 {
				t.Errorf("alive in %s after Kill: %v", g, pids)
			}
		}
		if limit := readFields(filepath.Join(cageDirs(c)[0], "..", "..", "pids.max")); len(limit) > 0 && limit[0] == "0" {
			t.Error("Kill left forks forbidden")
		}
		if err := c.Delete(); err != nil {
			t.Error(err)
		}
		for _, g := range cageDirs(c) {
			if _, err := os.Stat(g); err == nil {
				t.Errorf("%s is still there after Delete", g)
			}
		}
	})
}

func cageDirs(c *Cage) (dirs []string) {
	switch g := c.groups.(type) {
	case *cageV1:
		for _, h := range g.groups {
			dirs = append(dirs, h.dir)
		}
	case *cageV2:
		dirs = append(dirs, g.group.dir)
	}
	return dirs
}

func TestLimitsWritten(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		y := open(t, driver)
		c := newCage(t, y, Limits{MemoryBytes: 64 << 20, Pids: 77, CPUWeight: 50})
		for _, want := range []struct{ controller, v1, v2, value1, value2 string }{
			{"memory", "memory.limit_in_bytes", "memory.max", "67108864", "67108864"},
			{"memory", "memory.memsw.limit_in_bytes", "memory.swap.max", "67108864", "0"},
			{"pids", "pids.max", "pids.max", "77", "77"},
			{"cpu", "cpu.shares", "cpu.weight", "512", "50"},
		} {
			if slices.Contains(y.Missing(), want.controller) {
				continue
			}
			file, value := want.v2, want.value2
			if y.Mode() == "v1" {
				file, value = want.v1, want.value1
			}
			found := false
			for _, g := range cageDirs(c) {
				if got := readFields(filepath.Join(g, file)); len(got) > 0 {
					found = true
					if got[0] != value {
						t.Errorf("%s is %s, want %s", file, got[0], value)
					}
				}
			}
			if !found && !strings.Contains(file, "sw") {
				t.Errorf("no %s", file)
			}
		}
	})
}

func BenchmarkFigures4Cages(b *testing.B) {
	needRoot(b)
	y := open(b, "machine")
	var cages []*Cage
	for _, name := range []string{"cgi", "prefork", "eventloop", "container"} {
		c, err := y.New(name, Limits{MemoryBytes: 128 << 20, Pids: 512, CPUWeight: 100})
		if err != nil {
			b.Fatal(err)
		}
		cages = append(cages, c)
		line(b, start(b, c, "cage eater", "FORKLORE_MB=4"))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range cages {
			c.Figures()
		}
	}
}

// BenchmarkLibraryStat4Cages is what the kept-open files are measured against.
func BenchmarkLibraryStat4Cages(b *testing.B) {
	needRoot(b)
	y := open(b, "machine")
	c := newCage(b, y, Limits{MemoryBytes: 128 << 20})
	for b.Loop() {
		for range 4 {
			var err error
			rel := strings.TrimPrefix(cageDirs(c)[0], y.groups.(*groupYard).bases()[0].dir)
			switch d := y.groups.(*groupYard).driver.(type) {
			case *v1:
				var g cgroup1.Cgroup
				if g, err = cgroup1.Load(cgroup1.StaticPath(rel), cgroup1.WithHierarchy(d.subsystems)); err == nil {
					_, err = g.Stat(cgroup1.IgnoreNotExist)
				}
			case *v2:
				var m *cgroup2.Manager
				if m, err = cgroup2.Load(rel, cgroup2.WithMountpoint(d.base.dir)); err == nil {
					_, err = m.StatFiltered(cgroup2.StatMemory | cgroup2.StatMemoryEvents | cgroup2.StatPids | cgroup2.StatCPU)
				}
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLaunch(b *testing.B) {
	needRoot(b)
	c := newCage(b, open(b, "machine"), Limits{})
	err := onThread(func() error {
		for b.Loop() {
			if err := c.Launch(func(*syscall.SysProcAttr) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// TestKillFrozen: a call that is frozen, and killed before, ends all the same.
func TestKillFrozen(t *testing.T) {
	needGroups(t)
	c := newCage(t, open(t, "machine"), Limits{}, WithCalls())
	p := start(t, c, "cage forker")
	line(t, p)
	dir, state, order, frozen := "", "freezer.state", "FROZEN", "FROZEN"
	if _, v2 := c.groups.(*cageV2); v2 {
		dir, state, order, frozen = cageDirs(c)[0], "cgroup.freeze", "1", "1"
	}
	for _, part := range strings.Split(c.Env(), ";") {
		if d, ok := strings.CutPrefix(part, "freezer="); ok {
			dir = d
		}
	}
	if dir == "" {
		t.Skip("needs the controller freezer")
	}
	call := filepath.Join(dir, "calls", "1")
	if err := os.Mkdir(call, 0o755); err != nil {
		t.Fatal(err)
	}
	pid := readFields(filepath.Join(dir, "host", "cgroup.procs"))[1]
	if err := writeFile(filepath.Join(call, "cgroup.procs"), pid); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(call, state), order); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if slices.Contains(readFields(filepath.Join(call, state)), frozen) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	n, _ := strconv.Atoi(pid)
	syscall.Kill(n, syscall.SIGKILL)
	if err := c.Kill(); err != nil {
		t.Error(err)
	}
	if left := members(filepath.Dir(filepath.Dir(call))); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}
