// Package eventloop is the event-driven model: one process, one thread, all
// connections. No call of it ever waits for one client; it waits for all of
// them at once, in epoll (kqueue on macOS).
//
//	           ┌────────────────── loop.run ──────────────────┐
//	           │  poller.wait: until a descriptor is ready,   │
//	           │               or the next timer is due       │
//	           │      │                                       │
//	           │      ├─ control    a command; end of file    │──> exit
//	client ───>│      ├─ listener   accept                    │
//	       <──>│      ├─ client     turn: read, parse, walk   │
//	           │      │             the steps, write          │
//	backend <─>│      ├─ backend    the answer of an io step: │
//	           │      │             walk on                   │
//	           │      └─ timers     time-outs, io retries,    │
//	           │                    the tick that shows lag   │
//	           └──────────────────────────────────────────────┘
//
// What follows from that, and what the lab shows: ten thousand connections
// cost 64 bytes each here (and some KiB in the kernel); a request that computes
// keeps all others waiting, and the loop's lag shows it; a crash in one handler
// is the end of the process, and of every request in it. Nothing here recovers
// a panic: what net/http does to hide one, no event loop can do for a C
// extension, an out-of-memory kill or Node's uncaught exception.
//
// Settings: PORT, LISTENER, TIMEOUT_MS (10000; of an incomplete request and of
// an unread response, 0: none), KEEPALIVE_MS (75000; without a request), and
// the application's own: TOKEN, BACKEND, ITERS_PER_MS, WEIGHT_CPU_US,
// WEIGHT_MEM_BYTES. Row 0 of the board is the process, the others are the
// connections that hold a request at the moment; beyond them a request is
// served and not on the board.
//
// Costs per request on a kept connection: a read, a write, a share of an
// epoll_wait; no allocation. With io steps: socket, connect, write, epoll_ctl,
// read and close for each.
// May not enter: anything that blocks but the poller; goroutines; imports
// besides syscall, unsafe and the four small packages of the roles, since the
// role is entered before all else is initialised.
package eventloop

import (
	"syscall"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

// Role is what the process is called.
const Role = "event loop"

func init() { role.Enter(Role, play) }

// play is the process. It runs on its first thread: during init the main
// goroutine is locked to it. Start it with GOMAXPROCS=1, and with
// GODEBUG=asyncpreemptoff=1, since there is nothing to preempt it for.
func play() {
	born := role.Nanotime()
	role.Sacrifice()
	b, err := board.Open(role.BoardFD)
	if err != nil {
		fail("board (descriptor 4)", err)
	}
	l, err := newLoop(b, descriptorLimit())
	if err != nil {
		fail("poller", err)
	}
	b.Born(0, syscall.Getpid(), born)
	app.WeightFromEnv().Pay(l.itersPerMS)
	port, err := l.listen()
	if err != nil {
		fail("listen on 127.0.0.1, port "+role.Env("PORT"), err)
	}
	b.Row[0].Set(board.Idle, role.Nanotime())
	role.TellReady(port)
	l.run()
}

// fail ends a start that can't succeed.
func fail(what string, err error) {
	app.WriteAll(2, []byte("forklore: event loop: "+what+": "+err.Error()+"\n"))
	syscall.Exit(1)
}

// maxDescriptors bounds the connection table where the system doesn't.
const maxDescriptors = 1 << 16

// descriptorLimit makes the soft limit the hard one, as nginx's
// worker_rlimit_nofile and Go's package os do, and returns how many
// descriptors there can be.
func descriptorLimit() int {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 256
	}
	want := lim
	want.Cur = min(lim.Max, maxDescriptors) // macOS refuses "unlimited"
	// Also downwards: where a process may have a million, as in some containers,
	// the end of the table and of the descriptors shall be the same.
	if want.Cur != lim.Cur && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) == nil {
		lim = want
	}
	return int(min(lim.Cur, maxDescriptors))
}
