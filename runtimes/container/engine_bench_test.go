//go:build linux

package container

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// BenchmarkEngines is what a sandbox adds to the bare fork and exec of the
// same program, from before the start until everything is taken down: ours,
// OCI's, bubblewrap's, in turn. The metric x/ours is how many times our
// addition another's is.
func BenchmarkEngines(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	removeStrays(b)
	b.Setenv("FORKLORE_CGROUP", testGroups(b))
	b.Setenv("FORKLORE_DIR", b.TempDir())
	env := []string{role.Prefix + "ROLE=sandbox nothing", "GOMAXPROCS=1"}
	program := &cgi.Program{Path: self, Args: []string{"function"}, Env: env,
		Stdin: null.Fd(), Stdout: null.Fd(), Stderr: null.Fd()}
	wait := func(pid int) {
		for {
			// ECHILD: the sweep of package cgi, which is there for what runtimes leave, was first.
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
				return
			}
		}
	}
	fork := func(path string, args []string) {
		pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{Env: env, Files: []uintptr{null.Fd(), null.Fd(), 2},
			Sys: &syscall.SysProcAttr{Setsid: true}})
		if err != nil {
			b.Fatal(err)
		}
		wait(pid)
	}
	names := []string{"bare", "ours"}
	once := map[string]func(){"bare": func() { fork(self, program.Args) }}
	for _, name := range []string{"ours", "crun", "runc"} {
		path := ""
		if name != "ours" {
			if path, err = exec.LookPath(name); err != nil {
				b.Log("not measured: ", err)
				continue
			}
			names = append(names, name)
		}
		b.Setenv("FORKLORE_ENGINE", path)
		e, err := openEngine()
		if err != nil {
			b.Skip(err)
		}
		defer e.close()
		once[name] = func() {
			p, err := e.Start(program)
			if err != nil {
				b.Fatal(err)
			}
			wait(p.Pid)
			if _, err := p.Destroy(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if path, err := exec.LookPath("bwrap"); err != nil {
		b.Log("not measured: ", err)
	} else if file, err := os.Executable(); err == nil {
		names = append(names, "bwrap")
		args := []string{"bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
			"--as-pid-1", "--cap-drop", "ALL", "--ro-bind", file, functionPath, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"}
		for _, dir := range []string{"/lib", "/lib64", "/usr/lib"} {
			args = append(args, "--ro-bind-try", dir, dir)
		}
		once["bwrap"] = func() { fork(path, append(args, functionPath)) }
	}

	took := map[string][]time.Duration{}
	for b.Loop() {
		for _, name := range names {
			began := time.Now()
			once[name]()
			took[name] = append(took[name], time.Since(began))
		}
	}
	p50 := func(name string) time.Duration {
		slices.Sort(took[name])
		return took[name][len(took[name])/2]
	}
	bare := p50("bare")
	b.ReportMetric(float64(bare.Microseconds()), "bare-us")
	ours := p50("ours") - bare
	for _, name := range names[1:] {
		b.ReportMetric(float64((p50(name) - bare).Microseconds()), name+"-adds-us")
		if name != "ours" {
			b.ReportMetric(float64(p50(name)-bare)/float64(ours), name+"-x/ours")
		}
	}
	b.ReportMetric(float64(p50("ours"))/float64(bare), "ours/bare")
	b.ReportMetric(0, "ns/op")
}
