package prefork

import (
	"syscall"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/wire"
)

// readHead reads until the buffer holds a request's head, and returns how long
// it is. 0 and no status: the connection is over, and no one waits for an
// answer.
//
// The time-out is for the head as a whole, so that a client that sends a byte
// now and then can't keep a worker (RequestReadTimeout in Apache; the attack
// is called Slowloris). Between requests the first silence is the end.
func (w *worker) readHead(first bool) (head, status int) {
	start := role.Nanotime()
	waiting := !first && w.have == 0
	if !first && !waiting { // the next one was pipelined
		w.row.Set(board.Reading, start)
	}
	for {
		if w.have > 0 {
			head, status = wire.Parse(w.in[:w.have], &w.req)
			if head > 0 || status != 0 {
				return head, status
			}
		}
		n, errno := w.read()
		late := w.timeoutNS > 0 && role.Nanotime()-start > w.timeoutNS
		switch {
		case errno == syscall.EINTR && waiting && w.leaving():
			// A request may be under way to a connection that is closed while
			// it is idle; RFC 9112 section 9.5 leaves that to the client.
			// What has arrived is served.
			if n = w.readNow(); n <= 0 {
				return 0, 0
			}
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN && waiting:
			return 0, 0 // keep-alive time-out
		case errno == syscall.EAGAIN && !late:
			continue
		case errno == syscall.EAGAIN && w.have == 0:
			return 0, 0 // it never said a word
		case errno == syscall.EAGAIN, late:
			return 0, 408
		case errno != 0 || n == 0:
			return 0, 0 // gone
		}
		if waiting {
			waiting = false
			start = role.Nanotime()
			w.row.Set(board.Reading, start)
		}
		w.have += n
	}
}

// skipBody reads to the end of the request's body. It's the client's time, not
// the application's: the row says R.
func (w *worker) skipBody() (status int) {
	start := role.Nanotime()
	if w.req.ExpectContinue && w.have == 0 {
		if !w.write(append(w.out[:0], wire.Continue...)) {
			return 408
		}
	}
	body := w.req.Body()
	for {
		n, done, status := body.Skip(w.in[:w.have])
		if status != 0 {
			return status
		}
		w.drop(n)
		if done {
			return 0
		}
		n, errno := w.read()
		if w.timeoutNS > 0 && role.Nanotime()-start > w.timeoutNS {
			return 408
		}
		switch {
		case errno == syscall.EINTR || errno == syscall.EAGAIN:
			continue
		case errno != 0:
			return 408
		case n == 0:
			return 400 // it promised more
		}
		w.have += n
	}
}

// read waits for more, as long as the socket's time-out.
func (w *worker) read() (n int, errno syscall.Errno) { return read(w.conn, w.in[w.have:]) }

// readNow takes what has arrived.
func (w *worker) readNow() int {
	n, _, _ := syscall.Recvfrom(w.conn, w.in[w.have:], syscall.MSG_DONTWAIT)
	return n
}

// drop takes n bytes off the buffer's front.
func (w *worker) drop(n int) { w.have = copy(w.in[:], w.in[n:w.have]) }
