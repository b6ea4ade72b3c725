package cage

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/cgroups/v3"
	"golang.org/x/sys/unix"

	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

// The children of these tests are this test binary in a role.
func init() {
	role.Enter("cage eater", eater)
	role.Enter("cage forker", forker)
	role.Enter("cage lab", lab)
	role.Enter("cage seer", seer)
}

// TestMain takes in the orphans that the tests make, since not every machine's
// process 1 does, and looks for what a test left behind.
func TestMain(m *testing.M) {
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	status := m.Run()
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if err == nil && pid == 0 {
			fmt.Fprintln(os.Stderr, "a process was left behind")
			status = 1
		}
		if err != syscall.EINTR && pid <= 0 {
			break
		}
	}
	left, _ := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/*/%s/*t%d-*", topName, os.Getpid()))
	top, _ := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/%s/*t%d-*", topName, os.Getpid()))
	if left = append(left, top...); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "groups left behind:", left)
		status = 1
	}
	os.Exit(status)
}

// eater touches FORKLORE_MB of memory and holds it until the lab is gone.
func eater() {
	mem, err := syscall.Mmap(-1, 0, int(role.Int("MB", 0))<<20+1, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		syscall.Exit(1)
	}
	for i := 0; i < len(mem); i += 4096 {
		mem[i] = 1
	}
	role.TellReady(0)
	role.Commands(func(string) {})
}

// forker starts processes that outlive it until it can't start any more.
func forker() {
	n := 0
	for ; n < 200; n++ {
		if err := exec.Command("/bin/sleep", "600").Start(); err != nil {
			break
		}
	}
	role.Tell("say " + strconv.Itoa(n))
	role.Commands(func(string) {})
}

// lab opens a yard on the driver FORKLORE_DRIVER, puts a process into it that
// outlives everybody, and waits to be killed.
func lab() {
	y, err := openOn(role.Env("DRIVER"), role.Env("ID"))
	if err == nil {
		var c *Cage
		if c, err = y.New("cgi", Limits{}); err == nil {
			err = onThread(func() error {
				return c.Launch(func(a *syscall.SysProcAttr) error {
					_, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "600"}, &syscall.ProcAttr{Sys: a})
					return err
				})
			})
		}
	}
	if err != nil {
		role.Tell("say " + err.Error())
		syscall.Exit(1)
	}
	role.TellReady(0)
	for {
		time.Sleep(time.Hour)
	}
}

// seer says what a yard would be where it runs: mode, and why if none. With
// FORKLORE_RO the cgroup file systems are read-only to it; with FORKLORE_ENTER
// it moves into that group first, then becomes nobody.
func seer() {
	runtime.LockOSThread()
	if role.Env("RO") != "" {
		dirs, _ := filepath.Glob("/sys/fs/cgroup/*") // those that are no mounts refuse
		for _, d := range append(dirs, "/sys/fs/cgroup") {
			unix.Mount("", d, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
		}
	}
	if dir := role.Env("ENTER"); dir != "" {
		if err := writeFile(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(os.Getpid())); err != nil {
			fmt.Println(err)
			syscall.Exit(1)
		}
		syscall.Setuid(nobody)
	}
	y, err := openOn(role.Env("DRIVER"), ID())
	if err != nil {
		fmt.Println(err)
		syscall.Exit(1)
	}
	in, _ := cgroupOf("self", "")
	fmt.Printf("%s\n%s\n%s\n", y.Mode(), y.Why(), in)
	if second, err := openOn(role.Env("DRIVER"), ID()+"-second"); err != nil || second.Mode() != y.Mode() || second.Close() != nil {
		fmt.Println("a second yard beside the first:", err, second.Why())
		syscall.Exit(1)
	}
	if now, _ := cgroupOf("self", ""); now != in {
		fmt.Println("the second yard's end moved the first's lab to", now)
		syscall.Exit(1)
	}
	if err := y.Close(); err != nil {
		fmt.Println(err)
		syscall.Exit(1)
	}
	in, _ = cgroupOf("self", "")
	fmt.Println(in)
}

const nobody = 65534

// openOn opens a yard: "machine" is what the machine offers, "bare v2" the
// tree without controllers that a hybrid machine has beside v1.
func openOn(driver, id string) (*Yard, error) {
	if driver == "machine" {
		return Open(id)
	}
	quietLibrary()
	m := mountV2(bareV2)
	var d *v2
	var err error
	if os.Geteuid() == 0 {
		d = &v2{id: id, base: group{m, m.dir}}
	} else if d, err = openOwn(m, id); err != nil {
		return &Yard{why: err.Error()}, nil
	}
	g, err := openYard(d, id)
	if err != nil && os.Geteuid() != 0 {
		return &Yard{why: err.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Yard{groups: g}, nil
}

const bareV2 = "/sys/fs/cgroup/unified"

// eachDriver runs the test with each driver that this machine has for this
// user, who is root or was given a group.
func eachDriver(t *testing.T, test func(t *testing.T, driver string)) {
	needGroups(t)
	drivers := []string{"machine"}
	if cgroups.Mode() == cgroups.Hybrid {
		drivers = append(drivers, "bare v2")
	}
	for _, d := range drivers {
		t.Run(d, func(t *testing.T) { test(t, d) })
	}
}

func needRoot(t testing.TB) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make cgroups at the top")
	}
}

func needGroups(t testing.TB) {
	if os.Geteuid() == 0 {
		return
	}
	y, err := Open(testID())
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	if y.Mode() == "none" {
		t.Skip("needs root, or a cgroup of its own: ", y.Why())
	}
}

var ids atomic.Int64

func testID() string { return fmt.Sprintf("t%d-%d", os.Getpid(), ids.Add(1)) }

// open opens a yard that the test closes.
func open(t testing.TB, driver string) *Yard {
	t.Helper()
	y, err := openOn(driver, testID())
	if err != nil {
		t.Fatal(err)
	}
	if y.Mode() == "none" {
		t.Skip("no cgroups: " + y.Why())
	}
	t.Cleanup(func() {
		if err := y.Close(); err != nil {
			t.Error(err)
		}
	})
	return y
}

func newCage(t testing.TB, y *Yard, l Limits, opts ...Option) *Cage {
	t.Helper()
	c, err := y.New("runtime", l, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t testing.TB, c *Cage, name string, env ...string) *spawn.Proc {
	t.Helper()
	p, err := spawn.Start(spawn.Cmd{Role: name, Env: env, Launch: c.Launch, Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// line waits for what a role says.
func line(t testing.TB, p *spawn.Proc) string {
	t.Helper()
	select {
	case l := <-p.Lines():
		return l
	case <-time.After(10 * time.Second):
		t.Fatalf("%s says nothing", p.Role)
		return ""
	}
}

// onThread runs f on a thread of its own, which ends with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

func cgroupText(who string) string {
	b, _ := os.ReadFile("/proc/" + who + "/cgroup")
	return string(b)
}

// see runs the role seer and returns what it prints.
func see(t *testing.T, attr *syscall.SysProcAttr, env ...string) []string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), append(env, "FORKLORE_ROLE=cage seer")...)
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("seer: %v: %s", err, out)
	}
	var lines []string
	for sc := bufio.NewScanner(strings.NewReader(string(out))); sc.Scan(); {
		lines = append(lines, sc.Text())
	}
	return lines
}
