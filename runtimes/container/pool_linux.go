package container

import (
	"log/slog"
	"os"
	"sync"
	"time"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// pool decides which sandbox a call gets, by the mode:
//
//	fresh      ── call ── made ── used ── destroyed
//	prewarmed  ── made ── waits ── call ── used ── destroyed;  another is made meanwhile
//	warm       ── call ── made ── used ── frozen ── call ── thawed ── used ── frozen ... idle ── destroyed
//
// A sandbox that waits has a place of the host's, as a call has: there are
// never more sandboxes than places.
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

// endPatience is how long the sandboxes that wait may take to be claimed at the end.
const endPatience = 500 * time.Millisecond

// dyingPatience is how long a sandbox that takes no call may take to be gone.
const dyingPatience = time.Second

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
		// It died while it waited, and its end may be still on its way: a death
		// that we don't wait for would be taken for our own doing.
		select {
		case <-m.Ended():
		case <-time.After(dyingPatience):
		}
		m.end()
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

// wait puts a sandbox where the next call finds it, if it may still stay: one that
// was begun for the stock may be ready only when no mode keeps any.
func (l *pool) wait(m *member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || m.generation != l.generation || l.mode == fresh {
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

// ending ends all that wait, and those that are being made: frozen ones could
// not be killed by the host's reaper.
func (l *pool) ending() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.quit)
	// A sandbox may wait already whose call hasn't left its place yet: it can't
	// be claimed for a moment. Frozen, it would outlive us: SIGKILL waits for
	// the thaw.
	for deadline := time.Now().Add(endPatience); ; time.Sleep(2 * time.Millisecond) {
		l.endWaiting(func(*member) bool { return true })
		l.mu.Lock()
		left := len(l.waiting)
		l.mu.Unlock()
		if left == 0 || time.Now().After(deadline) {
			break
		}
	}
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
