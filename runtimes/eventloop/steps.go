package eventloop

import (
	"syscall"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

// walk goes through a request's steps as far as it can without waiting. It is
// app.Call.Run as callbacks: where that one blocks, this one returns, and is
// called again when the step is done.
func (l *loop) walk(s *slot) {
	x := s.exchange
	steps := x.steps.All()
	for x.at < len(steps) && x.work.Answer.Failed == "" {
		step := steps[x.at]
		x.at++
		if step.Kind.Fault() && x.row > 0 {
			l.board.Row[x.row].Flags.Store(board.CarriesFault | board.ExecutingFault)
		}
		leaked := x.work.Answer.Leaked
		if x.work.Act(step, x.id, l.itersPerMS) {
			l.board.Row[0].LeakKiB.Add(uint64(x.work.Answer.Leaked-leaked) >> 10)
			continue
		}
		waits := false
		switch step.Kind {
		case app.IO:
			waits = l.ask(s)
		case app.ForkBomb:
			waits = l.bomb(s, step.N)
		case app.Hang:
			// Nothing is waited for: this callback was the last.
			x.hangs, waits = true, true
			l.timers.set(s, never)
			s.state = working
		}
		if waits {
			return
		}
	}
	x.work.End(x.id)
	l.respond(s)
}

// An io step is a connection to the backend, which is one more descriptor in
// the poller:
//
//	ask -> connect -> (poller) -> backendReady -> walk on
//	          └── backlog full: a timer, and again

// ask begins the io step that stands before x.at. true: it is under way.
func (l *loop) ask(s *slot) bool {
	x := s.exchange
	fd, err := unixSocket()
	if err == nil && fd >= len(l.slots) {
		closeFD(fd)
		err = syscall.EMFILE
	}
	if err != nil {
		x.work.Answer.Failed = "backend: " + err.Error()
		return false
	}
	x.upstream, x.got = int32(fd), 0
	s.state = working
	l.timers.set(s, never)
	return l.connect(s)
}

// backlogFullNS is when to try again. A blocking connect would wait for room;
// a non-blocking one to a unix socket gets EAGAIN, and no event when there is
// room (unix(7), connect(2)).
const backlogFullNS = 5_000_000

// connect sends the question. It never waits: a unix socket is connected at
// once or not at all, and its buffer is empty.
func (l *loop) connect(s *slot) bool {
	x := s.exchange
	err := syscall.Connect(int(x.upstream), l.backend)
	if err == syscall.EAGAIN {
		l.timers.set(s, role.Nanotime()+backlogFullNS)
		return true
	}
	if err == nil {
		var room [32]byte
		question := app.AppendIORequest(room[:0], x.steps.All()[x.at-1].N)
		if n, errno := writeFD(x.upstream, question); n != len(question) {
			err = errno
		} else if err = l.watch(int(x.upstream), upstream, levelTriggered); err == nil {
			l.slots[x.upstream].peer = s.fd
			return true
		}
	}
	l.failed(x, err)
	return false
}

// backendReady is the callback for an upstream descriptor.
func (l *loop) backendReady(u *slot) {
	s := &l.slots[u.peer]
	x := s.exchange
	var b [len(app.IOAnswer)]byte
	n, errno := readFD(u.fd, b[x.got:])
	switch {
	case errno == syscall.EAGAIN:
		return
	case errno != 0:
		l.failed(x, errno)
	case n == 0:
		l.failed(x, syscall.ECONNRESET) // it went away before it answered
	default:
		if x.got += n; x.got < len(b) {
			return
		}
		l.hangUp(x)
	}
	l.proceed(s)
}

// proceed walks on, unless an io step is still under way.
func (l *loop) proceed(s *slot) {
	if s.exchange.upstream != 0 {
		return
	}
	l.walk(s)
	if s.state != working {
		l.turn(s)
	}
}

func (l *loop) failed(x *exchange, err error) {
	x.work.Answer.Failed = "backend: " + err.Error()
	l.hangUp(x)
}

// hangUp ends the connection to the backend, or lets go of the bomb's pipe, if
// there is one.
func (l *loop) hangUp(x *exchange) {
	if x.upstream == 0 {
		return
	}
	if l.slots[x.upstream].kind == bomb {
		l.bombs = append(l.bombs, x.bomb)
	}
	l.slots[x.upstream].kind = closed
	l.closing = append(l.closing, x.upstream)
	x.upstream = 0
}
