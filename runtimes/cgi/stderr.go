package cgi

import (
	"io"
	"os"
	"sync/atomic"
	"syscall"
)

// stderrBytes is how much a call may write to the log. What comes beyond is
// read and thrown away: a script that can't write would block.
const stderrBytes = 64 << 10

// stderrPipe is the standard error of all calls of one place, one after the
// other, on its way to the log. A pipe of its own for each call would cost
// each a goroutine and eight system calls, and most scripts write nothing.
type stderrPipe struct {
	r    *os.File
	w    uintptr
	left atomic.Int64 // bytes of this call that go to the log
}

func newStderrPipe(log io.Writer) (*stderrPipe, error) {
	r, w, err := pipe()
	if err != nil {
		return nil, err
	}
	syscall.SetNonblock(r, true)
	s := &stderrPipe{r: os.NewFile(uintptr(r), "scripts' standard error"), w: uintptr(w)}
	go s.pass(log) // as long as the host, which holds the other end
	return s, nil
}

func (s *stderrPipe) pass(log io.Writer) {
	var buf [4096]byte
	for {
		n, err := s.r.Read(buf[:])
		if err != nil {
			return
		}
		if k := min(int64(n), s.left.Add(-int64(n))+int64(n)); k > 0 {
			log.Write(buf[:k])
		}
	}
}

// stderr is the descriptor for the call that has the place.
func (h *Host) stderr(place int) (fd uintptr, err error) {
	if h.Log == nil {
		return 2, nil
	}
	if h.stderrs[place] == nil {
		if h.stderrs[place], err = newStderrPipe(h.Log); err != nil {
			return 0, err
		}
	}
	h.stderrs[place].left.Store(stderrBytes)
	return h.stderrs[place].w, nil
}
