package runtimes

import (
	"errors"
	"fmt"
	"syscall"

	"forklore/runtimes/board"
)

// Release undoes what faults hold on to: the prefork parent ends the workers
// that are at one, as if they had hung for too long. The other models need no
// such help: their calls end when the client leaves, and the loop drops the
// connection.
func (r *Runtime) Release() {
	if p := r.proc.Load(); p != nil {
		p.Tell("release")
	}
}

// Recycle has what outlives its requests start afresh, and loses nobody: workers
// finish what they hold and are replaced, sandboxes that wait are thrown away.
// The one process of the loop can't be replaced without an outage: it closes the
// descriptors that a fault had it leak.
func (r *Runtime) Recycle() {
	p := r.proc.Load()
	if p == nil {
		return
	}
	switch r.Model {
	case Prefork:
		p.Tell("restart")
	case EventLoop:
		p.Tell("close leaked")
	case Container:
		if mode := r.mode.Load().(string); mode != Fresh {
			p.Tell("set MODE " + Fresh)
			p.Tell("set MODE " + mode)
		}
	}
}

// ErrNobody means that no process serves just now.
var ErrNobody = errors.New("nobody serves just now")

// KillOne kills a process that serves: a worker, a call, a sandbox's function,
// the loop itself. rng chooses one of n. It returns whom it was, and the request
// that it held then: 0 if none, or if it is the loop, which holds many.
func (r *Runtime) KillOne(rng func(n int) int) (pid int, request uint64, err error) {
	if r.Model == EventLoop {
		p := r.proc.Load()
		if p == nil {
			return 0, 0, ErrNobody
		}
		if p.Signal(syscall.SIGKILL) != nil { // by its handle: never a stranger
			return 0, 0, ErrNobody
		}
		return p.Pid, 0, nil
	}
	var alive []*board.Row
	for i := range r.board.Row {
		if row := &r.board.Row[i]; pidOf(row) != 0 {
			alive = append(alive, row)
		}
	}
	// Whoever ends in the meantime is left out, and another one chosen.
	for len(alive) > 0 {
		i := rng(len(alive))
		row := alive[i]
		alive = append(alive[:i], alive[i+1:]...)
		pid, request := pidOf(row), row.Request.Load()
		if pid == 0 {
			continue
		}
		switch err := killBelow(pid, r.Top(), func() bool { return pidOf(row) == pid }); {
		case err == nil:
			return pid, request, nil
		case !errors.Is(err, errGone):
			return 0, 0, fmt.Errorf("kill process %d of %s: %w", pid, r.Model, err)
		}
	}
	return 0, 0, ErrNobody
}

// errGone means that the process was not there any more.
var errGone = errors.New("process is gone")

// pidOf is the process that lives on a row, 0 if none does. A frozen sandbox
// would not feel a signal before its next call.
func pidOf(row *board.Row) int {
	if s := row.State.Load(); s == board.Empty || s == board.Frozen || row.Flags.Load()&board.Dead != 0 {
		return 0
	}
	return int(row.Pid.Load())
}
