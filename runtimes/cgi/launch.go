package cgi

import (
	"runtime"
	"sync"
	"syscall"
)

// The launching thread forks every call. The kernel kills a child with the
// thread that forked it, not with the process (golang/go#27505), and Go ends
// threads as it likes: so there is one that is locked, and lives as long as
// the host. Forks are one at a time in any case (syscall.ForkLock).
var (
	launchOnce sync.Once
	launches   chan *launch
)

type launch struct {
	p    *Program
	pid  int
	err  error
	done chan struct{}
}

// forkExec is Host.Start unless another is given.
func forkExec(p *Program) (Process, error) {
	launchOnce.Do(func() {
		launches = make(chan *launch)
		go func() {
			runtime.LockOSThread() // never unlocked
			for l := range launches {
				l.pid, l.err = l.p.forkExec()
				close(l.done)
			}
		}()
	})
	l := &launch{p: p, done: make(chan struct{})}
	launches <- l
	<-l.done
	return Process{Pid: l.pid}, l.err
}

func (p *Program) forkExec() (int, error) {
	attr := &syscall.SysProcAttr{Setpgid: true} // so that all of the call can be killed at once
	killWithHost(attr)
	return syscall.ForkExec(p.Path, p.Args, &syscall.ProcAttr{
		Dir: p.Dir, Env: p.Env, Files: []uintptr{p.Stdin, p.Stdout, p.Stderr}, Sys: attr})
}
