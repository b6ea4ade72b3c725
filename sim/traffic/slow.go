package traffic

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// MaxSlow bounds the clients of a Slow.
const MaxSlow = 1000

// Slow is clients that send the head of a request one byte a second and never
// finish it (slowloris, R. Hansen 2009). Each holds a connection, and a worker
// where a worker waits for its client, at a cost of one byte a second. Every
// byte is valid HTTP (RFC 9112): a server can only tell by the time it takes.
//
// A goroutine for each client, which ends with Close. A byte costs 70 us of CPU
// in a virtual machine, two thirds of it the kernel's.
type Slow struct {
	addr   syscall.SockaddrInet4
	head   []byte
	again  int           // the head goes on from here, for ever
	second time.Duration // between two bytes, and before the next connection
	begun  time.Time
	n      int

	clients sync.WaitGroup
	closed  chan struct{}

	mu    sync.Mutex
	conns map[*os.File]struct{} // those that are being made, too
	stats SlowStats
	ended bool
}

// SlowStats are the counts of a Slow.
type SlowStats struct {
	Open           int // connections now
	BytesSent      uint64
	Opened         uint64 // connections that were made
	ClosedByServer uint64 // of these
}

var errSlow = fmt.Errorf("slow clients are 1 to %d", MaxSlow)

// StartSlow begins n clients of addr. They come one after the other during the
// first second, and each keeps its place in the second from then on.
func StartSlow(addr string, n int) (*Slow, error) { return startSlow(addr, n, time.Second) }

func startSlow(addr string, n int, second time.Duration) (*Slow, error) {
	to, err := parseAddr(addr)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > MaxSlow {
		return nil, fmt.Errorf("%d slow clients: %w", n, errSlow)
	}
	head := []byte("GET /? HTTP/1.1\r\nHost: " + addr + "\r\n")
	s := &Slow{
		addr: to, head: append(head, "X-Slow: 1\r\n"...), again: len(head), second: second, begun: time.Now(), n: n,
		closed: make(chan struct{}), conns: map[*os.File]struct{}{},
	}
	for i := range n {
		s.clients.Go(func() { s.client(i) })
	}
	return s, nil
}

// Stats returns the counts so far.
func (s *Slow) Stats() SlowStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Close ends all clients and their connections, and waits for them.
func (s *Slow) Close() {
	s.mu.Lock()
	if !s.ended {
		s.ended = true
		close(s.closed)
		for f := range s.conns {
			f.Close() // wakes whoever waits on it
		}
	}
	s.mu.Unlock()
	s.clients.Wait()
}

// turn is when client i's place in the second next comes. A turn that was
// missed, on a busy machine, is not made up for.
func (s *Slow) turn(i int, now time.Time) time.Time {
	place := s.begun.Add(s.second * time.Duration(i) / time.Duration(s.n))
	if wait := now.Sub(place); wait >= 0 {
		place = place.Add((wait/s.second + 1) * s.second)
	}
	return place
}

// client i opens one connection after the other.
func (s *Slow) client(i int) {
	t := time.NewTimer(time.Until(s.turn(i, s.begun)))
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-s.closed:
			return
		}
		s.connect(i)
		t.Reset(s.second)
	}
}

// connect opens a connection and drips on it until it ends.
func (s *Slow) connect(i int) {
	f, err := begin(s.addr)
	if err != nil {
		return // refused, or no descriptor: the next time, perhaps
	}
	defer f.Close()
	s.mu.Lock()
	ended := s.ended
	s.conns[f] = struct{}{}
	s.mu.Unlock()
	defer s.count(func(*SlowStats) { delete(s.conns, f) })
	if ended {
		return
	}
	if _, err = finish(f, s.addr); err != nil {
		return
	}
	s.count(func(c *SlowStats) { c.Opened++; c.Open++ })
	err = s.drip(f, i)
	s.count(func(c *SlowStats) {
		c.Open--
		if !errors.Is(err, os.ErrClosed) {
			c.ClosedByServer++
		}
	})
}

func (s *Slow) count(f func(*SlowStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}

// drip sends a byte at each turn, and reads in between, to see at once when the
// server closes. An answer, such as 408, is not a reason to stop.
func (s *Slow) drip(f *os.File, i int) error {
	var answer [512]byte
	for at := 0; ; {
		f.SetReadDeadline(s.turn(i, time.Now()))
		var err error
		for err == nil {
			_, err = f.Read(answer[:])
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err // io.EOF, a reset, or Close
		}
		if _, err := f.Write(s.head[at : at+1]); err != nil {
			return err
		}
		s.count(func(c *SlowStats) { c.BytesSent++ })
		if at++; at == len(s.head) {
			at = s.again
		}
	}
}
