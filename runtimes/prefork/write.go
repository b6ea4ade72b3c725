package prefork

import (
	"syscall"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/wire"
)

// respond writes the application's answer. One write for all that fits in the
// buffer. It reports whether the client's kernel has, or will have, all of it.
func (w *worker) respond(a *app.Answer, keep, noBody bool) bool {
	status, text := 200, a.Text()
	length := int64(len(text))
	switch {
	case a.Failed != "":
		status, text, length = 502, a.Failed, int64(len(a.Failed))
	case a.BodyBytes > 0:
		text, length = "", a.BodyBytes
	}
	b := wire.AppendResponse(w.out[:0], status, keep, a.User, length)
	if noBody {
		return w.write(b)
	}
	if text != "" {
		return w.write(append(b, text...))
	}
	// A long body: the head with the first of it, then buffers full of x.
	head := len(b)
	b = w.out[:min(int64(len(w.out)), int64(head)+length)]
	fill(b[head:])
	left := length - int64(len(b)-head)
	ok := w.write(b)
	if left > 0 {
		fill(w.out[:head])
	}
	for left > 0 && ok {
		// As long as it gets on, the worker isn't hung.
		w.row.Set(board.Working, role.Nanotime())
		b = w.out[:min(int64(len(w.out)), left)]
		left -= int64(len(b))
		ok = w.write(b)
	}
	return ok
}

// write writes all of b, unless the client is gone or takes nothing for as
// long as the socket's time-out.
func (w *worker) write(b []byte) bool {
	for len(b) > 0 {
		n, errno := write(w.conn, b)
		if errno != 0 && errno != syscall.EINTR {
			return false
		}
		b = b[n:]
	}
	return true
}

func fill(b []byte) {
	for i := range b {
		b[i] = 'x'
	}
}

// refuse answers a request that the application never saw, and that may not
// have been read to its end.
func (w *worker) refuse(status int) {
	w.row.Set(w.lastState(), role.Nanotime())
	reason := wire.Reason(status)
	b := wire.AppendResponse(w.out[:0], status, false, 0, int64(len(reason)+1))
	b = append(append(b, reason...), '\n')
	if w.write(b) {
		w.linger()
	}
}

// How long a client may take to hear that it has been refused. Apache waits
// 2 s for each piece and 30 s in all.
const (
	lingerStepNS = 500_000_000
	lingerNS     = 2_000_000_000
)

// linger waits for the client to close (Apache's lingering close). A close
// while bytes are unread, or before the last have arrived, sends a RST, and
// that makes the client's kernel throw away the answer that it has not yet
// read (RFC 9112 section 9.6). Where the whole request was read, close alone
// is safe, and that is every request but the refused ones.
func (w *worker) linger() {
	syscall.Shutdown(w.conn, syscall.SHUT_WR)
	setPatience(w.conn, lingerStepNS)
	for end := role.Nanotime() + lingerNS; role.Nanotime() < end; {
		n, errno := read(w.conn, w.in[:])
		if n == 0 && errno != syscall.EINTR {
			return
		}
	}
}
