// Package spawn starts this binary again in one of its roles, so that nothing
// of what is started outlives the lab.
//
//	lab ── launching thread ──fork+exec──> /proc/self/exe, FORKLORE_ROLE=...
//	 │                                        │
//	 ├── control socket, lines both ways ─────┤ end of file: the lab is gone
//	 ├── Pdeathsig SIGKILL (leaves only) ─────┤ when the launching thread dies
//	 └── wait4(pid), exactly one owner ───────┘
//
// Costs 5 to 10 ms a role, once; not used per request.
// May not enter: what a role does. Hosts start their calls and workers
// themselves.
package spawn

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"forklore/runtimes/role"
)

// ErrUnknownRole means that this binary has no such role: to start it would
// start the whole program again.
var ErrUnknownRole = errors.New("role is not linked into this binary")

// Cmd is a role to be started.
type Cmd struct {
	Role  string
	Env   []string // the role's settings, "FORKLORE_NAME=value"
	Board *os.File // becomes role.BoardFD
	Log   *os.File // standard output and error; nil is /dev/null
	// Listeners become role.ListenerFD and the next descriptors; none if the
	// role opens its own.
	Listeners []*os.File
	// Leaf: the kernel kills the process when the lab dies. A role that owns
	// files, groups or children must not be one: it gets the end of file of
	// its control socket, cleans up and leaves.
	Leaf bool
	// Launch, if set, wraps the fork so that the child is born inside a
	// cgroup. It runs on the launching thread.
	Launch func(fork func(*syscall.SysProcAttr) error) error
}

// Proc is a running role.
type Proc struct {
	Role      string
	Pid       int
	StartTime uint64 // in clock ticks since boot; with Pid it names the process for ever
	Started   time.Time

	lines   chan string
	control *os.File
	process *os.Process // a pidfd where there are such: never another process with the same number
	exited  chan struct{}
	status  syscall.WaitStatus
}

// Start starts the role and returns as soon as it runs. What the role has to
// say ("ready") comes by Lines.
func Start(c Cmd) (*Proc, error) {
	if !role.Known(c.Role) {
		return nil, fmt.Errorf("start %q: %w", c.Role, ErrUnknownRole)
	}
	once.Do(prepare)
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, fmt.Errorf("start %q: control socket: %w", c.Role, err)
	}
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("start %q: %w", c.Role, err)
	}
	defer null.Close()
	log := c.Log
	if log == nil {
		log = null
	}
	// A descriptor that isn't wanted is /dev/null: its number stays taken.
	files := []uintptr{null.Fd(), log.Fd(), log.Fd(), theirs.Fd(), null.Fd()}
	if c.Board != nil {
		files[role.BoardFD] = c.Board.Fd()
	}
	for _, l := range c.Listeners {
		files = append(files, l.Fd())
	}
	env := append([]string{role.Prefix + "ROLE=" + c.Role}, c.Env...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, role.Prefix) {
			env = append(env, kv)
		}
	}
	p := &Proc{Role: c.Role, lines: make(chan string, maxLines), control: ours, exited: make(chan struct{})}
	fork := func(attr *syscall.SysProcAttr) error {
		attr.Setpgid = true // Ctrl-C at the terminal reaches the lab alone
		if c.Leaf {
			killWithParent(attr)
		}
		p.Started = time.Now()
		pid, err := syscall.ForkExec(executable(), []string{"forklore: " + c.Role},
			&syscall.ProcAttr{Env: env, Files: files, Sys: attr})
		p.Pid = pid
		return err
	}
	launch := c.Launch
	if launch == nil {
		launch = func(fork func(*syscall.SysProcAttr) error) error { return fork(&syscall.SysProcAttr{}) }
	}
	if err := onLaunchingThread(func() error { return launch(fork) }); err != nil {
		ours.Close()
		return nil, fmt.Errorf("start %q: %w", c.Role, err)
	}
	runtime.KeepAlive(c)
	p.StartTime, _ = StartTime(p.Pid)
	if p.process, err = os.FindProcess(p.Pid); err != nil { // it can't fail for a child not yet waited for
		ours.Close()
		return nil, fmt.Errorf("start %q: %w", c.Role, err)
	}
	go p.wait()
	go p.listen()
	return p, nil
}

// maxLines is how many control lines wait for the lab. A host sends one for
// each death that no one asked for; when the lab is too slow the host blocks,
// which is what should happen: nothing gets lost.
const maxLines = 256

// listen reads the control socket until the role is gone. It ends with the
// role, since the role's end of the socket is closed then.
func (p *Proc) listen() {
	defer close(p.lines)
	sc := bufio.NewScanner(p.control)
	for sc.Scan() {
		p.lines <- sc.Text()
	}
}

// wait owns the child: nobody else may wait for it.
func (p *Proc) wait() {
	defer close(p.exited)
	state, err := p.process.Wait()
	if err != nil {
		slog.Error("wait for role", "role", p.Role, "pid", p.Pid, "err", err)
		return
	}
	p.status = state.Sys().(syscall.WaitStatus)
}

// Lines are what the role says on its control socket. Closed when it's gone.
func (p *Proc) Lines() <-chan string { return p.lines }

// Exited is closed when the process has been waited for.
func (p *Proc) Exited() <-chan struct{} { return p.exited }

// Status is how it ended; valid once Exited is closed.
func (p *Proc) Status() syscall.WaitStatus { return p.status }

// Tell sends the role a line.
func (p *Proc) Tell(line string) error {
	p.control.SetWriteDeadline(time.Now().Add(time.Second))
	_, err := p.control.WriteString(line + "\n")
	return err
}

// Signal sends a signal; os.ErrProcessDone if the process has ended.
func (p *Proc) Signal(sig syscall.Signal) error { return p.process.Signal(sig) }

// Stop asks the role to end by closing the control socket, and kills it if it
// hasn't after grace. It returns when the process has been waited for.
func (p *Proc) Stop(grace time.Duration) {
	// Our end stays open for what it still has to say. A control socket that
	// is closed already has told it.
	if c, err := p.control.SyscallConn(); err == nil {
		c.Control(func(fd uintptr) { syscall.Shutdown(int(fd), syscall.SHUT_WR) })
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.exited:
	case <-t.C:
		slog.Warn("role did not stop, killing it", "role", p.Role, "pid", p.Pid, "grace", grace)
		p.Signal(syscall.SIGKILL)
		<-p.exited
	}
	p.control.Close()
}

// Kill ends it at once and waits for it.
func (p *Proc) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.exited
	p.control.Close()
}

// String describes how a process ended, as `proof` in an incident shows it.
func String(s syscall.WaitStatus) string {
	switch {
	case s.Signaled():
		return fmt.Sprintf("signal %d (%s)", s.Signal(), signalName(s.Signal()))
	default:
		return fmt.Sprintf("exit status %d", s.ExitStatus())
	}
}

func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGKILL:
		return "SIGKILL"
	case syscall.SIGSEGV:
		return "SIGSEGV"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGABRT:
		return "SIGABRT"
	}
	return s.String()
}

func socketpair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range fd {
		syscall.CloseOnExec(f)
	}
	syscall.SetNonblock(fd[0], true) // ours goes through Go's poller
	return os.NewFile(uintptr(fd[0]), "control"), os.NewFile(uintptr(fd[1]), "control"), nil
}

// The launching thread. Pdeathsig fires when the thread that forked dies, not
// when the process does (golang/go#27505), so every role is forked by one
// thread that lives as long as the lab. Its nice value is inherited: a start
// storm in one column must not falsify the clock of the traffic.
var (
	once     sync.Once
	launches = make(chan func())
)

// roleNice is how much the roles yield to the lab itself.
const roleNice = 5

// The first thread stays the main goroutine's, so that the launching thread is
// another one. What is seen and done to a process by its pid goes by its first
// thread: were that the launching one, the lab itself would be a member of
// each cgroup for the moment of a launch, and the OOM killer's to take.
func init() { runtime.LockOSThread() }

func prepare() {
	cleanDescriptors()
	// No role leaves a core file, however it dies.
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	go func() {
		runtime.LockOSThread() // never unlocked
		yieldThread(roleNice)
		for f := range launches {
			f()
		}
	}()
}

func onLaunchingThread(f func() error) error {
	done := make(chan error, 1)
	launches <- func() { done <- f() }
	return <-done
}
