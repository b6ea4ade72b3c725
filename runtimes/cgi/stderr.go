package cgi

import (
	"io"
	"os"
	"syscall"
	"time"
)

// stderrBytes is how much a call may write to the log. What comes beyond is
// read and thrown away: a script that can't write would block.
const stderrBytes = 64 << 10

// stderrPipe is a call's standard error on its way to the log.
type stderrPipe struct {
	f    *os.File
	done chan struct{}
}

func newStderrPipe(log io.Writer) (*stderrPipe, uintptr, error) {
	r, w, err := pipe()
	if err != nil {
		return nil, 0, err
	}
	syscall.SetNonblock(r, true)
	s := &stderrPipe{f: os.NewFile(uintptr(r), "script's standard error"), done: make(chan struct{})}
	go s.pass(log) // ends with the pipe, or by close
	return s, uintptr(w), nil
}

func (s *stderrPipe) pass(log io.Writer) {
	defer close(s.done)
	var buf [1024]byte
	for left := stderrBytes; ; {
		n, err := s.f.Read(buf[:])
		if n = min(n, left); n > 0 {
			log.Write(buf[:n])
			left -= n
		}
		if err != nil {
			return
		}
	}
}

// close ends the reading, though a grandchild may hold the pipe.
func (s *stderrPipe) close() {
	s.f.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	<-s.done
	s.f.Close()
}
