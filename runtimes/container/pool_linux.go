package container

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// spare is a sandbox that waits for its program: what a CGI program is asked
// comes with its exec, so all but that can be done ahead.
type spare interface {
	run(*cgi.Program) (cgi.Process, error)
	close() error
}

// parker is an engine that can make them.
type parker interface{ spare() (spare, error) }

// pool decides which sandbox a call gets, by the mode:
//
//	fresh      ── call ── made ── used ── destroyed
//	prewarmed  ── made ── waits ── call ── used ── destroyed;  another is made meanwhile
//	warm       ── call ── made ── used ── frozen ── call ── thawed ── used ── frozen ... idle ── destroyed
//
// A sandbox that waits has a place of the host's, as a call has: there are
// never more sandboxes than places, and a call that finds none free is
// rejected, as Lambda throttles.
type pool struct {
	engine  engine
	freezer *freezer      // nil: none, for the reason in noFreezer; sandboxes wait unfrozen then
	size    int           // of the stock in mode prewarmed
	idle    time.Duration // after which a warm sandbox ends
	null    *os.File      // the functions' standard output, which they don't use
	host    *cgi.Host

	kick    chan struct{} // size 1: the stock may be incomplete
	tidy    chan struct{} // size 1: sandboxes may have to end
	quit    chan struct{}
	workers sync.WaitGroup

	noFreezer error
	said      sync.Once

	mu         sync.Mutex
	mode       string
	function   bool            // of the user's
	generation int             // one more with each change: who is older isn't used any more
	waiting    map[int]*member // by place
	spares     []spare         // for a function of the user's, which can't wait itself
	lastCold   time.Time       // when a call last had to make a sandbox
	closed     bool
}

// The modes.
const (
	fresh     = "fresh"
	prewarmed = "prewarmed"
	warm      = "warm"
)

const (
	defaultPool = 4
	defaultIdle = 10 * time.Second
	// startPatience is how long a function may take to start up: a monolith's
	// weight, on a busy machine.
	startPatience = 20 * time.Second
	// tidyEvery is how late the end of an idle sandbox may be noticed.
	tidyEvery = 250 * time.Millisecond
	// The stock is filled up when no call has made a sandbox of its own for
	// calm, so that it doesn't take their CPU; but it doesn't wait longer than
	// calmPatience, or a lasting storm would leave it empty for ever.
	calm         = 20 * time.Millisecond
	calmPatience = time.Second
	refillRetry  = 50 * time.Millisecond
)

// newPool reads the settings.
func newPool(e engine) (*pool, error) {
	l := &pool{engine: e, mode: fresh, function: role.Env("FUNCTION") != "", size: int(role.Int("POOL", defaultPool)),
		idle: time.Duration(role.Int("IDLE_MS", defaultIdle.Milliseconds())) * time.Millisecond,
		kick: make(chan struct{}, 1), tidy: make(chan struct{}, 1), quit: make(chan struct{}), waiting: map[int]*member{}}
	if m := role.Env("MODE"); l.can(m) {
		l.mode = m
	}
	var err error
	if l.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	l.freezer, l.noFreezer = newFreezer(role.Env("CGROUP"))
	return l, nil
}

// can reports whether this program can be run in that mode. A CGI program gets
// its request with its start, so it can't be kept; but its sandbox can be ready.
func (l *pool) can(mode string) bool {
	_, parks := l.engine.(parker)
	return mode == fresh || mode == prewarmed && (!l.function || parks) || mode == warm && !l.function
}

// begin is told of the host before its first call.
func (l *pool) begin(h *cgi.Host) {
	l.host = h
	l.workers.Go(l.tidyUp)
	l.workers.Go(l.refill)
	nudge(l.kick)
}

// set is told of the settings that the lab changes.
func (l *pool) set(name, value string) {
	l.mu.Lock()
	if name == "MODE" {
		if !l.can(value) || value == l.mode {
			l.mu.Unlock()
			return
		}
		l.mode = value
	}
	l.generation++ // who waits was made for another mode, or with an older setting
	l.mu.Unlock()
	nudge(l.tidy)
	nudge(l.kick)
}

// Start is cgi.Config's: the call has a place, and whoever waits there is its.
func (l *pool) Start(p *cgi.Program) (cgi.Process, error) {
	m, old, mode := l.take(p.Place)
	if old != nil {
		old.end()
	}
	if m != nil {
		if err := m.call(p); err == nil {
			return cgi.Process{Pid: m.Pid, Waited: true, Resident: m.Resident}, nil
		}
		m.end() // it died while it waited
	}
	if s := l.takeSpare(); s != nil {
		if proc, err := s.run(p); err == nil {
			proc.Waited = true
			return proc, nil
		}
	}
	l.mu.Lock()
	l.lastCold = time.Now()
	l.mu.Unlock()
	if mode != warm {
		return l.engine.Start(p)
	}
	m, err := l.make(p.Place)
	if err != nil {
		return cgi.Process{}, err
	}
	m.call(p) // if it has died already, it will be found dead as any other
	return cgi.Process{Pid: m.Pid, Resident: m.Resident}, nil
}

// take returns who waits in the place, if anyone: for the call, or to be ended
// first.
func (l *pool) take(place int) (m, old *member, mode string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m = l.waiting[place]
	delete(l.waiting, place)
	if l.mode == prewarmed {
		nudge(l.kick)
	}
	if m != nil && (m.generation != l.generation || m.doomed()) {
		return nil, m, l.mode
	}
	return m, nil, l.mode
}

// keeps reports whether a sandbox may stay after a call.
func (l *pool) keeps(m *member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mode == warm && !l.closed && m.generation == l.generation
}

// wait puts a sandbox where the next call finds it, if it may still stay.
func (l *pool) wait(m *member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || m.generation != l.generation {
		return false
	}
	m.since = time.Now()
	l.waiting[m.Place] = m
	return true
}

// lost is told of a sandbox's end. One that waited is taken down here.
func (l *pool) lost(m *member) {
	nudge(l.kick)
	l.mu.Lock()
	waited := l.waiting[m.Place] == m && l.host.Claim(m.Place)
	if waited {
		delete(l.waiting, m.Place)
	}
	l.mu.Unlock()
	if waited {
		m.end()
		l.host.Leave(m.Place, false)
	}
}

// tidyUp ends the sandboxes that have waited too long, or for nothing, until
// the pool is closed.
func (l *pool) tidyUp() {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-tick.C:
		case <-l.tidy:
		}
		l.endWaiting(func(m *member) bool {
			return m.generation != l.generation || l.mode == warm && time.Since(m.since) >= l.idle || m.dead() || m.doomed()
		})
	}
}

// endWaiting ends those of the waiting for which useless says so, under the lock.
func (l *pool) endWaiting(useless func(*member) bool) {
	var ending []*member
	l.mu.Lock()
	for place, m := range l.waiting {
		if useless(m) && l.host.Claim(place) {
			delete(l.waiting, place)
			ending = append(ending, m)
		}
	}
	var giving []spare
	if l.mode != prewarmed || l.closed {
		giving, l.spares = l.spares, nil
	}
	l.mu.Unlock()
	var ends sync.WaitGroup // at most one for each place: the host may have little time
	for _, m := range ending {
		ends.Go(func() {
			m.end()
			l.host.Leave(m.Place, false)
		})
	}
	for _, s := range giving {
		ends.Go(func() {
			if err := s.close(); err != nil {
				slog.Error("container: give up a sandbox that waits", "err", err)
			}
		})
	}
	ends.Wait()
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

// ending ends all that wait, and those that are being made: frozen ones could
// not be killed by the host's reaper.
func (l *pool) ending() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.quit)
	l.endWaiting(func(*member) bool { return true })
	over := make(chan struct{})
	go func() { // ends with the workers, or the process
		l.workers.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(time.Second):
	}
}

// errNoPlace: all are taken.
var errNoPlace = errors.New("no place for a sandbox")

func (l *pool) close() {
	l.engine.close()
	l.freezer.close()
	l.null.Close()
}

// complain says, once, that sandboxes wait without being frozen.
func (l *pool) complain(err error) {
	l.said.Do(func() {
		role.Tell("say warm sandboxes wait unfrozen: " + err.Error())
		slog.Warn("container: warm sandboxes wait unfrozen", "err", err)
	})
}

// nudge wakes who waits, or who will wait next.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
