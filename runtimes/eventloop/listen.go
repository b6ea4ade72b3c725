package eventloop

import (
	"syscall"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

// backlog is how many connections the kernel holds until they are accepted:
// nginx's and Apache's number.
const backlog = 511

// listen opens the listener, or takes the one that the supervisor owns and
// that outlives this process, and returns its port.
func (l *loop) listen() (port int, err error) {
	fd := role.ListenerFD
	if role.Int("LISTENER", 0) == 0 {
		if fd, err = ownListener(int(role.Int("PORT", 0))); err != nil {
			return 0, err
		}
	}
	// The next two belong to the socket, not to the descriptor, so they hold
	// for the supervisor's as well. It doesn't accept. That connections
	// inherit TCP_NODELAY from their listener saves a call for each.
	if err := syscall.SetNonblock(fd, true); err != nil {
		return 0, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return 0, err
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	in, ok := sa.(*syscall.SockaddrInet4)
	if !ok {
		return 0, syscall.EAFNOSUPPORT
	}
	l.listener = fd
	return in.Port, l.watch(fd, listening, levelTriggered)
}

func ownListener(port int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return -1, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return -1, err
	}
	return fd, syscall.Listen(fd, backlog)
}

// maxAccepts bounds what is accepted in one round. The listener is
// level-triggered: what is left reports itself again.
const maxAccepts = 64

func (l *loop) accept() {
	for range maxAccepts {
		if !l.acceptOne() {
			return
		}
	}
}

// acceptOne reports whether there may be more.
func (l *loop) acceptOne() bool {
	if l.listener < 0 {
		return false
	}
	fd, port, errno := acceptFD(l.listener)
	switch errno {
	case 0:
	case syscall.ECONNABORTED: // it went away while it waited (accept(2))
		return true
	case syscall.EMFILE, syscall.ENFILE:
		return l.acceptAndClose()
	default: // EAGAIN: that's all; any other: the next round tries again
		return false
	}
	l.board.Accepted.Add(1)
	if fd >= len(l.slots) || l.watch(fd, client, edgeTriggered) != nil {
		l.board.Rejected.Add(1)
		closeFD(fd)
		return true
	}
	l.clients++
	s := &l.slots[fd]
	s.port = port
	l.timers.set(s, role.Nanotime()+l.keepAliveNS)
	return true
}

// acceptAndClose is what libuv does when there are no descriptors left
// (uv__emfile_trick): it gives up one that it had kept for the purpose, and
// closes the client's connection with it. Else the connection would stay in
// the backlog and the level-triggered listener would report it for ever, at
// 100% CPU, while the client waits for nothing.
func (l *loop) acceptAndClose() bool {
	if l.reserve >= 0 {
		closeFD(l.reserve)
	}
	fd, _, errno := acceptFD(l.listener)
	if errno == 0 {
		l.board.Accepted.Add(1)
		l.board.Rejected.Add(1)
		closeFD(fd)
	}
	// It fails only if the machine has none left either (ENFILE).
	l.reserve = openNull()
	return errno == 0
}

// stop is the graceful end: nothing new is accepted, what has begun is
// finished, and the loop ends when the last connection has gone.
func (l *loop) stop() {
	if l.stopping {
		return
	}
	// Whoever is in the backlog believes to be connected.
	for l.acceptOne() {
	}
	l.stopping = true
	l.board.Row[0].Set(board.Graceful, role.Nanotime())
	l.poller.remove(l.listener)
	l.closing = append(l.closing, int32(l.listener))
	l.slots[l.listener].kind = closed
	l.listener = -1
	now := role.Nanotime()
	for i := range l.slots {
		s := &l.slots[i]
		if s.kind != client || s.state != idle {
			continue
		}
		if s.served {
			// Between two requests: it may be closed at any time (RFC 9112
			// section 9.5). If the next one has already arrived it is served.
			s.readable = true
			if l.turn(s); s.kind == client && s.state == idle {
				l.drop(s)
			}
		} else if l.timeoutNS > 0 {
			l.timers.set(s, min(s.due, now+l.timeoutNS)) // its first request is on its way
		}
	}
}
