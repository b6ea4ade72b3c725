package eventloop_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"forklore/runtimes/app"
	"forklore/runtimes/wire"
)

func TestKeepAlive(t *testing.T) {
	s := start(t)
	c := s.dial()
	for id := uint64(1); id <= 3; id++ {
		c.send(get("cpu_us=10", id))
		if status, got, body := c.receive("GET"); status != 200 || got != id || body != app.Body {
			t.Fatalf("request %d: %d, id %d, %q", id, status, got, body)
		}
	}
	c.send(get("", 4, "Connection: close"))
	c.receive("GET")
	c.ended()
	if a, n := s.board.Accepted.Load(), s.board.Answered.Load(); a != 1 || n != 4 {
		t.Errorf("accepted %d, answered %d; want 1, 4", a, n)
	}
	if h := s.held(); len(h) != 0 {
		t.Errorf("the board still holds %v", h)
	}
}

// Requests that are sent without waiting are answered in their order, however
// long each takes (RFC 9112 section 9.3.2).
func TestPipelining(t *testing.T) {
	s := start(t, env("BACKEND="+backend(t)))
	c := s.dial()
	var all strings.Builder
	const n = 200
	for id := uint64(1); id <= n; id++ {
		query := "cpu_us=1"
		if id%50 == 1 {
			query = "io_us=20000"
		}
		all.WriteString(get(query, id))
	}
	c.send(all.String())
	for id := uint64(1); id <= n; id++ {
		if status, got, _ := c.receive("GET"); status != 200 || got != id {
			t.Fatalf("answer %d: %d, id %d", id, status, got)
		}
	}
}

func TestByteAtATime(t *testing.T) {
	s := start(t)
	c := s.dial()
	for range 2 {
		for _, b := range []byte("POST /?cpu_us=1 HTTP/1.1\r\nHost: h\r\nForklore-Request: 9\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n") {
			c.send(string(b))
			time.Sleep(100 * time.Microsecond)
		}
		if status, id, _ := c.receive("POST"); status != 200 || id != 9 {
			t.Fatalf("%d, id %d", status, id)
		}
	}
}

func TestHalfClosedClientIsAnswered(t *testing.T) {
	s := start(t, env("BACKEND="+backend(t)))
	c := s.dial()
	c.send(get("io_us=50000", 1))
	c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	if status, id, _ := c.receive("GET"); status != 200 || id != 1 {
		t.Errorf("%d, id %d", status, id)
	}
	c.ended()
}

// 16 MiB to a client that begins to read late: the loop writes what there is
// room for, serves others, and goes on.
func TestLargeReplyToASlowReader(t *testing.T) {
	s := start(t)
	slow := s.dial()
	const n = 16 << 20
	slow.send(get("reply_bytes=16777216", 1, "Connection: close"))
	eventually(t, "the reply has begun", func() bool { _, ok := s.held()[1]; return ok })
	other := s.dial()
	for id := uint64(2); id < 12; id++ {
		other.send(get("", id))
		if status, got, _ := other.receive("GET"); status != 200 || got != id {
			t.Fatalf("the other: %d, id %d", status, got)
		}
	}
	if _, ok := s.held()[1]; !ok {
		t.Error("the reply is not on the board, though it can't have been sent")
	}
	status, id, body := slow.receive("GET")
	if status != 200 || id != 1 || len(body) != n || strings.Trim(body, "x") != "" {
		t.Errorf("%d, id %d, %d bytes", status, id, len(body))
	}
	slow.ended()
}

func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", wire.MaxHeadBytes)
	s := start(t, env("BACKEND=/nonexistent"))
	for _, c := range []struct {
		name, in string
		status   int
		body     string
		closes   bool
	}{
		{"curl", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200, app.Body, false},
		{"HEAD", "HEAD /?reply_bytes=100000 HTTP/1.1\r\nHost: h\r\n\r\n", 200, "", false},
		{"reply", "GET /?reply_bytes=1000 HTTP/1.1\r\nHost: h\r\n\r\n", 200, strings.Repeat("x", 1000), false},
		{"memory", "GET /?mem_bytes=4194304&reply_bytes=3 HTTP/1.1\r\nHost: h\r\n\r\n", 200, "xxx", false},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 200, app.Body, true},
		{"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, app.Body, false},
		{"body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde", 200, app.Body, false},
		{"unknown steps", "GET /?a=b HTTP/1.1\r\nHost: h\r\n\r\n", 200, app.Body, false},
		{"bad steps", "GET /?cpu_us=x HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Bad Request\n", false},
		{"bad steps with a body", "POST /?cpu_us=x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde", 400, "Bad Request\n", false},
		{"fault without token", "GET /?crash=1 HTTP/1.1\r\nHost: h\r\n\r\n", 403, "Forbidden\n", false},
		{"fault with a wrong token", "GET /?crash=1 HTTP/1.1\r\nHost: h\r\nForklore-Token: s3cre\r\n\r\n", 403, "Forbidden\n", false},
		{"no backend", "GET /?io_us=1 HTTP/1.1\r\nHost: h\r\n\r\n", 502, "backend: no such file or directory", false},
		{"no HTTP", "hello\r\n", 400, "Bad Request\n", true},
		{"long target", "GET /" + long, 414, "URI Too Long\n", true},
		{"long head", "GET / HTTP/1.1\r\nHost: h\r\nX: " + long, 431, "Request Header Fields Too Large\n", true},
		{"large body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n" + long, 413, "Content Too Large\n", true},
		{"large chunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n" + long, 413, "Content Too Large\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := s.dial()
			conn.t = t
			conn.send(c.in)
			method, _, _ := strings.Cut(c.in, " ")
			if status, _, body := conn.receive(method); status != c.status || body != c.body {
				t.Fatalf("%d, %.100q; want %d, %.100q", status, body, c.status, c.body)
			}
			if c.closes {
				conn.ended()
				return
			}
			conn.send(get("", 7)) // the connection is where it should be
			if status, id, _ := conn.receive("GET"); status != 200 || id != 7 {
				t.Errorf("the next request: %d, id %d", status, id)
			}
		})
	}
}

func TestExpectContinue(t *testing.T) {
	s := start(t)
	c := s.dial()
	c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	got := make([]byte, len(wire.Continue))
	if _, err := io.ReadFull(c.r, got); err != nil || !bytes.Equal(got, []byte(wire.Continue)) {
		t.Fatalf("%q, %v", got, err)
	}
	c.send("abc")
	if status, _, _ := c.receive("POST"); status != 200 {
		t.Errorf("status %d", status)
	}
	c.send("POST /?crash=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	if status, _, _ := c.receive("POST"); status != 403 {
		t.Errorf("status %d, want the refusal in place of 100", status)
	}
	c.ended()
}

func TestSlowClients(t *testing.T) {
	s := start(t, env("TIMEOUT_MS=200", "KEEPALIVE_MS=600"))
	t.Run("incomplete head", func(t *testing.T) {
		c := s.dial()
		began := time.Now()
		c.send("GET / HTTP/1.1\r\n")
		go func() { // a byte now and then doesn't help
			for range 10 {
				time.Sleep(50 * time.Millisecond)
				io.WriteString(c, "X")
			}
		}()
		if status, _, _ := c.receive("GET"); status != 408 {
			t.Errorf("status %d, want 408", status)
		}
		if d := time.Since(began); d < 200*time.Millisecond {
			t.Errorf("after %v, want 200ms or more", d)
		}
	})
	t.Run("incomplete body", func(t *testing.T) {
		c := s.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
		if status, _, _ := c.receive("POST"); status != 408 {
			t.Errorf("status %d, want 408", status)
		}
		c.ended()
	})
	t.Run("unread response", func(t *testing.T) {
		c := s.dial()
		c.send(get("reply_bytes=16777216", 3))
		eventually(t, "on the board", func() bool { _, ok := s.held()[3]; return ok })
		eventually(t, "given up", func() bool { _, ok := s.held()[3]; return !ok })
		if n, err := io.Copy(io.Discard, c); err == nil && n >= 16<<20 {
			t.Error("the response was complete")
		}
	})
	t.Run("idle", func(t *testing.T) {
		c := s.dial()
		c.send(get("", 1))
		c.receive("GET")
		began := time.Now()
		c.ended()
		if d := time.Since(began); d < 500*time.Millisecond {
			t.Errorf("closed after %v, want KEEPALIVE_MS", d)
		}
	})
}
