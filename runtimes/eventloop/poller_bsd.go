//go:build darwin || freebsd

package eventloop

import "syscall"

// poller is kqueue(2).
type poller struct {
	fd     int
	events [maxEvents]syscall.Kevent_t
	ready  [maxEvents]event
}

const (
	levelTriggered trigger = 0                // as long as there is something to read
	edgeTriggered  trigger = syscall.EV_CLEAR // once when something arrives or there is room
)

func newPoller() (poller, error) {
	fd, err := syscall.Kqueue()
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return poller{fd: fd}, err
}

func (p *poller) add(fd int, t trigger) error {
	var c [2]syscall.Kevent_t
	syscall.SetKevent(&c[0], fd, syscall.EVFILT_READ, syscall.EV_ADD|int(t))
	syscall.SetKevent(&c[1], fd, syscall.EVFILT_WRITE, syscall.EV_ADD|int(t))
	changes := c[:]
	if t == levelTriggered {
		changes = c[:1] // who only reads isn't told of room to write
	}
	_, err := syscall.Kevent(p.fd, changes, nil, nil)
	return err
}

// remove takes a level-triggered descriptor out. Any other leaves the poller by
// being closed.
func (p *poller) remove(fd int) {
	var c [1]syscall.Kevent_t
	syscall.SetKevent(&c[0], fd, syscall.EVFILT_READ, syscall.EV_DELETE)
	syscall.Kevent(p.fd, c[:], nil, nil)
}

// wait returns what is ready, after at most that time.
func (p *poller) wait(ns int64) []event {
	t := syscall.NsecToTimespec(min(ns, 60_000_000_000))
	n, err := syscall.Kevent(p.fd, nil, p.events[:], &t)
	if err != nil {
		return nil // EINTR
	}
	for i := range p.events[:n] {
		e := &p.events[i]
		reads, eof := e.Filter == syscall.EVFILT_READ, e.Flags&syscall.EV_EOF != 0
		p.ready[i] = event{fd: int32(e.Ident), readable: reads, writable: !reads, eof: reads && eof, gone: !reads && eof}
	}
	return p.ready[:n]
}
