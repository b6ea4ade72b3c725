package spawn_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

// Roles of this test binary: what it starts is itself.
func init() {
	role.Enter("t echo", func() { // says back what it is told, until the lab is gone
		role.Tell("ready 0")
		role.Commands(func(line string) { role.Tell("heard " + line) })
	})
	role.Enter("t look", func() { // tells what it was born with
		fds, _ := os.ReadDir("/proc/self/fd")
		var open []string
		for _, fd := range fds {
			if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
				open = append(open, fd.Name()+"="+target)
			}
		}
		var core syscall.Rlimit
		syscall.Getrlimit(syscall.RLIMIT_CORE, &core)
		nice, _ := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
		comm, _ := os.ReadFile("/proc/self/comm")
		role.Tell(strings.Join([]string{
			"pgid=" + strconv.FormatBool(syscall.Getpgrp() == os.Getpid()),
			"core=" + strconv.FormatUint(core.Max, 10),
			"nice=" + strconv.Itoa(20-nice), // the system call returns 20 - nice
			"comm=" + strings.TrimSpace(string(comm)),
			"argv0=" + strings.ReplaceAll(os.Args[0], " ", "_"),
			"fds=" + strings.ReplaceAll(strings.Join(open, ","), " ", "_"),
		}, " "))
		role.Commands(func(string) {})
	})
	role.Enter("t deaf", func() { // doesn't look at its control socket
		role.Tell("ready 0")
		time.Sleep(time.Minute)
	})
	role.Enter("t lab", func() { // a lab that starts a leaf and a host, and dies
		leaf, err := spawn.Start(spawn.Cmd{Role: "t deaf", Leaf: true})
		if err != nil {
			panic(err)
		}
		host, err := spawn.Start(spawn.Cmd{Role: "t echo"})
		if err != nil {
			panic(err)
		}
		<-leaf.Lines()
		<-host.Lines()
		role.Tell("started " + strconv.Itoa(leaf.Pid) + " " + strconv.Itoa(host.Pid))
		time.Sleep(time.Minute)
	})
}

func start(t *testing.T, c spawn.Cmd) *spawn.Proc {
	t.Helper()
	p, err := spawn.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func line(t *testing.T, p *spawn.Proc) string {
	t.Helper()
	select {
	case s := <-p.Lines():
		return s
	case <-time.After(30 * time.Second):
		t.Fatal("it says nothing")
		return ""
	}
}

func TestLines(t *testing.T) {
	p := start(t, spawn.Cmd{Role: "t echo"})
	if got := line(t, p); got != "ready 0" {
		t.Fatalf("it said %q", got)
	}
	if err := p.Tell("set NAME value"); err != nil {
		t.Fatal(err)
	}
	if got := line(t, p); got != "heard set NAME value" {
		t.Errorf("it said %q", got)
	}
	begun := time.Now()
	p.Stop(30 * time.Second)
	if s := p.Status(); !s.Exited() || s.ExitStatus() != 0 || time.Since(begun) > 20*time.Second {
		t.Errorf("stopped by the end of file: %s after %v", spawn.String(s), time.Since(begun))
	}
	if _, ok := <-p.Lines(); ok {
		t.Error("lines after the end")
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal to a process that is gone: %v, want ErrProcessDone", err)
	}
}

func TestStopKillsTheDeaf(t *testing.T) {
	p := start(t, spawn.Cmd{Role: "t deaf"})
	line(t, p)
	p.Stop(50 * time.Millisecond)
	if got := spawn.String(p.Status()); got != "signal 9 (SIGKILL)" {
		t.Errorf("%s, want signal 9 (SIGKILL)", got)
	}
}

func TestUnknownRole(t *testing.T) {
	if _, err := spawn.Start(spawn.Cmd{Role: "t nobody"}); !errors.Is(err, spawn.ErrUnknownRole) {
		t.Errorf("%v, want ErrUnknownRole: this binary would run its own tests again", err)
	}
}

// TestCleanStart: its own process group, no core, a little nicer, a name, and
// no descriptor but those that it was given.
func TestCleanStart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	stray, err := syscall.Open("/dev/zero", syscall.O_RDONLY, 0) // without O_CLOEXEC, as a shell leaves them
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(stray)
	spawn.CleanDescriptors()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := start(t, spawn.Cmd{Role: "t look", Log: log})
	got := line(t, p)
	for _, want := range []string{"pgid=true", "core=0", "nice=5", "comm=t", "argv0=forklore:_t_look", "0=/dev/null", "3=socket:"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q: no %q", got, want)
		}
	}
	_, list, _ := strings.Cut(got, "fds=")
	var numbers []string
	for f := range strings.SplitSeq(list, ",") {
		n, target, _ := strings.Cut(f, "=")
		// What Go opens itself: its poller, its CPU limit; and the folder being read.
		if !strings.HasPrefix(target, "anon_inode") && !strings.HasPrefix(target, "/sys/fs/cgroup/") && !strings.HasPrefix(target, "/proc/") {
			numbers = append(numbers, n)
		}
		if target == "/dev/zero" {
			t.Errorf("the stray descriptor arrived: %s", list)
		}
	}
	if want := []string{"0", "1", "2", "3", "4"}; !slices.Equal(numbers, want) {
		t.Errorf("descriptors %v, want %v: %s", numbers, want, list)
	}
}

// TestLabIsKilled: kill -9 of the lab takes a leaf by Pdeathsig, and a host by
// the end of file.
func TestLabIsKilled(t *testing.T) {
	lab := start(t, spawn.Cmd{Role: "t lab"})
	f := strings.Fields(line(t, lab))
	if len(f) != 3 {
		t.Fatalf("it said %q", f)
	}
	leaf, _ := strconv.Atoi(f[1])
	host, _ := strconv.Atoi(f[2])
	lab.Kill()
	for _, pid := range []int{leaf, host} {
		deadline := time.Now().Add(2 * time.Second)
		for alive(pid) && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if alive(pid) {
			t.Errorf("process %d outlived the lab by 2 s", pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// alive: a zombie that nobody has waited for is dead too.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil && runtime.GOOS != "linux"
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestStartFails(t *testing.T) {
	_, err := spawn.Start(spawn.Cmd{Role: "t echo", Launch: func(func(*syscall.SysProcAttr) error) error {
		return syscall.EPERM
	}})
	if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), "t echo") {
		t.Errorf("%v, want EPERM and the role's name", err)
	}
}
