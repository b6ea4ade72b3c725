package traffic

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fdAlarm is a timerfd in Go's poller. The runtime's own timers sleep in
// epoll_wait(2), whose time-out counts in milliseconds, and so are up to 1 ms
// late on an idle machine; a timerfd is late by the wake-up alone, and neither
// spins nor holds a thread.
type fdAlarm struct {
	fd int
	f  *os.File
}

func newAlarm() (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("make the timer of the traffic: timerfd_create: %w", err)
	}
	return &fdAlarm{fd, os.NewFile(uintptr(fd), "timerfd")}, nil
}

func (a *fdAlarm) set(d time.Duration) {
	// An all-zero value would disarm it (timerfd_create(2)).
	t := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(d), 1))}
	unix.TimerfdSettime(a.fd, 0, &t, nil) // can't fail: the descriptor and the value are right
}

func (a *fdAlarm) wait() error {
	var expirations [8]byte
	if _, err := a.f.Read(expirations[:]); err != nil {
		return fmt.Errorf("wait for the next arrival: %w", err)
	}
	return nil
}

func (a *fdAlarm) close() { a.f.Close() }
