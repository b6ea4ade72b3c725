package app_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/app"
	"forklore/runtimes/role"
)

// fault runs this test binary as a CGI script whose request carries the fault.
func fault(t *testing.T, query string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(env, role.Prefix+"ROLE=cgi call", role.Prefix+"TOKEN=s", "HTTP_FORKLORE_TOKEN=s", "QUERY_STRING="+query,
		"GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout = new(bytes.Buffer)
	return cmd
}

// body is what the script answers with.
func body(t *testing.T, query string, env ...string) string {
	t.Helper()
	cmd := fault(t, query, env...)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	_, b, _ := strings.Cut(cmd.Stdout.(*bytes.Buffer).String(), "\n\n")
	return b
}

func TestSegv(t *testing.T) {
	cmd := fault(t, "segv=1")
	cmd.Run()
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != syscall.SIGSEGV {
		t.Errorf("%v, want signal 11", cmd.ProcessState)
	}
}

func TestExit(t *testing.T) {
	cmd := fault(t, "exit=7")
	cmd.Run()
	if cmd.ProcessState.ExitCode() != 7 || cmd.Stdout.(*bytes.Buffer).Len() > 0 {
		t.Errorf("%v, output %q; want exit status 7 without any", cmd.ProcessState, cmd.Stdout)
	}
}

// TestHogIsBounded: where no cgroup is, the lab's setting stops it.
func TestHogIsBounded(t *testing.T) {
	if b := body(t, "hog_bytes=68719476736", role.Prefix+"HOG_BYTES=20000000"); b != "mem: the kernel refused\n" {
		t.Errorf("answer %q", b)
	}
}

// TestFDLeak: two halves are the whole table, and a third finds nothing.
func TestFDLeak(t *testing.T) {
	if b := body(t, "fds_pct=50&fds_pct=50&io_us=1", role.Prefix+"BACKEND=/nowhere"); b != "backend: too many open files\n" {
		t.Errorf("answer %q", b)
	}
	if b := body(t, "fds_pct=50&io_us=1", role.Prefix+"BACKEND=/nowhere"); b != "backend: no such file or directory\n" {
		t.Errorf("answer %q", b)
	}
}

// group is a cgroup of v1 or v2 with that limit of processes, for one test.
func group(t *testing.T, pids int) (join func(pid int), current func(file string) string) {
	t.Helper()
	for _, c := range []struct{ dir, join string }{
		{"/sys/fs/cgroup/pids", "cgroup.procs"}, {"/sys/fs/cgroup", "cgroup.procs"}} {
		dir := filepath.Join(c.dir, fmt.Sprintf("forklore-test-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			for range 200 { // until the kernel has taken out the last process
				if err := os.Remove(dir); err == nil || os.IsNotExist(err) {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("%s is left", dir)
		})
		if os.WriteFile(filepath.Join(dir, "pids.max"), []byte(fmt.Sprint(pids)), 0o644) != nil {
			continue
		}
		return func(pid int) {
				if err := os.WriteFile(filepath.Join(dir, c.join), []byte(fmt.Sprint(pid)), 0o644); err != nil {
					t.Fatal(err)
				}
			}, func(file string) string {
				b, _ := os.ReadFile(filepath.Join(dir, file))
				return strings.TrimSpace(string(b))
			}
	}
	t.Skip("needs the right to make a cgroup with a limit of pids")
	return nil, nil
}

// TestForkBomb: all that were asked for are there, all are gone at the end, and
// it takes as long as it should.
func TestForkBomb(t *testing.T) {
	began := time.Now()
	if b := body(t, "forks=40"); b != "forked 40 processes\n" {
		t.Errorf("answer %q", b)
	}
	if took := time.Since(began); took < app.ForkHoldUS*time.Microsecond {
		t.Errorf("it took %v", took)
	}
}

// TestForkBombMeetsItsLimit: in a group with a limit of processes.
func TestForkBombMeetsItsLimit(t *testing.T) {
	const most = 60
	join, current := group(t, most)
	cmd := fault(t, "spin_us=1000000&forks=4096")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	join(cmd.Process.Pid) // while it spins
	full := false
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for over := false; !over; {
		select {
		case err := <-ended:
			over = true
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Millisecond):
			full = full || current("pids.current") == fmt.Sprint(most)
		}
	}
	var forked int
	out := cmd.Stdout.(*bytes.Buffer).String()
	_, b, _ := strings.Cut(out, "\n\n")
	if _, err := fmt.Sscanf(b, "forked %d processes, then EAGAIN\n", &forked); err != nil || forked < most-20 || forked >= most {
		t.Errorf("answer %q, want somewhat less than %d, then EAGAIN", out, most)
	}
	if !full || current("pids.current") != "0" {
		t.Errorf("the group was full: %v; now it has %s", full, current("pids.current"))
	}
}

// TestForkBombDiesWithItsProcess: whoever forked it is killed, and all of it is gone.
func TestForkBombDiesWithItsProcess(t *testing.T) {
	cmd := fault(t, "forks=50")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pgid := cmd.Process.Pid
	eventually(t, "50 children", func() bool { return len(members(pgid)) >= 52 })
	cmd.Process.Kill() // it alone, not its group
	cmd.Wait()
	eventually(t, "all gone", func() bool { return len(members(pgid)) == 0 })
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2500 * time.Millisecond); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// members are the processes of a group that are no zombies.
func members(pgid int) (pids []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, _ := os.ReadFile(path)
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(f) > 2 && f[0] != "Z" && f[0] != "X" && f[2] == fmt.Sprint(pgid) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}
