package eventloop

import (
	"syscall"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/wire"
)

// loop is the whole state of the process.
type loop struct {
	board    *board.Board
	poller   poller
	timers   timers
	lag      lag
	slots    []slot // by descriptor
	listener int    // -1 once closed
	reserve  int    // a descriptor to give up when there are no more
	clients  int
	stopping bool

	again   []int32    // connections that have more to do, but let others go first
	closing []int32    // descriptors to be closed after this round's events
	bombs   []app.Bomb // whose bombers are to be waited for

	in      []byte    // what is read; all connections share it
	xs      []byte    // 'x', for the bodies of replies
	spare   *exchange // a list of unused ones
	rows    []int32   // unused rows of the board, the last is taken first
	command []byte    // a line from the lab, as far as it has come

	pid         int32
	token       string
	itersPerMS  int64
	backend     syscall.Sockaddr
	timeoutNS   int64 // for an incomplete request, for a response that isn't read; 0: none
	keepAliveNS int64 // for a connection without a request
	request     wire.Request
}

// run is the event loop: wait, and call back for whatever is ready.
func (l *loop) run() {
	l.lag.due = role.Nanotime() + tickNS
	for !l.stopping || l.clients > 0 {
		ready := l.poller.wait(l.patience(role.Nanotime()))
		began := role.Nanotime()
		for _, e := range ready {
			switch s := &l.slots[e.fd]; s.kind {
			case control:
				l.readControl()
			case listening:
				l.accept()
			case client:
				l.clientReady(s, e)
			case upstream:
				l.backendReady(s)
			case bomb:
				l.bombReady(s)
			}
		}
		l.giveTurns()
		for s := l.timers.due(began); s != nil; s = l.timers.due(began) {
			l.timeout(s)
		}
		l.closeDescriptors()
		l.bury()
		l.lag.observe(l, began, role.Nanotime())
	}
}

// patience is how long the poller may wait.
func (l *loop) patience(now int64) int64 {
	if len(l.again) > 0 {
		return 0
	}
	return max(0, min(l.lag.due, l.timers.next())-now)
}

// giveTurns lets those go on who have had to let others go first.
func (l *loop) giveTurns() {
	n := len(l.again)
	for _, fd := range l.again[:n] {
		if s := &l.slots[fd]; s.kind == client {
			s.queued = false
			l.turn(s)
		}
	}
	l.again = l.again[:copy(l.again, l.again[n:])]
}

// A descriptor is closed after all events of a round have been handled, or
// one that is still to come might be taken for its successor's: the kernel
// gives a number out again at once.
func (l *loop) closeDescriptors() {
	for _, fd := range l.closing {
		closeFD(int(fd))
		l.slots[fd].kind = free
	}
	l.closing = l.closing[:0]
}

func newLoop(b *board.Board, descriptors int) (*loop, error) {
	l := &loop{
		board:       b,
		slots:       make([]slot, descriptors),
		listener:    -1,
		reserve:     openNull(),
		in:          make([]byte, 64<<10),
		xs:          make([]byte, 64<<10),
		pid:         int32(syscall.Getpid()),
		token:       role.Env("TOKEN"),
		itersPerMS:  role.Int("ITERS_PER_MS", 0),
		backend:     &syscall.SockaddrUnix{Name: role.Env("BACKEND")},
		timeoutNS:   role.Int("TIMEOUT_MS", 10_000) * 1e6,
		keepAliveNS: role.Int("KEEPALIVE_MS", 75_000) * 1e6, // nginx's keepalive_timeout
	}
	l.timers.slots = l.slots
	if l.itersPerMS == 0 {
		l.itersPerMS = app.Calibrate() // started by hand
	}
	for i := range l.xs {
		l.xs[i] = 'x'
	}
	for i := len(b.Row) - 1; i > 0; i-- { // row 0 is the process itself
		l.rows = append(l.rows, int32(i))
	}
	var err error
	if l.poller, err = newPoller(); err != nil {
		return nil, err
	}
	return l, l.watch(role.ControlFD, control, levelTriggered)
}

// watch enters a descriptor into the table and the poller.
func (l *loop) watch(fd int, k kind, t trigger) error {
	if err := l.poller.add(fd, t); err != nil {
		return err
	}
	s := &l.slots[fd]
	// Its place among the timers stays the slot's, see timer.go.
	*s = slot{fd: int32(fd), kind: k, place: s.place, due: never}
	return nil
}

func openNull() int {
	fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}
