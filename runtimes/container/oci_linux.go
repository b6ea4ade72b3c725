package container

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/procfs"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// oci is the engine that leaves the work to an OCI runtime: runc, crun, or
// another that takes runc's command line.
//
//	host ── bundle N: config.json ──> <dir>/N
//	  ├──── run --detach N ─────────> runtime ── init ── execs ──> function, pid 1 of its world
//	  │                                  └ ends: the function is the host's child now (subreaper)
//	  ├──── wait4 <────────────────────────────── exit status ────────┘
//	  └──── delete --force N ───────> runtime removes the cgroups and its state
//
// The function runs detached, as containerd's and podman's do: no runtime
// stays beside it (10 MiB of runc for each call), and the host sees the
// function's own death. In the foreground, `run` would end with status 137
// for whatever signal 9 killed.
//
// It has a hole that the native engine hasn't: the function doesn't die with
// the host, since the runtime, its parent, ends before it does. The lab finds
// it in the call's cgroup, when it notices the host's death or at its next start.
//
// Cost per request: two starts of the runtime and those that it makes itself;
// see BenchmarkEngines.
type oci struct {
	program string // the runtime
	dir     string // everything that it writes, in the lab's folder
	stage   *stage
	groups  *groups
	home    string  // the calls' cgroup, as a path below the mount of a hierarchy
	trees   *groups // home in each hierarchy, those that limit nothing too: runtimes use all
	limits  limits
	env     []string
	calls   atomic.Uint64
	turns   chan struct{} // one for each runtime that may work at once
}

// Runtimes that work at once: they need a processor each, and runc ten threads
// and as many MiB of what the runtime's cage has for all of its calls.
var maxTurns = 2 * goruntime.NumCPU()

// turnPatience is how long a runtime may take.
const turnPatience = 10 * time.Second

// openOCI prepares the runtime's surroundings, and has it make a container
// that nothing runs in: what is missing is known before the first request.
func openOCI(program string) (_ *oci, err error) {
	if os.Geteuid() != 0 {
		return nil, &Unavailable{Reason: "the engine " + filepath.Base(program) + " needs root here", Remedy: "run with sudo, or with --engine native"}
	}
	if err := isolateProcess(); err != nil {
		return nil, err
	}
	setting := role.Env("CGROUP")
	if setting == "" || setting == "none" {
		return nil, &Unavailable{Reason: "an OCI runtime needs cgroups, and there are none to be had", Remedy: "mount cgroups read-write, or choose --engine native"}
	}
	o := &oci{program: program, turns: make(chan struct{}, min(maxTurns, 8)),
		limits: limits{memBytes: role.Int("CALL_MEM_BYTES", defaultMemBytes), pids: role.Int("CALL_PIDS", defaultPids),
			cpuQuotaUS: cpuPeriodUS}} // one CPU
	if o.dir, err = os.MkdirTemp(role.Env("DIR"), "oci-"); err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", program, err)
	}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	var missing []string
	if o.groups, missing, err = newGroups(setting, o.limits.memBytes, o.limits.pids); err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		slog.Warn("container: calls have no limit of their own", "on", strings.Join(missing, ", "))
		o.limits.forget(missing)
	}
	if o.home, o.trees, err = hierarchies(o.groups); err != nil {
		return nil, err
	}
	binds, env, err := contents(guest(), role.Env("BACKEND"))
	if err != nil {
		return nil, err
	}
	o.env = env
	if o.stage, err = newStage(filepath.Join(o.dir, "rootfs"), binds); err != nil {
		return nil, err
	}
	if err := o.try(); err != nil {
		return nil, &Unavailable{Reason: filepath.Base(program) + " makes no container here", Err: err, Remedy: "choose --engine native"}
	}
	return o, nil
}

// remark: without groups there is no such engine, and the bundle says the rest.
func (o *oci) remark() string { return "" }

// contents are the files that the program needs in the sandbox, and what it
// must be told about them.
func contents(program, backend string) (binds []binding, env []string, err error) {
	binds, env, err = programBinds(program)
	if err != nil {
		return nil, nil, err
	}
	if backend != "" {
		binds = append(binds, binding{file: backend, inside: backendPath, flags: syscall.MS_NOEXEC})
	}
	return binds, env, nil
}

// hierarchies returns what OCI's cgroupsPath means, one path for all
// hierarchies, and where it leads to in each.
func hierarchies(g *groups) (home string, trees *groups, err error) {
	all, err := procfs.GetMounts()
	if err != nil {
		return "", nil, fmt.Errorf("find where cgroups are mounted: %w", err)
	}
	kind := "cgroup"
	if g.v2 {
		kind = "cgroup2"
	}
	var mounts []string
	for _, m := range all {
		if m.FSType != kind {
			continue
		}
		mounts = append(mounts, m.MountPoint)
		for _, dir := range g.dirs {
			if rel, ok := strings.CutPrefix(dir, m.MountPoint+"/"); ok {
				home = "/" + rel
			}
		}
	}
	if home == "" {
		return "", nil, fmt.Errorf("no cgroup file system is mounted above %v", g.dirs)
	}
	trees = &groups{v2: g.v2}
	for _, m := range mounts {
		trees.dirs = append(trees.dirs, m+home)
	}
	return home, trees, nil
}

// ociCall is one container.
type ociCall struct {
	*oci
	id    uint64
	group group
}

func (o *oci) newCall() *ociCall {
	id := o.calls.Add(1)
	return &ociCall{oci: o, id: id, group: group{groups: o.trees, name: "/" + strconv.FormatUint(id, 10), fd: -1}}
}

func (c *ociCall) name() string         { return "call-" + strconv.FormatUint(c.id, 10) }
func (c *ociCall) file(n string) string { return filepath.Join(c.dir, c.name(), n) }

// bundle writes the call's.
func (c *ociCall) bundle(args, env []string) error {
	b := &bundle{root: c.stage.root, group: c.home + c.group.name, hostname: sandboxName(c.id), limits: c.limits,
		args: append([]string{functionPath}, args...), env: append(inside(env), c.env...)}
	return b.write(filepath.Join(c.dir, c.name()))
}

// Start is cgi.Config's. The function's argv[0] is its path, since that is
// where the runtime looks for it: ps doesn't show the label of the role.
func (o *oci) Start(p *cgi.Program) (cgi.Process, error) {
	c := o.newCall()
	err := c.bundle(p.Args[1:], p.Env)
	if err == nil {
		err = c.runtime([]uintptr{p.Stdin, p.Stdout, p.Stderr}, "run", "--detach", "--pid-file", c.file("pid"), "--bundle", c.file(""), c.name())
	}
	pid := 0
	if err == nil {
		var text []byte
		if text, err = os.ReadFile(c.file("pid")); err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
	}
	if err != nil {
		c.destroy()
		return cgi.Process{}, fmt.Errorf("start a container: %w", err)
	}
	return cgi.Process{Pid: pid, Destroy: c.destroy}, nil
}

// try makes a container, up to the exec, and deletes it.
func (o *oci) try() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	c := o.newCall()
	err = c.bundle(nil, nil)
	if err == nil {
		err = c.runtime([]uintptr{null.Fd(), null.Fd(), null.Fd()}, "create", "--bundle", c.file(""), c.name())
	}
	if _, gone := c.destroy(); err == nil {
		err = gone
	}
	return err
}

// destroy deletes what the runtime has made. The function has been waited for,
// or was never started.
func (c *ociCall) destroy() (oomKills uint64, err error) {
	oomKills = c.group.oomKills()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		err = c.runtime([]uintptr{null.Fd(), null.Fd(), null.Fd()}, "delete", "--force", c.name())
		null.Close()
	}
	if err != nil {
		// The runtime was killed, now or when it made the container: at the end of
		// the host, say. What it would have done is done by hand.
		slog.Warn("container: delete", "runtime", c.program, "container", c.name(), "err", err)
	}
	// A runtime knows nothing of what it was killed at, and deletes that with success.
	c.killMembers()
	if err := c.group.remove(); err != nil { // as a rule there's none any more
		return oomKills, err
	}
	if err := os.RemoveAll(c.file("")); err != nil {
		return oomKills, err
	}
	return oomKills, os.RemoveAll(filepath.Join(c.dir, "state", c.name()))
}

// killMembers ends whoever is in the call's cgroup: nobody who isn't the call's
// can be. The reaper waits for them.
func (c *ociCall) killMembers() {
	for _, dir := range c.trees.dirs {
		pids, _ := os.ReadFile(dir + c.group.name + "/cgroup.procs")
		for _, f := range strings.Fields(string(pids)) {
			if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}

// runtime runs a command of the runtime for this call, and returns the error
// that it has logged.
func (c *ociCall) runtime(files []uintptr, command ...string) error {
	c.turns <- struct{}{}
	defer func() { <-c.turns }()
	log := c.file("log")
	args := append([]string{c.program, "--root", filepath.Join(c.dir, "state"), "--log", log}, command...)
	status, err := cgi.Help(turnPatience, func() (pid int, err error) {
		closed := c.stage.do(func() {
			pid, err = syscall.ForkExec(c.program, args, &syscall.ProcAttr{
				Dir: "/", Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Files: files,
				Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}})
		})
		return pid, errors.Join(closed, err)
	})
	if err != nil {
		return fmt.Errorf("execute %s: %w", c.program, err)
	}
	if status != 0 {
		said, _ := os.ReadFile(log)
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return fmt.Errorf("%s %s: exit status %d: %s", filepath.Base(c.program), command[0], status.ExitStatus(), lines[len(lines)-1])
	}
	return nil
}

func (o *oci) close() {
	if o.stage != nil {
		o.stage.close()
	}
	o.groups.close()
	o.trees.close()
	os.RemoveAll(o.dir)
}
