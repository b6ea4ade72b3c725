package eventloop

import (
	"syscall"
	"unsafe"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/wire"
)

// exchange is a request and its response: from the end of its head to its last
// byte. A connection has one only so long.
type exchange struct {
	next *exchange // in the list of spare ones

	id        uint64
	row       int32 // on the board, 0: there was none left
	refused   int   // status, if the application isn't asked
	keepAlive bool
	head      bool // HEAD: no body in the response
	lingers   bool // after the response
	stalled   bool // the client has once not read fast enough
	body      wire.Body

	// The application's part, see steps.go.
	steps    app.Steps
	at       int // the next one
	work     app.Work
	hangs    bool
	upstream int32 // descriptor that the step under way waits for, 0: none
	got      int   // bytes of the backend's answer
	bomb     app.Bomb

	out  []byte // what of the response is to be sent
	fill int64  // and how many 'x' after it
	room [512]byte
}

// take gives the connection an exchange. The same few are used again and
// again, so that a request allocates nothing.
func (l *loop) take(s *slot) *exchange {
	x := l.spare
	if x == nil {
		x = new(exchange)
	} else {
		l.spare = x.next
	}
	x.next = nil
	x.id, x.row, x.refused = 0, 0, 0
	x.keepAlive, x.head, x.lingers, x.stalled, x.hangs = false, false, false, false, false
	x.at, x.upstream, x.fill = 0, 0, 0
	x.work = app.Work{}
	s.exchange = x
	return x
}

// give takes it back, and clears its row.
func (l *loop) give(s *slot) {
	x := s.exchange
	l.hangUp(x)
	x.work.Free()
	if x.row > 0 {
		l.board.Row[x.row].Release(board.Empty, role.Nanotime())
		l.rows = append(l.rows, x.row)
	}
	s.exchange = nil
	x.next, l.spare = l.spare, x
}

// readHead looks for a complete head.
func (l *loop) readHead(s *slot, in []byte) ([]byte, verdict) {
	r := &l.request
	n, status := wire.Parse(in, r)
	switch {
	case status != 0:
		l.refuse(s, status)
		return in, goOn
	case n == 0:
		if s.state == idle && len(in) > 0 {
			s.state = reading // from its first byte it has so long, however many come
			l.expect(s)
		}
		return in, wantsBytes
	}
	x := l.take(s)
	x.id, x.keepAlive, x.head = r.ID, r.KeepAlive, r.Head()
	if !x.steps.Parse(text(r.Query)) {
		x.refused = 400
	} else if x.steps.NeedsToken() && !l.allowed(r.Token) {
		x.refused = 403
	}
	in = in[n:]
	if !r.HasBody() {
		l.begin(s)
		return in, goOn
	}
	if s.state == idle {
		l.expect(s)
	}
	s.state = skipping
	x.body = r.Body()
	if r.ExpectContinue && len(in) == 0 {
		if x.refused != 0 {
			// The final answer in its place. The client may still send the
			// body or not, so there can't be a next request.
			x.keepAlive = false
			l.begin(s)
		} else if n, _ := writeFD(s.fd, []byte(wire.Continue)); n != len(wire.Continue) {
			l.drop(s) // 25 bytes must fit, or it doesn't read
		}
	}
	return in, goOn
}

// text reads bytes as a string without copying them. It must not be kept.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// allowed compares the token of a request that carries a fault. Without one
// set, there are no faults.
func (l *loop) allowed(token []byte) bool { return l.token != "" && string(token) == l.token }

func (l *loop) skipBody(s *slot, in []byte) ([]byte, verdict) {
	n, done, status := s.exchange.body.Skip(in)
	switch {
	case status != 0:
		l.refuse(s, status)
	case done:
		l.begin(s)
	default:
		return in[n:], wantsBytes
	}
	return in[n:], goOn
}

// begin hands the request to the application, with its name on the board first.
func (l *loop) begin(s *slot) {
	x := s.exchange
	if x.refused != 0 {
		l.say(s, x.refused, wire.Reason(x.refused)+"\n")
		return
	}
	if n := len(l.rows); n > 0 {
		x.row, l.rows = l.rows[n-1], l.rows[:n-1]
		row := &l.board.Row[x.row]
		var flags uint32
		if x.steps.Fault() {
			flags = board.CarriesFault
		}
		row.Pid.Store(l.pid)
		row.Hold(x.id, s.port, flags, role.Nanotime())
	}
	l.walk(s)
}

// refuse answers what is no request, or no whole one. Where the next one
// begins is unknown, so the connection ends.
func (l *loop) refuse(s *slot, status int) {
	x := s.exchange
	if x == nil {
		x = l.take(s)
	}
	x.keepAlive, x.lingers = false, true
	l.say(s, status, wire.Reason(status)+"\n")
}

// respond turns the application's answer into a response.
func (l *loop) respond(s *slot) {
	x := s.exchange
	x.id = x.work.Answer.User
	switch a := &x.work.Answer; {
	case a.Failed != "":
		l.say(s, 502, a.Failed)
	case a.BodyBytes > 0:
		x.out = wire.AppendResponse(x.room[:0], 200, l.keeps(x), x.id, a.BodyBytes)
		if x.fill = a.BodyBytes; x.head {
			x.fill = 0
		} else if x.fill <= int64(len(x.room)-len(x.out)) {
			x.out, x.fill = append(x.out, l.xs[:x.fill]...), 0 // one write will do
		}
		s.state = sending
	default:
		l.say(s, 200, a.Text())
	}
}

// say makes a response of a text.
func (l *loop) say(s *slot, status int, text string) {
	x := s.exchange
	x.out = wire.AppendResponse(x.room[:0], status, l.keeps(x), x.id, int64(len(text)))
	if !x.head {
		x.out = append(x.out, text...)
	}
	s.state = sending
}

func (l *loop) keeps(x *exchange) bool {
	x.keepAlive = x.keepAlive && !l.stopping
	return x.keepAlive
}

// maxWrites bounds what is sent in one move of a connection.
const maxWrites = 16

// send writes as much of the response as there is room for.
func (l *loop) send(s *slot, more bool) verdict {
	x, progress := s.exchange, false
	for range maxWrites {
		if len(x.out) == 0 {
			if x.fill == 0 {
				l.sent(s, more)
				return goOn
			}
			n := min(x.fill, int64(len(l.xs)))
			x.out, x.fill = l.xs[:n], x.fill-n
		}
		n, errno := writeFD(s.fd, x.out)
		switch {
		case errno == syscall.EAGAIN:
			if progress || !x.stalled {
				x.stalled = true
				l.expect(s) // each byte that gets through buys it more time
			}
			return blocked
		case errno != 0:
			l.drop(s)
			return blocked
		}
		x.out, progress = x.out[n:], true
	}
	return goOn
}

// sent is the end of an exchange. more: bytes of another request are there.
func (l *loop) sent(s *slot, more bool) {
	x := s.exchange
	keepAlive := x.keepAlive && (more || !l.stopping)
	lingers := x.lingers || more || s.readable && !s.eof
	l.give(s)
	l.board.Answered.Add(1)
	l.board.Row[0].Served.Add(1)
	s.served = true
	s.state = idle
	switch {
	case keepAlive:
		l.timers.set(s, role.Nanotime()+l.keepAliveNS)
	case lingers:
		l.linger(s)
	default:
		l.drop(s)
	}
}
