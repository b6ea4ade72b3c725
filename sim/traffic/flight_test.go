package traffic

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// echo answers requests with their own id.
func echo(c *net.TCPConn) {
	for {
		_, id, ok := strings.Cut(request(c), "Forklore-Request: ")
		if !ok {
			return
		}
		id, _, _ = strings.Cut(id, "\r\n")
		if _, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nForklore-Request: %s\r\nContent-Length: 1\r\n\r\nx", id); err != nil {
			return
		}
	}
}

func TestGiveUp(t *testing.T) {
	came, left := make(chan struct{}, 8), make(chan struct{}, 8) // one for each connection, never block
	addr := serve(t, func(c *net.TCPConn) {
		request(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
		came <- struct{}{}
		io.Copy(io.Discard, c)
		left <- struct{}{}
	})
	r := newResults()
	g := New(Config{KeepAlive: true, Targets: []Target{{0, addr}, {1, addr}}, OnResult: r.add})
	for id := range uint64(4) {
		g.arrive(Arrival{ID: id + 1, Intended: time.Now()})
	}
	for range 8 {
		<-came
	}
	odd := func(id uint64) bool { return id%2 == 1 }
	if n := g.GiveUp(1, odd); n != 2 {
		t.Errorf("%d gave up, want 2", n)
	}
	for _, x := range r.wait(t, 2) {
		if x.Model != 1 || !odd(x.ID) || x.Outcome != Timeout || x.Err != "the client gave up" {
			t.Errorf("%+v", x)
		}
	}
	for range 2 {
		select {
		case <-left:
		case <-time.After(5 * time.Second):
			t.Fatal("the server doesn't see that its client has left")
		}
	}
	if n := g.GiveUp(1, odd); n != 0 {
		t.Errorf("%d gave up twice", n)
	}
	if n := g.GiveUp(7, odd); n != 0 {
		t.Errorf("%d gave up in no model", n)
	}
	if s := g.Stats(1); s != (Stats{Sent: 4, Timeout: 2, InFlight: 2}) {
		t.Errorf("the books have %+v", s)
	}
	if s := g.Stats(0); s != (Stats{Sent: 4, InFlight: 4}) {
		t.Errorf("the other model's books have %+v", s)
	}
	drain(t, g)
	if n := g.GiveUp(1, func(uint64) bool { return true }); n != 0 {
		t.Errorf("%d gave up after the end", n)
	}
	if len(r.list) != 2 {
		t.Errorf("%d results, want 2", len(r.list))
	}
}

// A client that waits for its connection to be made leaves too.
func TestGiveUpConnecting(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other kernels than Linux refuse when the backlog is full")
	}
	addr := fullBacklog(t)
	r := newResults()
	g := New(Config{Targets: []Target{{Addr: addr}}, OnResult: r.add})
	g.arrive(Arrival{ID: 1, Intended: time.Now()})
	time.Sleep(20 * time.Millisecond) // by then it waits, most of the time
	if n := g.GiveUp(0, func(uint64) bool { return true }); n != 1 {
		t.Errorf("%d gave up, want 1", n)
	}
	if x := r.wait(t, 1)[0]; x.Outcome != Timeout || x.Err != "the client gave up" || !x.Opened.IsZero() {
		t.Errorf("%+v", x)
	}
	drain(t, g)
}

// fullBacklog is a listener that no connection can be made to.
func fullBacklog(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	fill, err := net.Dial("tcp4", addr) // the queue has room for backlog + 1
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fill.Close() })
	return addr
}

// Clients give up while their requests begin and end: each that is counted is
// reported, once, and none of their connections carries another's answer.
func TestGiveUpRaces(t *testing.T) {
	for _, keepAlive := range []bool{false, true} {
		t.Run(fmt.Sprint("keep alive ", keepAlive), func(t *testing.T) {
			addr := serve(t, echo)
			r := newResults()
			g := New(Config{KeepAlive: keepAlive, Targets: []Target{{Addr: addr}}, OnResult: r.add})
			var gaveUp atomic.Int64
			stop := make(chan struct{})
			var leavers sync.WaitGroup
			for k := range uint64(2) {
				leavers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							gaveUp.Add(int64(g.GiveUp(0, func(id uint64) bool { return id%3 == k })))
							runtime.Gosched()
						}
					}
				})
			}
			const n = 900
			for id := range uint64(n) {
				g.arrive(Arrival{ID: id + 1, Intended: time.Now()})
				if id%10 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			g.Drain(t.Context())
			close(stop)
			leavers.Wait()
			got := r.wait(t, n)
			seen := map[uint64]bool{}
			left := int64(0)
			for _, x := range got {
				if seen[x.ID] {
					t.Fatalf("request %d is reported twice", x.ID)
				}
				seen[x.ID] = true
				switch {
				case x.Err == "the client gave up" && x.Outcome == Timeout && x.ID%3 != 2:
					left++
				case x.Outcome != OK || x.Wrong():
					t.Errorf("%+v", x)
				}
			}
			if left != gaveUp.Load() || left == 0 {
				t.Errorf("%d results say that the client gave up, %d did", left, gaveUp.Load())
			}
			if s := g.Stats(0); s != (Stats{Sent: n, OK: uint64(n - left), Timeout: uint64(left)}) {
				t.Errorf("the books have %+v", s)
			}
			drain(t, g)
		})
	}
}
