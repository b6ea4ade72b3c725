package cgi

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipeCapacity is what a pipe holds by default (pipe(7)).
const pipeCapacity = 64 << 10

// pause is how long a script has to be quiet until what it said is sent on.
const pause = 5 * time.Millisecond

// output is the read end of a script's standard output. Reading it ends with
// the output, after a silence, or some time after the script's own end: a
// grandchild may hold the pipe for ever.
type output struct {
	f       *os.File
	rc      syscall.RawConn
	silence time.Duration // 0: any

	// held: what was read has not been sent yet. After a pause of the script
	// send is called; most scripts end sooner, and their reply is one write.
	held bool
	send func()

	left int // bytes that may still be read after the deadline of an ended script

	mu    sync.Mutex
	ended bool
}

// outputPipe returns the pipe's read end, and the descriptor for the script.
func outputPipe(silence time.Duration) (*output, uintptr, error) {
	r, w, err := pipe()
	if err != nil {
		return nil, 0, err
	}
	syscall.SetNonblock(r, true) // of this end alone: goes through Go's poller
	o := &output{f: os.NewFile(uintptr(r), "script's output"), silence: silence, left: pipeCapacity}
	if o.rc, err = o.f.SyscallConn(); err != nil {
		o.f.Close()
		syscall.Close(w)
		return nil, 0, err
	}
	return o, uintptr(w), nil
}

func (o *output) Read(p []byte) (n int, err error) {
	read := func(fd uintptr) bool {
		for {
			if n, err = syscall.Read(int(fd), p); err != syscall.EINTR {
				return err != syscall.EAGAIN
			}
		}
	}
	o.wait(o.held)
	poll := o.rc.Read(read)
	if poll != nil && o.held && !o.over() {
		o.send()
		o.held = false
		o.wait(false)
		poll = o.rc.Read(read)
	}
	if poll != nil {
		if !o.over() || o.left <= 0 {
			return 0, poll // os.ErrDeadlineExceeded
		}
		// The script has ended, and its last words may have waited in the pipe
		// for a slow client: they are read without waiting.
		done := false
		if ctl := o.rc.Control(func(fd uintptr) { done = read(fd) }); ctl != nil || !done {
			return 0, poll
		}
		o.left -= n
	}
	switch {
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// over reports whether the script has ended.
func (o *output) over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ended
}

// wait starts the clock of a pause, or of a silence.
func (o *output) wait(forPause bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ended:
	case forPause:
		o.f.SetReadDeadline(time.Now().Add(pause))
	case o.silence > 0:
		o.f.SetReadDeadline(time.Now().Add(o.silence))
	default:
		o.f.SetReadDeadline(time.Time{})
	}
}

// end bounds what is still read, since the script has ended.
func (o *output) end(grace time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.f.SetReadDeadline(time.Now().Add(grace))
}
