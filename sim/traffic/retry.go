package traffic

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Retry is what clients do about a request that has failed: a Timeout, Reset,
// Refused or ErrorStatus. They try again, and each try is a new request, with
// an id and an outcome of its own. That is what turns a short outage into a
// long one: the load grows as the server gets weaker.
type Retry struct {
	Attempts int           // further tries, at most MaxRetries
	Patience time.Duration // Config.Timeout meanwhile, of first tries too; 0: as it was
	// Backoff is the most that the first retry waits. Each further one may wait
	// twice as long, up to ten seconds: exponential backoff with full jitter
	// (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015). 0: they
	// come at once.
	Backoff time.Duration
}

// MaxRetries is how many further tries a request has at most. The limit is the
// wire's: ids are decimal numbers of up to 18 digits there (role.ParseInt), and
// this is the last attempt whose ids all are.
const MaxRetries = 12

// maxBackoff is how long a retry waits at most.
const maxBackoff = 10 * time.Second

// attemptShift is where the attempt stands in an id, above the arrival's.
const attemptShift = 56

// Attempt takes the id of a request apart: that of its arrival, and which try
// it is, 0 for the first.
func Attempt(id uint64) (first uint64, attempt int) {
	return id & (1<<attemptShift - 1), int(id >> attemptShift)
}

// SetRetry makes the clients of a model try again from now on, also those
// whose requests are in flight. nil ends it, and drops the retries that wait.
// It is safe at any time.
func (g *Generator) SetRetry(model int, r *Retry) {
	if c := g.client(model); c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.setRetry(r)
	}
}

// setRetry is SetRetry, with the lock.
func (c *client) setRetry(r *Retry) {
	switch {
	case r == nil && c.retry != nil:
		close(c.withdrawn)
		c.retry = nil
	case r != nil && !c.cutOff:
		if c.retry == nil {
			c.withdrawn = make(chan struct{})
		}
		c.retry = &Retry{min(r.Attempts, MaxRetries), r.Patience, r.Backoff}
	}
}

// failed reports whether a client that tries again would do so after this.
func (o Outcome) failed() bool { return o == Timeout || o == Reset || o == Refused || o == ErrorStatus }

// again waits until the next try of a request that has ended is due, and
// starts it. nil: there is none. It is called while the last try still counts
// as running, so that Drain waits for the next one too.
func (c *client) again(last *flight) *flight {
	if !last.failed {
		return nil
	}
	first, attempt := Attempt(last.a.ID)
	id := first | uint64(attempt+1)<<attemptShift
	c.mu.Lock()
	if c.retry == nil || attempt >= c.retry.Attempts {
		c.mu.Unlock()
		return nil
	}
	delay, withdrawn := c.retry.delay(c.cfg.Seed, id), c.withdrawn
	full := delay > 0 && c.waiting >= c.most
	if !full {
		c.waiting++
	}
	c.mu.Unlock()
	a := &Arrival{ID: id, Intended: last.end.Add(delay), Steps: last.a.Steps}
	if !full && !c.await(a.Intended, withdrawn) {
		return nil
	}
	if c.cfg.OnRetry != nil {
		c.cfg.OnRetry(*a, c.model)
	}
	if full {
		c.refuse(a, errWaiting)
		return nil
	}
	steps := c.plan(a)
	return c.start(a, &steps)
}

var errWaiting = errors.New("over the client's limit of retries that wait")

// await waits for the time of a retry, and reports whether it came before the
// retry was withdrawn.
func (c *client) await(at time.Time, withdrawn <-chan struct{}) bool {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiting--
	}()
	if wait := time.Until(at); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-withdrawn:
		}
	}
	select {
	case <-withdrawn:
		return false
	default:
		return true
	}
}

// delay is how long the retry with this id waits. As with what an arrival is,
// it depends on seed and id alone.
func (r *Retry) delay(seed, id uint64) time.Duration {
	if r.Backoff <= 0 {
		return 0
	}
	most := maxBackoff
	if _, attempt := Attempt(id); r.Backoff < maxBackoff>>(attempt-1) {
		most = r.Backoff << (attempt - 1)
	}
	rng := rand.New(rand.NewPCG(mix(seed), mix(seed+mix(id))))
	return time.Duration(rng.Int64N(int64(most) + 1))
}
