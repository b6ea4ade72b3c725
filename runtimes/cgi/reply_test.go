package cgi

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a script says, and what the client gets. Errors are as Apache answers
// them.
func TestReply(t *testing.T) {
	script := shell(t, `case "$PATH_INFO" in
/lf)        printf 'Content-Type: text/html\n\nhello' ;;
/crlf)      printf 'Content-Type: text/html\r\nX-A: b\r\n\r\nhello' ;;
/case)      printf 'CONTENT-TYPE: text/html\nsTaTuS: 404 Nope\n\nhello' ;;
/pieces)    printf 'Content-'; sleep 0.05; printf 'Type: text/html\n'; sleep 0.05; printf '\nhel'; sleep 0.05; printf 'lo' ;;
/empty)     printf 'Content-Type: text/html\n\n' ;;
/status)    printf 'Status: 201\n\n' ;;
/204)       printf 'Status: 204 No Content\n\nnot for the client' ;;
/304)       printf 'Status: 304\nETag: "a"\n\n' ;;
/typeless)  printf 'Status: 200\n\n<html>' ;;
/cookies)   printf 'Content-Type: a/b\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n' ;;
/long)      printf 'Content-Type: a/b\nContent-Length: 3\n\nhello' ;;
/exact)     printf 'Content-Type: a/b\nContent-Length: 5\n\nhello' ;;
/local)     printf 'Location: /script.cgi/target?x=y\n\n' ;;
/climb)     printf 'Location: /a/../script.cgi/./target\n\n' ;;
/target)    printf 'Content-Type: a/b\n\n%s %s %s' "$REQUEST_METHOD" "$QUERY_STRING" "$CONTENT_LENGTH" ;;
/for-ever)  printf 'Location: /script.cgi/for-ever\n\n' ;;
/absolute)  printf 'Location: http://elsewhere.example/a\n\n' ;;
/moved)     printf 'Status: 301 Moved\nLocation: /b\nContent-Type: a/b\n\ngone' ;;
/relative)  printf 'Location: b\n\n' ;;
/nothing)   ;;
/cut)       printf 'Content-Type: text/html\n' ;;
/cut-line)  printf 'Content-Type: te' ;;
/no-colon)  printf 'Content-Type: a/b\nhello\n\nbody' ;;
/no-field)  printf 'X-A: b\n\nbody' ;;
/twice)     printf 'Status: 200\nStatus: 200\n\n' ;;
/endless)   while printf 'X-A: 0123456789012345678901234567890123456789012345678901234567890123456789\n'; do :; done ;;
/transfer)  printf 'Content-Type: a/b\nTransfer-Encoding: chunked\n\n0\r\n\r\n' ;;
/exit-1)    exit 1 ;;
/nph)       printf 'HTTP/1.1 200 OK\nContent-Type: a/b\n\n' ;;
esac
`)
	h := run(t, script, "TIMEOUT_MS=2000")
	for _, tc := range []struct {
		method, path string
		status       int
		header       string
		body         string
	}{
		{"GET", "lf", 200, "Content-Type: text/html", "hello"},
		{"GET", "crlf", 200, "X-A: b", "hello"},
		{"GET", "case", 404, "Content-Type: text/html", "hello"},
		{"GET", "pieces", 200, "Content-Type: text/html", "hello"},
		{"GET", "empty", 200, "Content-Type: text/html", ""},
		{"HEAD", "lf", 200, "Content-Type: text/html", ""},
		{"HEAD", "exact", 200, "Content-Length: 5", ""},
		{"POST", "lf", 200, "", "hello"},
		{"GET", "status", 201, "Content-Type: ", ""},
		{"GET", "204", 204, "", ""},
		{"GET", "304", 304, `Etag: "a"`, ""},
		{"GET", "typeless", 200, "Content-Type: ", "<html>"}, // not guessed
		{"GET", "cookies", 200, "Set-Cookie: a=1|b=2", ""},
		{"GET", "long", 200, "Content-Length: 3", "hel"},
		{"GET", "exact", 200, "Content-Length: 5", "hello"},
		{"GET", "local", 200, "Content-Type: a/b", "GET x=y "},
		{"POST", "local", 200, "", "GET x=y "}, // whatever led to it
		{"HEAD", "local", 200, "Content-Type: a/b", ""},
		{"GET", "climb", 200, "", "GET  "},
		{"GET", "for-ever", 500, "", "Internal Server Error: the script redirects for ever\n"},
		{"GET", "absolute", 302, "Location: http://elsewhere.example/a", ""},
		{"GET", "moved", 301, "Location: /b", "gone"},
		{"GET", "relative", 302, "Location: b", ""},
		{"GET", "nothing", 500, "", "*"},
		{"GET", "cut", 500, "", "*"},
		{"GET", "cut-line", 500, "", "*"},
		{"GET", "no-colon", 500, "", "*"},
		{"GET", "no-field", 500, "", "*"},
		{"GET", "twice", 500, "", "*"},
		{"GET", "transfer", 502, "", "*"},
		{"GET", "exit-1", 500, "", "*"},
		{"GET", "nph", 500, "", "*"},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			var body *strings.Reader
			req := "/script.cgi/" + tc.path
			var r answer
			if tc.method == "POST" {
				body = strings.NewReader("a body")
				r = h.do(tc.method, req, body)
			} else {
				r = h.do(tc.method, req, nil)
			}
			if r.err != nil || r.status != tc.status || (r.body != tc.body && tc.body != "*") {
				t.Errorf("got %d %q, %v; want %d %q", r.status, r.body, r.err, tc.status, tc.body)
			}
			if name, value, ok := strings.Cut(tc.header, ": "); ok {
				if got := strings.Join(r.header.Values(name), "|"); got != value {
					t.Errorf("%s: %q, want %q", name, got, value)
				}
			}
		})
	}
	if d := len(h.deaths(0)); d != 1 { // exit-1
		t.Errorf("told of %d deaths, want 1: %v", d, h.died)
	}
	t.Run("endless header", func(t *testing.T) {
		if r := h.get("/script.cgi/endless"); r.status != 500 {
			t.Errorf("got %d, %v", r.status, r.err)
		}
	})
}

func TestSilence(t *testing.T) {
	script := shell(t, `case "$PATH_INFO" in
/before) sleep 30 ;;
/within) printf 'Content-Ty'; sleep 30 ;;
/after)  printf 'Content-Type: a/b\n\nhello'; sleep 30 ;;
/talks)  printf 'Content-Type: a/b\n\n'; for i in 1 2 3 4 5 6; do printf $i; sleep 0.3; done ;;
esac
`)
	h := run(t, script, "TIMEOUT_MS=1500")
	for path, want := range map[string]int{"before": 504, "within": 504, "after": 200, "talks": 200} {
		r := h.get("/script.cgi/" + path)
		if r.status != want || (r.err != nil) != (path == "after") {
			t.Errorf("%s: got %d %q, error %v; want %d", path, r.status, r.body, r.err, want)
		}
	}
	if len(h.deaths(0)) > 0 {
		t.Errorf("told of deaths that were the host's own: %v", h.died)
	}
	eventually(t, "only the host is left", func() bool { return len(h.scriptProcesses(script)) == 0 })
}

// A crash after the header must be visible to the client.
func TestCrashAfterHeader(t *testing.T) {
	script := shell(t, `case "$PATH_INFO" in
/signal) printf 'Content-Type: a/b\n\nhello'; kill -SEGV $$ ;;
/exit)   printf 'Content-Type: a/b\n\nhello'; exit 3 ;;
/later)  printf 'Content-Type: a/b\n\nhello'; sleep 0.1; kill -KILL $$ ;;
/short)  printf 'Content-Type: a/b\nContent-Length: 10\n\nhello' ;;
/redirect) printf 'Location: /\n\n'; exit 3 ;;
esac
`)
	h := run(t, script)
	for _, path := range []string{"signal", "exit", "later", "short"} {
		if r := h.get("/script.cgi/" + path); r.err == nil {
			t.Errorf("%s: got %d %q as if it were whole", path, r.status, r.body)
		}
	}
	if r := h.get("/script.cgi/redirect"); r.status != 500 {
		t.Errorf("redirect by a script that crashed: got %d, want 500", r.status)
	}
	if d := h.deaths(4); len(d) != 4 {
		t.Errorf("told of %d deaths, want 4: %v", len(d), d)
	}
}

// Output is passed on as it comes: the script goes on only when the client has
// seen its first line.
func TestStreams(t *testing.T) {
	seen := filepath.Join(t.TempDir(), "seen")
	h := run(t, shell(t, `printf 'Content-Type: a/b\n\none\n'; until [ -e `+seen+` ]; do sleep 0.05; done; printf 'two\n'`))
	res, err := client.Get(h.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	if line, err := r.ReadString('\n'); line != "one\n" {
		t.Errorf("first line %q, %v", line, err)
	}
	if err := os.WriteFile(seen, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); line != "two\n" {
		t.Errorf("second line %q, %v", line, err)
	}
}

func TestLongOutput(t *testing.T) {
	h := run(t, shell(t, `printf 'Content-Type: a/b\n\n'; head -c 10000000 /dev/zero`), "TIMEOUT_MS=5000")
	if r := h.get("/"); len(r.body) != 10_000_000 || r.err != nil {
		t.Errorf("got %d bytes, %v", len(r.body), r.err)
	}
	// Nor does a client that pauses lose any of it.
	c, err := net.Dial("tcp", h.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(64 << 10)
	c.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
	time.Sleep(2 * grace)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); n != 10_000_000 || err != nil {
		t.Errorf("slow client got %d bytes, %v", n, err)
	}
}

// What an ended script left in the pipe is read, however late.
func TestOutputAfterTheEnd(t *testing.T) {
	o, w, err := outputPipe(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer o.f.Close()
	defer syscall.Close(int(w)) // a grandchild holds it
	want := strings.Repeat("x", 60_000)
	if n, err := syscall.Write(int(w), []byte(want)); n != len(want) || err != nil {
		t.Fatal(n, err)
	}
	o.end(time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	got, err := io.ReadAll(o)
	if string(got) != want || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
