package eventloop

import (
	"syscall"
	"unsafe"
)

// poller is epoll(7).
type poller struct {
	fd     int
	events [maxEvents]syscall.EpollEvent
	ready  [maxEvents]event
}

const (
	// Each time the poller is asked, as long as there is something to read.
	levelTriggered trigger = syscall.EPOLLIN
	// Once when something arrives, and once when there is room to write.
	// Nothing has to be changed in the kernel when a connection goes from
	// reading to writing and back; in turn it has to be read until it is empty.
	edgeTriggered trigger = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | 1<<31 // EPOLLET, which package syscall has as a negative number
)

func newPoller() (poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return poller{fd: fd}, err
}

func (p *poller) add(fd int, t trigger) error {
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: uint32(t), Fd: int32(fd)})
}

// remove is for a descriptor that others have, too: epoll watches the open file
// behind it. Any other leaves the poller by being closed (epoll(7), question 6).
func (p *poller) remove(fd int) {
	syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_DEL, fd, nil)
}

// wait returns what is ready, after at most that time.
//
// It is the one call that waits, and raw as well: package syscall's would give
// Go's scheduler the thread's place while it waits, and take it back after,
// with a futex call to the runtime's monitor each time. That was a tenth of
// all CPU here, for other goroutines that don't exist. The collector, which
// has nothing to do in a program that doesn't allocate, has to be content with
// the lag's tick: no wait is longer.
func (p *poller) wait(ns int64) []event {
	ms := int(min((ns+999_999)/1_000_000, 60_000)) // rounded up, or the last millisecond would be a busy one
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)), maxEvents, uintptr(ms), 0, 0)
	if errno != 0 {
		return nil // EINTR
	}
	for i, e := range p.events[:n] {
		p.ready[i] = event{
			fd:       e.Fd,
			readable: e.Events&(syscall.EPOLLIN|syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0,
			writable: e.Events&(syscall.EPOLLOUT|syscall.EPOLLHUP|syscall.EPOLLERR) != 0,
			eof:      e.Events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0,
			gone:     e.Events&(syscall.EPOLLHUP|syscall.EPOLLERR) != 0,
		}
	}
	return p.ready[:n]
}
