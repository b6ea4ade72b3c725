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
	for x.at < len(steps) && x.answer.Failed == "" {
		step := steps[x.at]
		x.at++
		if step.Kind.Fault() && x.row > 0 {
			l.board.Row[x.row].Flags.Store(board.CarriesFault | board.ExecutingFault)
		}
		switch step.Kind {
		case app.CPU:
			app.Spin(step.N * l.itersPerMS / 1000) // nobody else gets a turn
		case app.IO:
			if l.ask(s) {
				return
			}
		case app.Mem:
			m := app.Touch(step.N)
			if m == nil && step.N > 0 {
				x.answer.Failed = "mem: the kernel refused"
			}
			x.held[x.nHeld] = m
			x.nHeld++
		case app.Reply:
			x.answer.BodyBytes = step.N
		case app.Crash:
			app.Panic(x.id) // nobody recovers it
		case app.Leak:
			if app.Touch(step.N) != nil {
				l.board.Row[0].LeakKiB.Add(uint64(step.N) >> 10)
			}
		case app.Busy:
			for end := role.Nanotime() + step.N*1000; role.Nanotime() < end; {
				app.Spin(1000)
			}
		case app.Hang:
			// Nothing is waited for: this callback was the last.
			x.hangs = true
			l.timers.set(s, never)
			s.state = working
			return
		case app.Bleed:
			x.bleeds = true
		}
	}
	x.free()
	x.answer.User = app.Identify(x.id)
	if x.bleeds {
		app.Remember(x.id) // the next one will be taken for it
	}
	l.respond(s)
}

// free gives back what the mem steps have touched.
func (x *exchange) free() {
	for i := range x.nHeld {
		app.Free(x.held[i])
		x.held[i] = nil
	}
	x.nHeld = 0
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
		x.answer.Failed = "backend: " + err.Error()
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
	x.answer.Failed = "backend: " + err.Error()
	l.hangUp(x)
}

// hangUp ends the connection to the backend, if there is one.
func (l *loop) hangUp(x *exchange) {
	if x.upstream == 0 {
		return
	}
	l.slots[x.upstream].kind = closed
	l.closing = append(l.closing, x.upstream)
	x.upstream = 0
}
