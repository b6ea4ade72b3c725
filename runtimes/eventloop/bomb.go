package eventloop

import (
	"syscall"

	"forklore/runtimes/app"
)

// A fork bomb is a descriptor in the poller, as the backend is: the read end
// of the pipe on which the bomber reports. When it has, or when the client is
// gone, the end is closed; the bomber's own end is looked for after that, with
// each tick, since no call here waits.

// bomb begins the step. true: it is under way.
func (l *loop) bomb(s *slot, n int64) bool {
	x := s.exchange
	b, lit := app.LightBomb(n, &x.work.Answer)
	if !lit {
		return false
	}
	err := syscall.SetNonblock(b.FD, true)
	if b.FD >= len(l.slots) {
		err = syscall.EMFILE
	}
	if err == nil {
		err = l.watch(b.FD, bomb, levelTriggered)
	}
	if err != nil {
		x.work.Answer.Failed = "forks: " + err.Error()
		closeFD(b.FD)
		l.bombs = append(l.bombs, b)
		return false
	}
	l.slots[b.FD].peer = s.fd
	x.upstream, x.bomb = int32(b.FD), b
	s.state = working
	l.timers.set(s, never)
	return true
}

// bombReady is the callback for the pipe.
func (l *loop) bombReady(u *slot) {
	s := &l.slots[u.peer]
	x := s.exchange
	if err := x.bomb.Read(&x.work.Answer); err == syscall.EAGAIN || err == syscall.EINTR {
		return
	}
	l.hangUp(x)
	l.proceed(s)
}

// bury waits for the bombers that have ended.
func (l *loop) bury() {
	left := l.bombs[:0]
	for _, b := range l.bombs {
		if !b.Buried(false) {
			left = append(left, b)
		}
	}
	l.bombs = left
}
