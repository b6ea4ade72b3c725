package traffic

import (
	"bufio"
	"errors"
	"os"
	"time"

	"forklore/runtimes/app"
)

// flight is a request on its way in one model, from start to the end of its
// exchange. Its connection comes later, or never.
type flight struct {
	*client
	a       *Arrival
	steps   *app.Steps
	timeout time.Duration

	// When it has ended.
	end    time.Time
	failed bool // and its client waited for it until then

	// With the client's lock.
	conn   *conn
	gaveUp bool
}

// do performs the request on cn, or on a new connection if cn is nil, and
// returns the connection if it can carry another one. Nothing is sent twice.
func (f *flight) do(cn *conn) *conn {
	r := Result{ID: f.a.ID, Model: f.model, Intended: f.a.Intended, Faults: faultsOf(f.steps), Reused: cn != nil}
	r.Sent = time.Now()
	var resp response
	cn, err := f.connect(cn, r.Sent)
	if err == nil {
		r.Opened, r.LocalPort = cn.opened, cn.port
		cn.out = f.appendRequest(cn.out[:0], f.a.ID, f.steps)
		_, sent := cn.f.Write(cn.out)
		// A server may have answered and closed before it had read all.
		if resp, err = readResponse(cn.br); err != nil && sent != nil {
			err = sent
		}
	}
	gaveUp := f.leave()
	if gaveUp {
		err = errGaveUp
	}
	r.End = time.Now()
	r.Status, r.AnsweredAs, r.BodyBytes = resp.status, resp.request, resp.bodyBytes
	switch {
	case err != nil:
		r.Outcome, r.Err = outcomeOf(err), why(err, r.Reused)
	case r.Status < 200 || r.Status > 299:
		r.Outcome = ErrorStatus
	}
	keep := err == nil && resp.keepAlive && f.keepAlive && cn.br.Buffered() == 0
	if cn != nil && !keep {
		cn.close()
		cn = nil
	}
	f.end = r.End
	f.failed = f.settle(&r, gaveUp) && r.Outcome.failed() && !gaveUp
	return cn
}

// connect gets the connection ready: in use so that it can be ended, and with
// its deadline. A connection that failed is returned too, to be closed.
func (f *flight) connect(cn *conn, now time.Time) (*conn, error) {
	if cn != nil {
		f.use(cn, now)
		return cn, nil
	}
	if f.gone() {
		return nil, os.ErrDeadlineExceeded // and nothing is sent
	}
	file, err := begin(f.addr)
	if err != nil {
		return nil, err
	}
	cn = &conn{f: file, br: readers.Get().(*bufio.Reader)}
	cn.br.Reset(file)
	f.use(cn, now)
	port, err := finish(file, f.addr)
	if err == nil {
		cn.opened, cn.port = time.Now(), port
	}
	return cn, err
}

var errGaveUp = errors.New("the client gave up")

// GiveUp makes the client of each matching request in flight in the model
// leave now: its connection is closed, and the request is a Timeout, whatever
// has arrived of an answer. It returns how many did; each of them is reported,
// by OnResult as ever, and not tried again: who leaves has left. ids is called with a lock held: it must be quick, and
// call nothing of the generator.
func (g *Generator) GiveUp(model int, ids func(id uint64) bool) (n int) {
	c := g.client(model)
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutOff {
		return 0 // they have been ended, and stay in flight
	}
	for f := range c.open {
		if !f.gaveUp && ids(f.a.ID) {
			f.gaveUp = true
			f.expire()
			n++
		}
	}
	return n
}

// past is a deadline that ends whatever waits.
var past = time.Unix(1, 0)

// expire ends what the request waits for; its own goroutine then closes the
// connection, so that nobody closes one that carries another request by now.
// Called with the lock.
func (f *flight) expire() {
	if f.conn != nil {
		f.conn.f.SetDeadline(past)
	}
}

// use makes cn the request's connection, unless its client has gone.
func (f *flight) use(cn *conn, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn = cn
	var deadline time.Time // none: also where a request before had one, for Retry.Patience
	if f.timeout > 0 {
		deadline = now.Add(f.timeout)
	}
	cn.f.SetDeadline(deadline)
	if f.cutOff || f.gaveUp {
		f.expire()
	}
}

// gone reports whether nobody waits for the answer any more.
func (f *flight) gone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cutOff || f.gaveUp
}

// leave takes the request off the list: no one can end it any more. Whether
// its client had given up until then is what decides.
func (f *flight) leave() (gaveUp bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, f)
	return f.gaveUp
}
