// Package container is the container host: a server that makes a sandbox for
// each call, runs the application in it, and destroys it.
//
//	client ── http ──> host ── start ──> thread of the call ── vfork, exec ──> function, pid 1
//	                    │                  │ joins the call's cgroups             │
//	                    │                  │ enters six new namespaces            │ CGI on 0, 1
//	                    │                  │ gives up every privilege             │
//	                    │ <──────── output, exit status: wait4(-1) ───────────────┘
//	                    └── destroy ──>    ends, and with it the namespaces; then the cgroups go
//
// It is the CGI host with another way to start a process: what a request and
// its answer are, how many calls go on at once and who waits for the dead is
// package cgi's. A host may have more than one way to start a sandbox: each is
// a [cgi.Config].Start.
//
// Cost per request: one fork and exec of the function, as in cgi, and on the
// project's machines about 1 ms more, half of it for the network namespace.
// May not enter: HTTP, queues, the application.
//
// This is a teaching sandbox, not a boundary against hostile code.
package container

import (
	"syscall"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// The host's role, and that of its calls, which package app plays.
const (
	HostRole = "container host"
	CallRole = "sandbox call"
)

// exitUnavailable is the host's exit status when sandboxes can't be made here.
const exitUnavailable = 3

func init() {
	enterBuilder() // first: a host doesn't come back to make it known
	role.Enter(HostRole, host)
}

// Settings, beside those of package cgi:
//
//	CGROUP          where the calls' groups are made, see newGroups. Without it the
//	                host refuses, for root: a call without limits is no container.
//	                "none" says that it shall go on all the same, and who isn't root,
//	                and has none to give, does so and says it.
//	USERNS          1: sandboxes in a user namespace also where root has no need of it
//	CALL_MEM_BYTES  memory of a call, 64 MiB
//	CALL_PIDS       processes and threads of a call, 64
//	BACKEND         the backend's socket, bound into the sandbox
//	ENGINE          native, or the path of an OCI runtime, see oci
//	DIR             the lab's own folder, where an OCI runtime keeps its files
//	FUNCTION        the program that runs instead of the application, see CheckFunction
//	MODE            fresh, prewarmed or warm, see pool; the lab may change it
//	POOL            sandboxes that wait in mode prewarmed, 4
//	IDLE_MS         how long one waits in mode warm, 10 s
const (
	defaultMemBytes = 64 << 20
	defaultPids     = 64
)

func host() {
	engine, err := openEngine()
	if err != nil {
		role.TellUnavailable(err.Error())
		syscall.Exit(exitUnavailable)
	}
	l, err := newPool(engine)
	if err != nil {
		role.TellUnavailable(err.Error())
		syscall.Exit(exitUnavailable)
	}
	script := "" // the built-in application
	if role.Env("FUNCTION") != "" {
		script = functionPath
	}
	cgi.Serve(cgi.Config{
		CallRole: CallRole,
		Script:   script,
		Start:    l.Start,
		TooBusy:  429, // as Lambda throttles
		Remark:   engine.remark(),
		Begin:    l.begin,
		Set:      l.set,
		Ending:   l.ending,
		Close:    l.close,
	})
}
