package container

import (
	"errors"
	"log/slog"
	"time"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// The stock of mode prewarmed: sandboxes that wait in a place of the host's
// with the application in them, started up; or, for a program of the user's,
// empty ones.

const (
	// The stock is filled up when no call has made a sandbox of its own for
	// calm, so that it doesn't take their CPU; but it doesn't wait longer than
	// calmPatience, or a lasting storm would leave it empty for ever.
	calm         = 20 * time.Millisecond
	calmPatience = time.Second
	refillRetry  = 50 * time.Millisecond
)

// errNoPlace: all are taken.
var errNoPlace = errors.New("no place for a sandbox")

// spare is a sandbox that waits for its program: what a CGI program is asked
// comes with its exec, so all but that can be done ahead.
type spare interface {
	run(*cgi.Program) (cgi.Process, error)
	close() error
}

// parker is an engine that can make them.
type parker interface{ spare() (spare, error) }

// spare of the native engine makes a sandbox that waits for its program.
func (n *native) spare() (spare, error) {
	p, err := n.park()
	if err != nil {
		return nil, err // not a nil *parked in a spare
	}
	return p, nil
}

// refill keeps the stock of mode prewarmed complete: one sandbox at a time,
// until the pool is closed.
func (l *pool) refill() {
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-l.kick:
		case <-retry.C:
		}
		for l.lacks() {
			if !l.awaitCalm() {
				return
			}
			err := l.stock()
			var never *Unavailable
			if errors.As(err, &never) {
				role.Tell("say no sandboxes are made ahead: " + err.Error())
				return
			}
			if err != nil {
				if err != errNoPlace {
					slog.Warn("container: fill up the stock", "err", err)
				}
				retry.Reset(refillRetry)
				break
			}
		}
	}
}

func (l *pool) lacks() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mode == prewarmed && !l.closed && len(l.waiting)+len(l.spares) < l.size
}

// awaitCalm waits until no call is at making a sandbox, and reports whether
// the pool is still open.
func (l *pool) awaitCalm() bool {
	for end := time.Now().Add(calmPatience); time.Now().Before(end); {
		l.mu.Lock()
		storm := calm - time.Since(l.lastCold)
		l.mu.Unlock()
		if storm <= 0 {
			break
		}
		select {
		case <-l.quit:
			return false
		case <-time.After(storm):
		}
	}
	return true
}

// takeSpare takes a sandbox that waits for its program, nil if there is none.
func (l *pool) takeSpare() (s spare) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spares) > 0 {
		s, l.spares = l.spares[0], l.spares[1:]
		nudge(l.kick)
	}
	return s
}

// stock makes one sandbox that waits.
func (l *pool) stock() error {
	if l.function {
		s, err := l.engine.(parker).spare()
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.mode != prewarmed || l.closed { // meanwhile
			return s.close()
		}
		l.spares = append(l.spares, s)
		return nil
	}
	place, ok := l.host.Reserve()
	if !ok {
		return errNoPlace
	}
	m, err := l.make(place)
	if err == nil {
		if err = m.ready(); err != nil || !l.wait(m) {
			m.end()
		} else {
			l.host.Leave(place, true)
			return nil
		}
	}
	l.host.Leave(place, false)
	return err
}
