package cgi

import "syscall"

// forkExec is Host.Start unless another is given.
//
// The kernel kills a child with the thread that forked it, not with the
// process (golang/go#27505). Go ends a thread only when a goroutine ends that
// is locked to it, and a host of CGI scripts locks none: so any thread may
// fork. One launching thread for all would cost each call two changes of
// thread, a tenth of what a small C script takes.
func forkExec(p *Program) (Process, error) {
	attr := &syscall.SysProcAttr{Setpgid: true} // so that all of the call can be killed at once
	killWithHost(attr)
	pid, err := syscall.ForkExec(p.Path, p.Args, &syscall.ProcAttr{
		Dir: p.Dir, Env: p.Env, Files: []uintptr{p.Stdin, p.Stdout, p.Stderr}, Sys: attr})
	return Process{Pid: pid}, err
}
