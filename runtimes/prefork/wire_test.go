package prefork_test

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"forklore/runtimes/board"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAnswers(t *testing.T) {
	p := start(t, "WORKERS=2", "BACKEND=/nonexistent/backend")
	head := func(line string, fields ...string) string {
		return line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + strings.Join(append(fields, "", ""), "\r\n")
	}
	for _, c := range []struct {
		name, text string
		want       reply
	}{
		{"curl's", head("GET /"), reply{Status: 200, Body: 6}},
		{"id", head("GET /?cpu_us=10", "Forklore-Request: 18446744073709551"), reply{Status: 200, Body: 6, ID: "18446744073709551"}},
		{"reply", head("GET /?reply_bytes=100"), reply{Status: 200, Body: 100}},
		{"long reply", head("GET /?reply_bytes=1000000"), reply{Status: 200, Body: 1000000}},
		{"HEAD", head("HEAD /?reply_bytes=100000"), reply{Status: 200}},
		{"POST", head("POST /", "Content-Length: 5") + "12345", reply{Status: 200, Body: 6}},
		{"long POST", head("POST /?reply_bytes=7", "Content-Length: 100000") + strings.Repeat("y", 100000), reply{Status: 200, Body: 7}},
		{"chunked POST", head("POST /", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n", reply{Status: 200, Body: 6}},
		{"backend gone", head("GET /?io_us=1", "Forklore-Request: 5"), reply{Status: 502, ID: "5", Body: len("backend: no such file or directory")}},
		{"unknown names", head("GET /?utm=1&x"), reply{Status: 200, Body: 6}},
		{"bad step", head("GET /?cpu_us=x"), reply{Status: 400, Body: 12}},
		{"step out of bounds", head("GET /?cpu_us=-1"), reply{Status: 400, Body: 12}},
		{"no HTTP", "hello\r\n\r\n", reply{Status: 400, Body: 12}},
		{"fault without a token", head("GET /?crash=1"), reply{Status: 403, Body: 10}},
		{"fault with another's", head("GET /?crash=1", "Forklore-Token: s3creT"), reply{Status: 403, Body: 10}},
		{"fault in a POST without a token", head("POST /?hang=1", "Content-Length: 3") + "abc", reply{Status: 403, Body: 10}},
		{"body too long", head("POST /", "Content-Length: 3000000") + strings.Repeat("y", 3000000), reply{Status: 413, Body: 18}},
		{"head too long", head("GET /", "X: "+strings.Repeat("y", 100000)), reply{Status: 431, Body: 32}},
		{"bleed", head("GET /?bleed=1", "Forklore-Token: "+token, "Forklore-Request: 3"), reply{Status: 200, Body: 6, ID: "3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			got := exchange(conn, bufio.NewReader(conn), c.text)
			if d := cmp.Diff(c.want, got, cmpopts.IgnoreFields(reply{}, "Port"), cmpopts.EquateErrors()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	if len(p.deaths()) != 0 {
		t.Errorf("deaths: %+v", p.deaths())
	}
}

// Without a token in its settings a worker takes no fault from anyone.
func TestNoTokenNoFaults(t *testing.T) {
	p := start(t, "WORKERS=1", "TOKEN=")
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := exchange(c, bufio.NewReader(c), "GET /?crash=1 HTTP/1.1\r\nHost: x\r\nForklore-Token: \r\n\r\n")
	if r.Status != 403 {
		t.Errorf("%+v", r)
	}
}

func TestBleedIsTheNextRequests(t *testing.T) {
	p := start(t, "WORKERS=1")
	for i, want := range []string{"1", "1", "3"} { // the second is taken for the first
		query := ""
		if i == 0 {
			query = "bleed=1"
		}
		if r := p.get(i+1, query); r.ID != want {
			t.Errorf("request %d answered as %s, want %s", i+1, r.ID, want)
		}
	}
}

func TestExpectContinue(t *testing.T) {
	p := start(t, "WORKERS=1")
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	br := bufio.NewReader(c)
	c.SetDeadline(time.Now().Add(5 * time.Second))
	c.Write([]byte("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"))
	if line, err := br.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q, %v", line, err)
	}
	br.ReadString('\n')
	if r := exchange(c, br, "abc"); r.Status != 200 {
		t.Errorf("%+v", r)
	}
}

func TestPipelining(t *testing.T) {
	p := start(t, "WORKERS=1")
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	br := bufio.NewReader(c)
	all := request(1, "") + "POST / HTTP/1.1\r\nHost: x\r\nForklore-Request: 2\r\nContent-Length: 3\r\n\r\nabc" + request(3, "", "Connection: close") + request(4, "")
	first := exchange(c, br, all)
	for id, r := range []reply{first, reply{}.read(br, "GET"), reply{}.read(br, "GET")} {
		if r.Status != 200 || r.ID != strconv.Itoa(id+1) {
			t.Errorf("answer %d: %+v", id+1, r)
		}
	}
	if r := (reply{}).read(br, "GET"); r.Err == nil {
		t.Errorf("answered after close: %+v", r)
	}
}

// A kept connection has its worker to itself, and others starve: the lesson.
func TestKeepAliveStarves(t *testing.T) {
	for _, c := range []struct {
		name    string
		release func(net.Conn)
	}{
		{"until the client closes", func(c net.Conn) { c.Close() }},
		{"until the time-out", func(net.Conn) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, "WORKERS=1", "TIMEOUT_MS=1000")
			kept, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close()
			br := bufio.NewReader(kept)
			for id := 1; id <= 2; id++ {
				if r := exchange(kept, br, request(id, "")); r.Status != 200 {
					t.Fatalf("%+v", r)
				}
			}
			eventually(t, "K", func() bool { return p.states() == "K" })
			other := p.begin(3, "")
			select {
			case r := <-other:
				t.Fatalf("served while the only worker is kept: %+v", r)
			case <-time.After(200 * time.Millisecond):
			}
			c.release(kept)
			if r := <-other; r.Status != 200 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestSlowClients(t *testing.T) {
	p := start(t, "WORKERS=1", "TIMEOUT_MS=300")
	for _, c := range []struct {
		name, text string
		pieces     bool
		want       int
	}{
		{"half a head", "GET / HTTP/1.1\r\nHo", false, 408},
		{"half a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", false, 408},
		{"a byte now and then", "GET / HTTP/1.1\r\nHost: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", true, 408},
		{"nothing", "", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if c.pieces {
				go func() {
					for _, b := range []byte(c.text) {
						if _, err := conn.Write([]byte{b}); err != nil {
							return
						}
						time.Sleep(20 * time.Millisecond)
					}
				}()
			} else {
				conn.Write([]byte(c.text))
			}
			eventually(t, "R", func() bool { return p.states() == "R" })
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			r := reply{}.read(bufio.NewReader(conn), "GET")
			if r.Status != c.want || (c.want == 0) != (r.Err != nil) {
				t.Errorf("%+v, want status %d", r, c.want)
			}
			conn.Close()
			eventually(t, "the worker is free", func() bool { return p.states() == string(rune(board.Idle)) })
		})
	}
	if len(p.deaths()) != 0 {
		t.Errorf("a slow client killed a worker: %+v", p.deaths())
	}
}

// A client that doesn't read its answer is given up by the worker, before the
// parent takes the worker for hung.
func TestClientThatDoesNotRead(t *testing.T) {
	p := start(t, "WORKERS=1", "TIMEOUT_MS=600")
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(4096)
	c.Write([]byte(request(1, "reply_bytes=16777216")))
	p.holding(1)
	eventually(t, "the worker is free", func() bool { return p.states() == string(rune(board.Idle)) })
	if len(p.deaths()) != 0 || p.board.Answered.Load() != 0 {
		t.Errorf("deaths: %+v, answered %d", p.deaths(), p.board.Answered.Load())
	}
}
