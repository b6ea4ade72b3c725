// Package prefork is a parent and its resident workers, as in Apache's MPM of
// that name: processes that exist before the request does.
//
//	    listening socket, backlog 511
//	   ┌────────┬───────┴┬────────┐  each worker blocks in accept(2),
//	   ▼        ▼        ▼        ▼  the kernel wakes one of them
//	worker 1 worker 2 worker 3 worker N    one connection at a time
//	   │        │        │        │
//	   └────────┴───┬────┴────────┘  exit status, by wait4(2)
//	              parent             forks; never touches a request
//	                │
//	               lab               control socket: ready, died, say
//
// The number of processes is the number of connections that are served, keep-
// alive ones included; the others wait in the backlog, where they cost latency
// first and are refused only after. A worker that dies takes one request with
// it, the parent replaces it; a leak stays in the worker, until MAX_REQUESTS
// ends it. All workers say on their rows of the board what they are doing, in
// the letters of Apache's scoreboard.
//
// Go can't fork without exec, since the threads of its runtime would be
// missing in the child. So workers don't share the parent's heap copy-on-write
// as Apache's do; what they share is the program's text.
//
// Settings: PORT, LISTENER, WORKERS (8), MAX_REQUESTS (0: a worker lives for
// ever), TIMEOUT_MS (30000; 0: none), and the application's own: TOKEN,
// BACKEND, ITERS_PER_MS, WEIGHT_CPU_US, WEIGHT_MEM_BYTES. Where there is no
// /proc, EXE is this binary's path.
//
// Cost per request: accept4, read, write, close, and six stores to the board;
// nothing is allocated. Idle workers don't wake up, but to look for their
// parent every few seconds.
// May not enter: anything but syscall, unsafe, sync/atomic and the packages
// role, board, app, wire. Each import delays every worker's start.
package prefork

import (
	"syscall"

	"forklore/runtimes/role"
)

// The roles that this package plays.
const (
	ParentRole = "prefork parent"
	WorkerRole = "prefork worker"
)

// A role that is played in init has the process's first thread to itself: Go
// locks it to the main goroutine until main.main begins. Both roles need it.
// The parent forks on that thread, and it lives as long as the process, which
// Pdeathsig wants (golang/go#27505). A signal to a worker is delivered to its
// first thread if that can take it (signal(7)), and so interrupts its accept.
//
// The worker comes first: what follows Enter isn't known to a parent.
func init() {
	role.Enter(WorkerRole, func() { syscall.Exit(workerMain()) })
	role.Enter(ParentRole, func() { syscall.Exit(parentMain()) })
}

const (
	defaultWorkers   = 8
	defaultTimeoutMS = 30_000 // gunicorn's

	// backlog is Apache's and nginx's default. The kernel takes the least of
	// it and net.core.somaxconn.
	backlog = 511

	// keepAliveNS is how long a worker waits for a connection's next request
	// (Apache's KeepAliveTimeout is 5 s, too), unless TIMEOUT_MS is shorter.
	keepAliveNS = 5_000_000_000

	// lastGeneration on the board means that the parent is stopping.
	lastGeneration = 1 << 63
)

// timeoutNS is TIMEOUT_MS: of a request from its first step to its last byte,
// before the worker is taken for hung, and of a client that sends its request
// too slowly. 0: none.
func timeoutNS() int64 { return max(role.Int("TIMEOUT_MS", defaultTimeoutMS), 0) * 1_000_000 }

// patienceNS is how long one read or write on a connection waits. Half of the
// time-out, so that a worker gives a client up before the parent gives the
// worker up.
func patienceNS(timeout int64) int64 {
	if timeout == 0 {
		return keepAliveNS
	}
	return min(keepAliveNS, timeout/2)
}

// itoa is strconv's, which isn't worth its import.
func itoa(n int) string { return string(role.AppendInt(nil, int64(n))) }
