package eventloop_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/board"
	"forklore/runtimes/eventloop"
	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

// server is a real event loop process.
type server struct {
	*spawn.Proc
	t     testing.TB
	addr  string
	board *board.Board
	log   *os.File
}

const secret = "s3cret"

// rows is the lab's own number, see package runtimes.
const rows = 10_241

type setting func(*spawn.Cmd)

func env(kv ...string) setting {
	return func(c *spawn.Cmd) {
		for _, kv := range kv {
			c.Env = append(c.Env, role.Prefix+kv)
		}
	}
}

// start starts a loop, and checks at the end that nothing of it is left.
func start(t testing.TB, settings ...setting) *server {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "board"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(int64(board.Size(rows))); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t}
	if s.board, err = board.Init(int(f.Fd()), rows); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.board.Close() })
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.log.Close() })
	c := spawn.Cmd{Role: eventloop.Role, Board: f, Log: s.log, Leaf: true, Env: []string{
		"GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1", "GORACE=atexit_sleep_ms=0", "FORKLORE_TOKEN=" + secret, "FORKLORE_ITERS_PER_MS=100000"}}
	for _, set := range settings {
		set(&c)
	}
	if s.Proc, err = spawn.Start(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if syscall.Kill(s.Pid, 0) == nil {
			t.Errorf("pid %d is still there", s.Pid)
		}
	})
	line, ok := <-s.Lines()
	port, found := strings.CutPrefix(line, "ready ")
	if !ok || !found {
		t.Fatalf("the loop said %q (%v), not that it is ready; its log:\n%s", line, ok, s.logged())
	}
	s.addr = "127.0.0.1:" + port
	return s
}

func (s *server) logged() string {
	b, _ := os.ReadFile(s.log.Name())
	return string(b)
}

// conn is a client's connection, spoken by hand.
type conn struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func (s *server) dial() *conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second)) // a test that hangs fails
	return &conn{c, s.t, bufio.NewReader(c)}
}

func (c *conn) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads a response with net/http.
func (c *conn) receive(method string) (status int, id uint64, body string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	id, _ = strconv.ParseUint(res.Header.Get("Forklore-Request"), 10, 64)
	return res.StatusCode, id, string(b)
}

// ended expects that the server has closed the connection.
func (c *conn) ended() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err == nil {
		c.t.Errorf("got %q, want the connection's end", b)
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		c.t.Error("the connection is still open")
	}
}

func get(query string, id uint64, fields ...string) string {
	b := fmt.Sprintf("GET /?%s HTTP/1.1\r\nHost: h\r\nForklore-Request: %d\r\n", query, id)
	for _, f := range fields {
		b += f + "\r\n"
	}
	return b + "\r\n"
}

const withToken = "Forklore-Token: " + secret

// backend holds each answer as long as the question says.
func backend(t testing.TB) (path string) {
	t.Helper()
	// Not t.TempDir: its name may be too long for a socket's path (unix(7)).
	dir, err := os.MkdirTemp("", "forklore")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "backend.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); os.RemoveAll(dir) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				line, err := bufio.NewReader(c).ReadString('\n')
				us, _ := strconv.Atoi(strings.TrimSpace(line))
				time.Sleep(time.Duration(us) * time.Microsecond)
				if err == nil {
					io.WriteString(c, "ok\n")
				}
			}()
		}
	}()
	return path
}

// eventually waits for something that another process does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// held are the ids on the board.
func (s *server) held() map[uint64]uint32 {
	m := map[uint64]uint32{}
	for i := range s.board.Row {
		if id := s.board.Row[i].Request.Load(); id != 0 {
			m[id] = s.board.Row[i].Flags.Load()
		}
	}
	return m
}

func (s *server) exit(within time.Duration) syscall.WaitStatus {
	s.t.Helper()
	select {
	case <-s.Exited():
	case <-time.After(within):
		s.t.Fatalf("still running after %v", within)
	}
	return s.Status()
}
