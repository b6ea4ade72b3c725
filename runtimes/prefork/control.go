package prefork

import (
	"syscall"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

// command does what the lab says:
//
//	stop              workers finish what they hold, then all end
//	restart           likewise, and each is replaced by a new one
//	release           workers that are at a fault of their request's are killed
//	set NAME value    TIMEOUT_MS at once, what concerns workers at their next start
func (p *parent) command(line string) {
	verb, rest := cut(line)
	switch verb {
	case "stop":
		p.stop()
	case "restart":
		if !p.stopping {
			p.leave(p.generation + 1)
		}
	case "release":
		p.release()
	case "set":
		name, value := cut(rest)
		syscall.Setenv(role.Prefix+name, value)
		p.timeoutNS = timeoutNS()
		p.setPatience()
	}
}

// stop lets nothing get lost: neither the requests that workers hold, nor the
// connections that wait in the queue, which the client believes to be open.
//
// The queue is closed for newcomers first: their SYN is dropped, and what they
// try again a second later is refused. Then the workers accept until the queue
// is empty. What is lost is a connection that is made in the microseconds
// between the last accept and close, as with every server that closes its
// listener. A supervisor's listener stays open, and its queue as it is: the
// next parent will serve it, and not even those microseconds are lost.
func (p *parent) stop() {
	if p.stopping {
		return
	}
	p.stopping = true
	if p.owned {
		// Both are properties of the socket, which all workers share. listen
		// again changes the backlog alone (inet_listen in the kernel).
		syscall.SetNonblock(p.listener, true)
		syscall.Listen(p.listener, 0)
	}
	p.leave(lastGeneration)
	p.hurry.Store(true)
}

// leave begins a generation: workers of an older one leave when they are done.
func (p *parent) leave(generation uint64) {
	p.generation = generation
	p.board.Generation.Store(generation)
	p.inspect()
}

// release undoes what a request's fault holds on to: a worker that hangs, spins
// or waits for a bomb's end is replaced before its time-out.
func (p *parent) release() {
	for i := range p.slots {
		s, r := &p.slots[i], &p.board.Row[i]
		if s.pid == 0 || s.hung || r.Flags.Load()&board.ExecutingFault == 0 || r.State.Load() != board.Working {
			continue
		}
		s.hung = true // nobody from outside
		say("prefork: worker " + itoa(s.pid) + " is released from its fault")
		syscall.Kill(s.pid, syscall.SIGKILL)
	}
}

// cut splits at the first space.
func cut(s string) (head, tail string) {
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
