package app

import "syscall"

// ForkHoldUS is how long a fork bomb lasts, in microseconds. It ends by itself.
const ForkHoldUS = 3_000_000

// Bomb is a fork bomb that has been lit:
//
//	this process ── fork ──> bomber ── fork ──> child 1..N, each stands still
//	     ^                     │
//	     └──── pipe: report ───┘  its end of file: the bomb is over
//
// The bomber goes on trying as long as the bomb lasts: whatever ends in its
// group it takes the place of. When the time is over, or the pipe has no reader
// any more, because this process has ended or has no use for it, it ends its
// children, waits for them, and ends.
type Bomb struct {
	FD  int // to read from, non-blocking if it is to be watched by a poller
	pid int
}

// reportBytes: two numbers of eight bytes, little end first.
const reportBytes = 16

// Read reads the report. EAGAIN: it isn't over yet. Any other error, and none,
// is the end; the descriptor is still the caller's to close, see Buried.
func (b *Bomb) Read(a *Answer) error {
	var report [reportBytes + 1]byte
	n, err := syscall.Read(b.FD, report[:])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return err
	}
	if n != reportBytes {
		a.Failed = "forks: the bomber was killed"
		return nil
	}
	a.Bombed, a.Forked, a.ForkErrno = true, number(report[:8]), syscall.Errno(number(report[8:]))
	return nil
}

func number(b []byte) (n int64) {
	for i, c := range b[:8] {
		n |= int64(c) << (8 * i)
	}
	return n
}

// Buried waits for the bomber, or looks whether it has ended. A bomb that is
// not wanted any more ends when FD is closed, and has to be buried all the same.
func (b *Bomb) Buried(wait bool) bool {
	options := syscall.WNOHANG
	if wait {
		options = 0
	}
	pid, err := syscall.Wait4(b.pid, nil, options, nil)
	return pid == b.pid || err == syscall.ECHILD
}
