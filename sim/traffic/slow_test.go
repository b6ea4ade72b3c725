package traffic

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"forklore/runtimes/wire"
)

// eventually waits for something that other goroutines bring about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("after 10 s still not: %s", what)
		}
	}
}

func slow(t *testing.T, addr string, n int, second time.Duration) *Slow {
	t.Helper()
	s, err := startSlow(addr, n, second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// What a slow client sends is HTTP at every byte, one at a time, and never all.
func TestSlowHead(t *testing.T) {
	var mu sync.Mutex
	var got []byte
	largest, ends := 0, 0
	addr := serve(t, func(c *net.TCPConn) {
		b := make([]byte, 64)
		for {
			n, err := c.Read(b)
			mu.Lock()
			got, largest = append(got, b[:n]...), max(largest, n)
			if err == io.EOF {
				ends++
			}
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	s := slow(t, addr, 1, time.Millisecond)
	eventually(t, "a hundred bytes", func() bool { mu.Lock(); defer mu.Unlock(); return len(got) >= 100 })
	if st := s.Stats(); st.Open != 1 || st.Opened != 1 || st.ClosedByServer != 0 {
		t.Errorf("%+v", st)
	}
	s.Close()
	s.Close() // again: nothing happens
	eventually(t, "the end of the connection", func() bool { mu.Lock(); defer mu.Unlock(); return ends == 1 })
	st := s.Stats()
	if want := (SlowStats{Opened: 1, BytesSent: uint64(len(got))}); st != want {
		t.Errorf("%+v, want %+v", st, want)
	}
	// One at a time, but for those that waited for a busy machine.
	if largest > len(got)/2 {
		t.Errorf("%d of %d bytes came at once", largest, len(got))
	}
	for n := range got {
		var r wire.Request
		if head, status := wire.Parse(got[:n+1], &r); head != 0 || status != 0 {
			t.Fatalf("%q is %d bytes of a head, status %d", got[:n+1], head, status)
		}
	}
	whole := string(got[:strings.LastIndex(string(got), "\r\n")]) + "\r\n\r\n"
	if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(whole))); err != nil {
		t.Errorf("%q: %v", whole, err)
	}
}

// A client that the server has thrown out comes back, whether the server said
// something before or not.
func TestSlowComesBack(t *testing.T) {
	for name, script := range map[string]func(*net.TCPConn){
		"FIN":    func(c *net.TCPConn) {},
		"RST":    rst,
		"answer": func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			s := slow(t, serve(t, script), 3, 10*time.Millisecond)
			eventually(t, "nine connections closed", func() bool { return s.Stats().ClosedByServer >= 9 })
			s.Close()
			// What is open as Close comes isn't the server's doing.
			if st := s.Stats(); st.Open != 0 || st.Opened < st.ClosedByServer || st.Opened > st.ClosedByServer+3 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A server that isn't there is asked again and again, until it is.
func TestSlowRefused(t *testing.T) {
	s := slow(t, freePort(t), 2, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	if st := s.Stats(); st != (SlowStats{}) {
		t.Errorf("of a port where nobody listens: %+v", st)
	}

	gone, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := gone.Addr().String()
	gone.Close()
	s = slow(t, addr, 2, 5*time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	l, err := net.Listen("tcp4", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		t.Skip("another process took the port meanwhile")
	} else if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	eventually(t, "both connected", func() bool { return s.Stats().Open == 2 })
}

// Close ends a client that waits for its connection to be made.
func TestSlowConnecting(t *testing.T) {
	s := slow(t, fullBacklog(t), 3, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	done := make(chan struct{})
	go func() { s.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("it doesn't end")
	}
	if n := len(s.conns); n != 0 {
		t.Errorf("%d sockets are left", n)
	}
}

func TestSlowBounds(t *testing.T) {
	for _, c := range []struct {
		addr string
		n    int
		want error
	}{{"127.0.0.1:80", 0, errSlow}, {"127.0.0.1:80", -1, errSlow}, {"127.0.0.1:80", MaxSlow + 1, errSlow},
		{"192.0.2.1:80", 1, errAddr}, {"localhost:80", 1, errAddr}} {
		if s, err := StartSlow(c.addr, c.n); s != nil || !errors.Is(err, c.want) {
			t.Errorf("%d clients of %s: %v, want %v", c.n, c.addr, err, c.want)
		}
	}
}

// Every client has a place of its own in the second, and keeps it.
func TestSlowTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Slow{second: time.Second, n: rapid.IntRange(1, MaxSlow).Draw(t, "n"), begun: time.Unix(1e9, 0)}
		i := rapid.IntRange(0, s.n-1).Draw(t, "i")
		now := s.begun.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "now")))
		at := s.turn(i, now)
		if wait := at.Sub(now); wait <= 0 || wait > s.second {
			t.Fatalf("the next turn is in %v", wait)
		}
		if place := at.Sub(s.begun) % s.second; place != s.second*time.Duration(i)/time.Duration(s.n) {
			t.Fatalf("client %d of %d has its turn at %v", i, s.n, place)
		}
		if next := s.turn(i, at); next.Sub(at) != s.second {
			t.Fatalf("two turns are %v apart", next.Sub(at))
		}
	})
}

// BenchmarkSlow reports what a thousand slow clients cost.
func BenchmarkSlow(b *testing.B) {
	l, err := net.Listen("tcp4", "127.0.0.1:0") // its queue takes them: no server's cost is counted
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		s, err := StartSlow(l.Addr().String(), MaxSlow)
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(time.Second) // they come
		before, sent := cpuTime(b), s.Stats().BytesSent
		time.Sleep(runFor)
		cpu, st := cpuTime(b)-before, s.Stats()
		s.Close()
		b.ReportMetric(float64(cpu.Microseconds())/float64(st.BytesSent-sent), "cpu-us/byte")
		b.ReportMetric(float64(st.Open), "open")
	}
	b.ReportMetric(0, "ns/op")
}
