// Package container is the container host: a server that makes a sandbox for
// each call, runs the application in it, and destroys it, or keeps it.
//
//	client ── http ──> host ── start ──> child, born by vfork into the call's
//	                    │                  │ cgroup and namespaces
//	                    │                  │ takes a copy of the prepared root
//	                    │                  │ gives up user, capabilities, keys, descriptors
//	                    │                  │ has its system calls filtered
//	                    │                  └─ exec ──> function, pid 1
//	                    │ <──────── output, exit status: wait4 ────┘ CGI on 0, 1
//	                    └── destroy: the namespaces went with the last process; the cgroups go
//
// It is the CGI host with another way to start a process: what a request and
// its answer are, how many calls go on at once and who waits for the dead is
// package cgi's. A host may have more than one way to start a sandbox: each is
// a [cgi.Config].Start.
//
// What becomes of a sandbox before and after its call is the pool's business
// (pool_linux.go): fresh ones for each call, prewarmed ones, or warm ones, which
// are frozen between two calls (freeze_linux.go). What runs in them is the
// built-in application or a program of the user's (function.go).
//
// The native engine's child runs no Go between birth and exec: it makes the
// system calls of a list that was written before (script_linux.go, the policy
// is child_linux.go). Architectures without those lines of assembly have
// another way (thread_linux.go), which lacks some of the guards; users who
// aren't root have a user namespace (userns_linux.go).
//
// System calls are filtered by a program that golang.org/x/net/bpf assembles:
// well kept, by the Go project, and without cgo, so that the binary stays
// static and starts without a linker (seccomp_linux.go).
//
// What a call sees as its program, /function and /proc/self/exe, is this
// binary's own file: the same inode, under a mount of its own that is read-only,
// for a user who doesn't own it (CVE-2019-5736 needed to write to it). A copy
// would cost each call the page cache that all processes of the lab share.
//
// Cost per request: one fork and exec of the function, as in cgi, and on the
// project's machines about 1 ms more, half of it for the network namespace.
// Where a sandbox waits for the call: a message, and in mode warm a thaw and a
// freeze, some 0.4 ms.
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
