package traffic

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"forklore/runtimes/app"
	"forklore/runtimes/role"
)

// client sends requests to one model and accounts for each of them.
type client struct {
	cfg       *Config
	model     int
	addr      syscall.SockaddrInet4
	host      string // for the Host field
	token     string
	timeout   time.Duration
	keepAlive bool
	most      uint64 // requests in flight
	report    func(*Result)

	running sync.WaitGroup

	mu     sync.Mutex
	begun  uint64
	ended  [nOutcomes]uint64
	late   *hdrhistogram.Histogram // Sent - Intended, in microseconds
	open   map[*flight]struct{}    // what can still be ended
	idle   []*conn                 // kept alive, the last used on top
	cutOff bool                    // what is in flight stays so

	retry     *Retry        // nil: nothing is tried again
	withdrawn chan struct{} // closed when retry ends
	waiting   uint64        // retries whose time hasn't come
}

// conn is one connection. A request owns it while it is on it.
type conn struct {
	f      *os.File
	br     *bufio.Reader
	out    []byte
	port   uint16
	opened time.Time
}

// readers keeps the buffers of connections that are gone.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, maxLine) }}

var errLimit = errors.New("over the client's limit of requests in flight")

func newClient(t Target, addr syscall.SockaddrInet4, c *Config) *client {
	return &client{
		cfg: c, model: t.Model, addr: addr, host: t.Addr, token: c.Token,
		timeout: c.Timeout, keepAlive: c.KeepAlive, most: uint64(c.MaxInFlight),
		report: func(r *Result) {
			if c.OnResult != nil {
				c.OnResult(*r)
			}
		},
		late: newHistogram(2),
		open: map[*flight]struct{}{},
	}
}

// start counts a request before it runs, so that no moment exists at which an
// arrival is nowhere in the books. nil: it was refused here, and reported.
func (c *client) start(a *Arrival, steps *app.Steps) *flight {
	f := &flight{client: c, a: a, steps: steps, timeout: c.timeout}
	c.mu.Lock()
	if c.begun-c.settled() >= c.most {
		c.mu.Unlock()
		c.refuse(a, errLimit)
		return nil
	}
	defer c.mu.Unlock()
	c.begun++
	c.running.Add(1)
	c.open[f] = struct{}{}
	if c.retry != nil && c.retry.Patience > 0 {
		f.timeout = c.retry.Patience
	}
	return f
}

// refuse books a request that is over a limit of the client, and reports it.
func (c *client) refuse(a *Arrival, limit error) {
	c.mu.Lock()
	c.begun++
	c.ended[Local]++
	c.mu.Unlock()
	c.report(&Result{ID: a.ID, Model: c.model, Intended: a.Intended, End: time.Now(), Outcome: Local,
		Err: fmt.Sprintf("%v (%d)", limit, c.most)})
}

// plan returns what an arrival does in this model.
func (c *client) plan(a *Arrival) app.Steps {
	if c.cfg.Plan == nil {
		return a.Steps
	}
	return c.cfg.Plan(*a, c.model)
}

// settled is the number of requests that have ended. Called with the lock.
func (c *client) settled() (n uint64) {
	for _, k := range c.ended {
		n += k
	}
	return n
}

// exchange is one request that start has let in, on a kept connection or one
// of its own, and those that come of its failure.
func (c *client) exchange(f *flight) {
	for f != nil {
		if cn := f.do(c.takeIdle()); cn != nil {
			c.putIdle(cn)
		}
		f = c.again(f)
		c.running.Done() // f's own count, if there is one, has begun
	}
}

func (cn *conn) close() {
	cn.f.Close()
	cn.br.Reset(nil)
	readers.Put(cn.br)
}

// appendRequest writes the request as DESIGN.md's wire has it.
func (c *client) appendRequest(b []byte, id uint64, steps *app.Steps) []byte {
	b = append(b, "GET /?"...)
	b = steps.AppendQuery(b)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.host...)
	b = append(b, "\r\nForklore-Request: "...)
	b = role.AppendInt(b, int64(id))
	if steps.NeedsToken() {
		b = append(b, "\r\nForklore-Token: "...)
		b = append(b, c.token...)
	}
	if !c.keepAlive {
		b = append(b, "\r\nConnection: close"...)
	}
	return append(b, "\r\n\r\n"...)
}

// settle enters the result in the books and reports it. False: there is none,
// the request was cut off.
func (c *client) settle(r *Result, gaveUp bool) bool {
	c.mu.Lock()
	if c.cutOff && r.Outcome == Timeout && !gaveUp {
		c.mu.Unlock() // it wasn't the model that ended it: it stays in flight
		return false
	}
	c.ended[r.Outcome]++
	c.late.RecordValue(min(max(r.Sent.Sub(r.Intended).Microseconds(), 0), mostUS))
	c.mu.Unlock()
	c.report(r)
	return true
}

// takeIdle returns the connection that was used last, nil if there is none.
// Whether the server has closed it in the meantime is not looked at: the
// request that finds out is reset, and is not sent again behind the back of
// the books.
func (c *client) takeIdle() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) == 0 {
		return nil
	}
	cn := c.idle[len(c.idle)-1]
	c.idle = c.idle[:len(c.idle)-1]
	return cn
}

// putIdle keeps the connection. There are never more of them than there were
// requests in flight at once, which is bounded.
func (c *client) putIdle(cn *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutOff {
		cn.close()
		return
	}
	c.idle = append(c.idle, cn)
}

// cut ends whatever is in flight, what waits to be tried again, and what is
// kept alive.
func (c *client) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutOff = true
	c.setRetry(nil)
	for f := range c.open {
		f.expire()
	}
	for _, cn := range c.idle {
		cn.close()
	}
	c.idle = nil
}

func (c *client) stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &c.ended
	return Stats{
		Sent: c.begun - e[Local],
		OK:   e[OK], ErrorStatus: e[ErrorStatus], Reset: e[Reset], Refused: e[Refused], Timeout: e[Timeout],
		Local:    e[Local],
		InFlight: c.begun - c.settled(),
	}
}
