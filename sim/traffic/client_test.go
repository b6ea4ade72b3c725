package traffic

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/app"
)

// serve answers each connection with what script does to it.
func serve(t *testing.T, script func(c *net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Second))
				script(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}

// request reads one request, so that closing sends FIN and not RST.
func request(c net.Conn) string {
	var b []byte
	one := make([]byte, 1)
	for !strings.HasSuffix(string(b), "\r\n\r\n") {
		if _, err := c.Read(one); err != nil {
			return string(b)
		}
		b = append(b, one[0])
	}
	return string(b)
}

func rst(c *net.TCPConn) { c.SetLinger(0); c.Close() }

// freePort is a port that nobody listens on, held by a bound socket, as the
// lab holds the ports of its models.
func freePort(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
}

// results collects what a generator reports.
type results struct {
	mu   sync.Mutex
	list []Result
	got  chan struct{}
}

func newResults() *results { return &results{got: make(chan struct{}, 1<<16)} } // never blocks a client

func (r *results) add(x Result) {
	r.mu.Lock()
	r.list = append(r.list, x)
	r.mu.Unlock()
	r.got <- struct{}{}
}

func (r *results) wait(t *testing.T, n int) []Result {
	t.Helper()
	late := time.After(10 * time.Second)
	for range n {
		select {
		case <-r.got:
		case <-late:
			t.Fatalf("%d results after 10 s, want %d", len(r.list), n)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Result(nil), r.list...)
}

// drain ends what is in flight and looks for what is left.
func drain(t *testing.T, g *Generator) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.Drain(ctx)
	for _, c := range g.clients {
		if len(c.open)+len(c.idle) > 0 {
			t.Errorf("model %d: %d connections open, %d idle after Drain", c.model, len(c.open), len(c.idle))
		}
		if s := c.stats(); s.Sent != s.OK+s.ErrorStatus+s.Reset+s.Refused+s.Timeout+s.InFlight {
			t.Errorf("model %d: the books don't add up: %+v", c.model, s)
		}
	}
}

// ask sends one request and returns what became of it.
func ask(t *testing.T, cfg Config, addr string) Result {
	t.Helper()
	r := newResults()
	cfg.Targets = []Target{{Model: 2, Addr: addr}}
	cfg.OnResult = r.add
	g := New(cfg)
	if g.err != nil {
		t.Fatal(g.err)
	}
	defer drain(t, g)
	g.arrive(Arrival{ID: 7, Intended: time.Now()})
	return r.wait(t, 1)[0]
}

func TestOutcomes(t *testing.T) {
	const hello = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nForklore-Request: 7\r\n\r\nhello\n"
	say := func(s string) func(*net.TCPConn) {
		return func(c *net.TCPConn) { request(c); io.WriteString(c, s) }
	}
	for _, c := range []struct {
		name    string
		script  func(*net.TCPConn)
		outcome Outcome
		status  int
		as      uint64
		body    int64
		why     string
	}{
		{"answered", say(hello), OK, 200, 7, 6, ""},
		{"answered with LF alone", say("HTTP/1.1 200 OK\nContent-Length: 1\n\nx"), OK, 200, 0, 1, ""},
		{"chunked", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n0A\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"), OK, 200, 0, 14, ""},
		{"until close", say("HTTP/1.1 200 OK\r\n\r\nabc"), OK, 200, 0, 3, ""},
		{"HTTP/1.0", say("HTTP/1.0 200 OK\r\n\r\nabc"), OK, 200, 0, 3, ""},
		{"no content", say("HTTP/1.1 204 No Content\r\n\r\n"), OK, 204, 0, 0, ""},
		{"no reason", say("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), OK, 200, 0, 0, ""},
		{"after an interim response", say("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + hello), OK, 200, 7, 6, ""},
		{"slow drip", func(c *net.TCPConn) {
			request(c)
			for i := range hello {
				io.WriteString(c, hello[i:i+1])
				time.Sleep(100 * time.Microsecond)
			}
		}, OK, 200, 7, 6, ""},
		{"another's data", say(strings.Replace(hello, ": 7", ": 6", 1)), OK, 200, 6, 6, ""},
		{"answered and closed before the request was read", func(c *net.TCPConn) {
			io.WriteString(c, hello)
			c.CloseWrite()
			time.Sleep(20 * time.Millisecond)
			request(c)
		}, OK, 200, 7, 6, ""},
		{"a large body", func(c *net.TCPConn) {
			request(c)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 3<<20)
			c.Write(make([]byte, 3<<20))
		}, OK, 200, 0, 3 << 20, ""},

		{"500", say("HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno"), ErrorStatus, 500, 0, 2, ""},
		{"a redirection isn't followed", say("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"), ErrorStatus, 302, 0, 0, ""},
		{"not HTTP", say("SSH-2.0-OpenSSH\r\n"), ErrorStatus, 0, 0, 0, "malformed response: status line"},
		{"another protocol", say("HTTP/1.1 101 Switching\r\n\r\n"), ErrorStatus, 101, 0, 0, ""},
		{"a huge line", say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9<<10)), ErrorStatus, 200, 0, 0, "malformed response: a line over"},
		{"a huge header", say("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 70)), ErrorStatus, 200, 0, 0, "a head over"},
		{"interim responses without end", say(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20)), ErrorStatus, 0, 0, 0, "interim"},
		{"two lengths", say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), ErrorStatus, 200, 0, 0, "Content-Length"},

		{"FIN before the answer", func(c *net.TCPConn) { request(c) }, Reset, 0, 0, 0, "FIN"},
		{"FIN in the head", say("HTTP/1.1 200 OK\r\nContent-"), Reset, 200, 0, 0, "FIN"},
		{"FIN in the body", say(strings.TrimSuffix(hello, "lo\n")), Reset, 200, 7, 3, "FIN"},
		{"FIN in a chunk", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab"), Reset, 200, 0, 2, "FIN"},
		{"FIN before the last chunk", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"), Reset, 200, 0, 2, "FIN"},
		{"FIN after an interim response", say("HTTP/1.1 100 Continue\r\n\r\n"), Reset, 0, 0, 0, "FIN"},
		{"RST before the answer", func(c *net.TCPConn) { request(c); rst(c) }, Reset, 0, 0, 0, "RST"},
		{"RST before the request was read", func(c *net.TCPConn) { time.Sleep(20 * time.Millisecond); rst(c) }, Reset, 0, 0, 0, "RST"},
		{"RST in the body", func(c *net.TCPConn) {
			request(c)
			io.WriteString(c, strings.TrimSuffix(hello, "lo\n"))
			time.Sleep(20 * time.Millisecond) // else the RST throws away what came before it
			rst(c)
		}, Reset, 200, 7, 3, "RST"},
		{"RST of a body until close", func(c *net.TCPConn) {
			request(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nabc")
			time.Sleep(20 * time.Millisecond)
			rst(c)
		}, Reset, 200, 0, 3, "RST"},

		{"silence", func(c *net.TCPConn) { request(c); io.Copy(io.Discard, c) }, Timeout, 0, 0, 0, "in time"},
		{"a drip that is too slow", func(c *net.TCPConn) {
			request(c)
			for i := range hello {
				if _, err := io.WriteString(c, hello[i:i+1]); err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		}, Timeout, 0, 0, 0, "in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := ask(t, Config{Timeout: 500 * time.Millisecond}, serve(t, c.script))
			if r.Outcome != c.outcome || r.Status != c.status || r.AnsweredAs != c.as || r.BodyBytes != c.body {
				t.Errorf("got %v, status %d, as %d, %d bytes (%s), want %v, %d, %d, %d",
					r.Outcome, r.Status, r.AnsweredAs, r.BodyBytes, r.Err, c.outcome, c.status, c.as, c.body)
			}
			if (r.Err == "") != (c.why == "") || !strings.Contains(r.Err, c.why) {
				t.Errorf("the reason is %q, want %q", r.Err, c.why)
			}
			if r.ID != 7 || r.Model != 2 || r.LocalPort == 0 || r.Sent.Before(r.Intended) || r.Opened.Before(r.Sent) || r.End.Before(r.Opened) {
				t.Errorf("the record is not in order: %+v", r)
			}
			if r.Wrong() != (c.as == 6) {
				t.Errorf("Wrong() is %v", r.Wrong())
			}
		})
	}
}

func TestRefused(t *testing.T) {
	r := ask(t, Config{Timeout: time.Second}, freePort(t))
	if r.Outcome != Refused || !r.Opened.IsZero() || r.Sent.IsZero() || !strings.Contains(r.Err, "refused") {
		t.Errorf("%+v", r)
	}
}

// A socket bound to its target's port and connected to it is connected to
// itself: the kernel does that by chance when it chooses the port.
func TestSelfConnectIsRefused(t *testing.T) {
	fd, err := socket()
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "self")
	defer f.Close()
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	to := name.(*syscall.SockaddrInet4)
	if err := syscall.Connect(fd, to); err != nil && err != syscall.EINPROGRESS {
		t.Skip("this kernel doesn't connect a socket to itself:", err)
	}
	_, err = finish(f, *to)
	if err != errSelf || outcomeOf(err) != Refused {
		t.Errorf("%v is %v, want %v", err, outcomeOf(err), Refused)
	}
}

// The connection of a listener whose queue is full is never made.
func TestTimeoutOfConnecting(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other kernels than Linux refuse when the backlog is full")
	}
	r := ask(t, Config{Timeout: 100 * time.Millisecond}, fullBacklog(t))
	if r.Outcome != Timeout || !r.Opened.IsZero() {
		t.Errorf("%+v", r)
	}
	if late := r.End.Sub(r.Sent); late < 100*time.Millisecond || late > 5*time.Second {
		t.Errorf("timed out after %v", late)
	}
}

// What the lab itself lacks is not the model's failure, and is not "sent".
func TestLocalFailure(t *testing.T) {
	for err, want := range map[error]Outcome{
		connectError(syscall.EADDRNOTAVAIL):                         Local,
		connectError(syscall.ENETUNREACH):                           Local,
		&localError{os.NewSyscallError("socket", syscall.EMFILE)}:   Local,
		connectError(syscall.ECONNREFUSED):                          Refused,
		connectError(syscall.ETIMEDOUT):                             Timeout,
		connectError(syscall.ECONNRESET):                            Reset,
		&os.PathError{Op: "read", Err: syscall.ECONNRESET}:          Reset,
		&os.PathError{Op: "read", Err: os.ErrDeadlineExceeded}:      Timeout,
		io.ErrUnexpectedEOF:                                         Reset,
		fmt.Errorf("wrapped: %w", malformed("status line %q", "x")): ErrorStatus,
	} {
		if got := outcomeOf(err); got != want {
			t.Errorf("%v is %v, want %v", err, got, want)
		}
	}

	// A descriptor limit below what is open makes socket(2) fail for real.
	addr := freePort(t)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1, Max: was.Max}); err != nil {
		t.Skip("can't lower the limit of descriptors:", err)
	}
	restore := sync.OnceValue(func() error { return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was) })
	defer restore()
	r := newResults()
	g := New(Config{Targets: []Target{{Addr: addr}}, OnResult: r.add})
	g.arrive(Arrival{ID: 1, Intended: time.Now()})
	got := r.wait(t, 1)[0]
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	drain(t, g)
	if got.Outcome != Local || !strings.Contains(got.Err, "too many open files") {
		t.Errorf("%+v", got)
	}
	if s := g.Stats(0); s != (Stats{Local: 1}) {
		t.Errorf("the books have %+v", s)
	}
}

func TestClientLimit(t *testing.T) {
	release := make(chan struct{})
	addr := serve(t, func(c *net.TCPConn) {
		request(c)
		<-release
		io.WriteString(c, "HTTP/1.1 204 OK\r\n\r\n")
	})
	r := newResults()
	g := New(Config{MaxInFlight: 3, Targets: []Target{{Addr: addr}}, OnResult: r.add})
	for id := range uint64(5) {
		g.arrive(Arrival{ID: id + 1, Intended: time.Now()})
	}
	for _, x := range r.wait(t, 2) {
		if x.Outcome != Local || x.ID < 4 || !strings.Contains(x.Err, "limit of requests in flight (3)") || !x.Sent.IsZero() {
			t.Errorf("%+v", x)
		}
	}
	if s := g.Stats(0); s != (Stats{Sent: 3, InFlight: 3, Local: 2}) {
		t.Errorf("the books have %+v", s)
	}
	close(release)
	r.wait(t, 3)
	drain(t, g)
	if s := g.Stats(0); s != (Stats{Sent: 3, OK: 3, Local: 2}) {
		t.Errorf("the books have %+v", s)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	heads := make(chan string, 2)
	addr := serve(t, func(c *net.TCPConn) {
		heads <- request(c)
		io.WriteString(c, "HTTP/1.1 204 OK\r\n\r\n")
	})
	plan := func(a Arrival, model int) (s app.Steps) {
		s.Add(app.Step{Kind: app.CPU, N: 1000})
		if a.ID == 7 {
			s.Add(app.Step{Kind: app.Crash, N: 1})
		}
		return s
	}
	r := ask(t, Config{Token: "secret", Plan: plan}, addr)
	want := "GET /?cpu_us=1000&crash=1 HTTP/1.1\r\nHost: " + addr + "\r\nForklore-Request: 7\r\nForklore-Token: secret\r\nConnection: close\r\n\r\n"
	if got := <-heads; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if !r.Faults.Has(app.Crash) || r.Faults.Has(app.Leak) || r.Faults.Has(app.CPU) {
		t.Errorf("faults are %b", r.Faults)
	}
	// The token is nobody's business where there is no fault.
	r = ask(t, Config{Token: "secret", KeepAlive: true}, addr)
	want = "GET /? HTTP/1.1\r\nHost: " + addr + "\r\nForklore-Request: 7\r\n\r\n"
	if got := <-heads; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if r.Faults != 0 {
		t.Errorf("faults are %b", r.Faults)
	}
}

// A request on a connection that the server has closed meanwhile is a reset,
// reaches no other connection, and the next one opens a new connection.
func TestKeepAliveNeverRetries(t *testing.T) {
	served := make(chan string, 8)
	addr := serve(t, func(c *net.TCPConn) {
		for range 2 {
			if head := request(c); head != "" { // "": the client has gone
				served <- head
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
		}
	})
	r := newResults()
	g := New(Config{KeepAlive: true, Timeout: time.Second, Targets: []Target{{Addr: addr}}, OnResult: r.add})
	var got []Result
	for id := range uint64(4) {
		time.Sleep(20 * time.Millisecond) // the FIN has come by then
		g.arrive(Arrival{ID: id + 1, Intended: time.Now()})
		got = r.wait(t, 1)
	}
	drain(t, g)
	for i, want := range []struct {
		outcome Outcome
		reused  bool
	}{{OK, false}, {OK, true}, {Reset, true}, {OK, false}} {
		if got[i].Outcome != want.outcome || got[i].Reused != want.reused {
			t.Errorf("request %d: %v, reused %v (%s), want %v, %v", i+1, got[i].Outcome, got[i].Reused, got[i].Err, want.outcome, want.reused)
		}
	}
	if got[0].LocalPort != got[1].LocalPort || got[0].Opened != got[1].Opened || got[0].LocalPort == got[3].LocalPort {
		t.Error("ports and times don't show which requests had one connection")
	}
	if !strings.Contains(got[2].Err, "no request is sent twice") {
		t.Errorf("the reason is %q", got[2].Err)
	}
	if len(served) != 3 {
		t.Errorf("%d requests reached the server, want 3", len(served))
	}
}

// A connection with more on it than was asked for can't be used again.
func TestKeepAliveDropsDirtyConnections(t *testing.T) {
	addr := serve(t, func(c *net.TCPConn) {
		request(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 500 Not asked for\r\n\r\n")
		io.Copy(io.Discard, c)
	})
	r := newResults()
	g := New(Config{KeepAlive: true, Timeout: time.Second, Targets: []Target{{Addr: addr}}, OnResult: r.add})
	for id := range uint64(2) {
		g.arrive(Arrival{ID: id + 1, Intended: time.Now()})
		if x := r.wait(t, 1)[id]; x.Outcome != OK || x.Reused {
			t.Errorf("%+v", x)
		}
	}
	drain(t, g)
}

func TestDrainLeavesInFlight(t *testing.T) {
	addr := serve(t, func(c *net.TCPConn) { request(c); io.Copy(io.Discard, c) })
	r := newResults()
	g := New(Config{Targets: []Target{{Addr: addr}}, OnResult: r.add})
	for id := range uint64(3) {
		g.arrive(Arrival{ID: id + 1, Intended: time.Now()})
	}
	if n := g.InFlight(0); n != 3 {
		t.Errorf("%d in flight, want 3", n)
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	g.Drain(ctx)
	if d := time.Since(start); d < 50*time.Millisecond {
		t.Errorf("it drained for %v only", d)
	}
	if s := g.Stats(0); s != (Stats{Sent: 3, InFlight: 3}) {
		t.Errorf("the books have %+v", s)
	}
	if len(r.list) > 0 {
		t.Errorf("what Drain cut off was reported: %+v", r.list)
	}
	drain(t, g) // again: nothing happens
}
