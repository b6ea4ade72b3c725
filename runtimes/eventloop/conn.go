package eventloop

import (
	"syscall"

	"forklore/runtimes/role"
)

// slot is what the loop knows of a descriptor. There is one for each that the
// process may open, so it is small; what a request needs is in its exchange.
type slot struct {
	exchange *exchange // the request that it is at, nil between requests
	kept     []byte    // arrived, but not yet looked at or not complete
	due      int64     // when to stop waiting, see timer.go
	fd       int32
	place    int32 // in the heap of timers, counted from 1
	peer     int32 // of an upstream or a bomb: the client that waits for it
	port     uint16
	kind     kind
	state    state
	readable bool // what is edge-triggered has to be remembered
	eof      bool
	queued   bool // in loop.again
	served   bool // at least one request
}

// kind is what the descriptor is.
type kind uint8

const (
	free kind = iota
	control
	listening
	client
	upstream // a connection to the backend
	bomb     // a fork bomb's pipe
	closed   // until the end of the round
)

// state is what a client's connection waits for.
type state uint8

const (
	idle      state = iota // a request
	reading                // the rest of its head
	skipping               // the rest of its body
	working                // an io step, or nothing (hang)
	sending                // room for the rest of the response
	lingering              // the client's end
)

// verdict is how a move of a connection ended.
type verdict uint8

const (
	goOn verdict = iota
	wantsBytes
	blocked
)

// maxMoves bounds a connection's turn: a client that sends requests without a
// pause, or reads 16 MiB as fast as they come, lets others go first.
const maxMoves = 64

// turn does all for a connection that can be done without waiting.
func (l *loop) turn(s *slot) {
	in := l.in[:copy(l.in, s.kept)]
	for range maxMoves {
		v := goOn
		switch s.state {
		case idle, reading:
			in, v = l.readHead(s, in)
		case skipping:
			in, v = l.skipBody(s, in)
		case working:
			v = blocked
		case sending:
			v = l.send(s, len(in) > 0)
		case lingering:
			in, v = in[:0], wantsBytes
		}
		if v == wantsBytes {
			in, v = l.read(s, in)
		}
		if s.kind != client {
			return
		}
		if v == blocked {
			s.keep(in)
			return
		}
	}
	s.keep(in)
	if !s.queued {
		s.queued = true
		l.again = append(l.again, s.fd)
	}
}

// keep holds on to bytes until the next turn: the buffer that they are in
// belongs to all connections.
func (s *slot) keep(in []byte) {
	if len(in) == 0 {
		s.kept = nil
		return
	}
	s.kept = append(s.kept[:0], in...)
}

// read appends what has arrived. in is a part of l.in; since no head is longer
// than a fraction of that, and bodies are skipped as they come, there is room.
func (l *loop) read(s *slot, in []byte) ([]byte, verdict) {
	if !s.readable {
		return in, blocked
	}
	have := copy(l.in, in)
	n, errno := readFD(s.fd, l.in[have:])
	switch {
	case errno == syscall.EAGAIN:
		s.readable = false
		return l.in[:have], blocked
	case errno != 0 || n == 0:
		l.drop(s)
		return nil, blocked
	}
	// Less than there was room for: it is empty, and the next arrival will be
	// an event (epoll(7), question 9). But the end that has been announced won't.
	if n < len(l.in)-have && !s.eof {
		s.readable = false
	}
	return l.in[:have+n], goOn
}

// clientReady is the callback for a client's descriptor.
func (l *loop) clientReady(s *slot, e event) {
	s.readable = s.readable || e.readable
	s.eof = s.eof || e.eof
	if s.state != working {
		l.turn(s)
		return
	}
	// A client that has only ended its own sending may still want the answer.
	if e.gone || e.eof && s.exchange.hangs {
		l.drop(s)
	}
}

// timeout is the callback for a timer.
func (l *loop) timeout(s *slot) {
	switch {
	case s.kind != client:
	case s.queued:
		l.expect(s) // it isn't waiting
	case s.state == working:
		l.connect(s)
		l.proceed(s)
	case s.state == idle || s.state == reading || s.state == skipping:
		l.giveUp(s)
	case s.state == sending:
		// The kernel would go on with what it has buffered, for minutes.
		syscall.SetsockoptLinger(int(s.fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		l.drop(s)
	default:
		l.drop(s)
	}
}

// giveUp ends the wait for a request, or for the rest of one. After a long
// round it may have come in time, and only this loop is late: so it looks once
// more.
func (l *loop) giveUp(s *slot) {
	before := s.state
	s.readable = true
	l.turn(s)
	if s.kind != client || s.state != before || s.due != never || s.queued {
		return
	}
	if s.state == idle {
		l.drop(s)
		return
	}
	l.refuse(s, 408)
	l.turn(s)
}

// expect sets the time-out for an incomplete request or an unread response.
func (l *loop) expect(s *slot) {
	if l.timeoutNS > 0 {
		l.timers.set(s, role.Nanotime()+l.timeoutNS)
	} else {
		l.timers.set(s, never)
	}
}

// lingerNS is how long a client may take to hear that it has been refused.
const lingerNS = 2_000_000_000

// linger waits for the client to close. To close while bytes are unread sends
// a RST, which makes the client's kernel throw away the answer that it has not
// yet read (RFC 9112 section 9.6).
func (l *loop) linger(s *slot) {
	syscall.Shutdown(int(s.fd), syscall.SHUT_WR)
	s.state = lingering
	l.timers.set(s, role.Nanotime()+lingerNS)
}

// drop ends a connection, and whatever is under way for it.
func (l *loop) drop(s *slot) {
	if s.exchange != nil {
		l.give(s)
	}
	s.kept = nil
	s.due = never
	s.kind = closed
	l.closing = append(l.closing, s.fd)
	l.clients--
}
