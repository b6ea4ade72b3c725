package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forklore/runtimes/wire"
)

// head is what a test says of a request that is taken.
type head struct {
	Method, Target, Query string
	ID                    uint64
	Token                 string
	KeepAlive             bool
	Length                int64
	Chunked, Continue     bool
}

func of(r *wire.Request) head {
	return head{string(r.Method), string(r.Target), string(r.Query), r.ID, string(r.Token),
		r.KeepAlive, r.ContentLength, r.Chunked, r.ExpectContinue}
}

func TestParseTakes(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     head
	}{
		{"smallest", "GET / HTTP/1.1\r\nHost:\r\n\r\n", head{Method: "GET", Target: "/", KeepAlive: true}},
		{"query", "GET /a?cpu_us=1&io_us=2 HTTP/1.1\r\nHost: h\r\n\r\n", head{Method: "GET", Target: "/a?cpu_us=1&io_us=2", Query: "cpu_us=1&io_us=2", KeepAlive: true}},
		{"second question mark", "GET /?a?b%zz HTTP/1.1\r\nHost: h\r\n\r\n", head{Method: "GET", Target: "/?a?b%zz", Query: "a?b%zz", KeepAlive: true}},
		{"ours", "GET / HTTP/1.1\r\nHost: h\r\nForklore-Request: 18\r\nforklore-token:\t s3cret \r\n\r\n", head{Method: "GET", Target: "/", ID: 18, Token: "s3cret", KeepAlive: true}},
		{"close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", head{Method: "GET", Target: "/"}},
		{"close in a list", "GET / HTTP/1.1\r\nHost: h\r\nConnection: x , CLOSE\r\n\r\n", head{Method: "GET", Target: "/"}},
		{"close in a second field", "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", head{Method: "GET", Target: "/"}},
		{"closed is not close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n", head{Method: "GET", Target: "/", KeepAlive: true}},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", head{Method: "GET", Target: "/"}},
		{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", head{Method: "GET", Target: "/", KeepAlive: true}},
		{"1.2 is read as 1.1", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", head{Method: "GET", Target: "/", KeepAlive: true}},
		{"LF alone", "GET / HTTP/1.1\nHost: h\n\n", head{Method: "GET", Target: "/", KeepAlive: true}},
		{"empty line before", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", head{Method: "GET", Target: "/", KeepAlive: true}},
		{"length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0012\r\n\r\n", head{Method: "POST", Target: "/", KeepAlive: true, Length: 12}},
		{"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n", head{Method: "POST", Target: "/", KeepAlive: true, Chunked: true}},
		{"continue", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n", head{Method: "POST", Target: "/", KeepAlive: true, Length: 1, Continue: true}},
		{"continue from 1.0 is ignored", "POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", head{Method: "POST", Target: "/", Length: 1}},
		{"absolute-form", "GET HTTP://h.example:80?a=b HTTP/1.1\r\nHost: h.example\r\n\r\n", head{Method: "GET", Target: "HTTP://h.example:80?a=b", Query: "a=b", KeepAlive: true}},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", head{Method: "OPTIONS", Target: "*", KeepAlive: true}},
		{"obs-text", "GET / HTTP/1.1\r\nHost: h\r\nX: \x80\xff\r\n\r\n", head{Method: "GET", Target: "/", KeepAlive: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r wire.Request
			n, status := wire.Parse([]byte(c.in+"next"), &r)
			if n != len(c.in) || status != 0 {
				t.Fatalf("Parse = %d, %d; want %d, 0", n, status, len(c.in))
			}
			if d := cmp.Diff(c.want, of(&r)); d != "" {
				t.Error(d)
			}
			// Every shorter piece needs more: never an error, never a request.
			for k := range len(c.in) {
				if n, status := wire.Parse([]byte(c.in[:k]), &r); n != 0 || status != 0 {
					t.Fatalf("Parse of the first %d bytes = %d, %d; want 0, 0", k, n, status)
				}
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("x", wire.MaxHeadBytes)
	with := func(fields string) string { return "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" }
	for _, c := range []struct {
		name, in string
		want     int
	}{
		{"no method", " / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"method is no token", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"no version", "GET /\r\nHost: h\r\n\r\n", 400},
		{"small letters", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
		{"space after version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
		{"version 2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
		{"version 0.9", "GET / HTTP/0.9\r\n\r\n", 505},
		{"two digits", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400},
		{"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
		{"relative target", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"asterisk for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"userinfo", "GET http://a@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"no authority", "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"fragment", "GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"half an escape", "GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"NUL in target", "GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two Hosts", with("Host: h\r\n"), 400},
		{"Host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		{"obs-fold", with("X: a\r\n b\r\n"), 400},
		{"folded first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
		{"space before the colon", with("X : a\r\n"), 400},
		{"no colon", with("X\r\n"), 400},
		{"no name", with(": a\r\n"), 400},
		{"CR in a value", with("X: a\rb\r\n"), 400},
		{"CR twice", with("X: a\r\r\n"), 400},
		{"NUL in a value", with("X: a\x00\r\n"), 400},
		{"length is no number", with("Content-Length: +1\r\n"), 400},
		{"empty length", with("Content-Length:\r\n"), 400},
		{"length list", with("Content-Length: 1, 1\r\n"), 400},
		{"lengths differ", with("Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
		{"both framings", with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
		{"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"chunked twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
		{"other coding", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
		{"too much body", with("Content-Length: 1048577\r\n"), 413},
		{"length beyond 64 bits", with("Content-Length: 99999999999999999999999\r\n"), 413},
		{"expects something else", with("Expect: 200-ok\r\n"), 417},
		{"id is no number", with("Forklore-Request: -1\r\n"), 400},
		{"long target", "GET /" + long + " HTTP/1.1\r\n", 414},
		{"long field", with("X: " + long + "\r\n"), 431},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r wire.Request
			if n, status := wire.Parse([]byte(c.in), &r); n != 0 && status == 0 || status != c.want {
				t.Errorf("Parse = %d, %d; want status %d", n, status, c.want)
			}
		})
	}
}

func TestSkip(t *testing.T) {
	const post = "POST / HTTP/1.1\r\nHost: h\r\n"
	for _, c := range []struct {
		name, fields, body string
		status             int
	}{
		{"none", "", "", 0},
		{"length", "Content-Length: 5\r\n", "abcde", 0},
		{"chunks", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", 0},
		{"trailer", "Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nX: y\r\nZ: w\r\n\r\n", 0},
		{"no digit", "Transfer-Encoding: chunked\r\n", "\r\n", 400},
		{"LF alone", "Transfer-Encoding: chunked\r\n", "1\na\r\n", 400},
		{"chunk longer than said", "Transfer-Encoding: chunked\r\n", "1\r\nab\r\n", 400},
		{"too long", "Transfer-Encoding: chunked\r\n", "fffffffffffffffffff\r\n", 413},
		{"CR in an extension", "Transfer-Encoding: chunked\r\n", "1;\rx\r\na\r\n", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 1000} {
				var r wire.Request
				if n, status := wire.Parse([]byte(post+c.fields+"\r\n"), &r); n == 0 || status != 0 {
					t.Fatalf("Parse = %d, %d", n, status)
				}
				body := r.Body()
				in, used := []byte(c.body+"GET"), 0
				for {
					n, done, status := body.Skip(in[used:min(len(in), used+step)])
					used += n
					if status != 0 || done {
						if status != c.status || done && used != len(c.body) {
							t.Errorf("step %d: status %d after %d bytes; want %d after %d", step, status, used, c.status, len(c.body))
						}
						break
					}
					if used == len(in) {
						t.Fatalf("step %d: the end was not found", step)
					}
				}
			}
		})
	}
}

func TestResponse(t *testing.T) {
	for _, c := range []struct {
		status    int
		keepAlive bool
		id        uint64
		body      string
	}{{200, true, 0, "hello\n"}, {200, false, 1<<64 - 1, ""}, {502, true, 7, "backend: gone"}, {599, false, 1, "x"}} {
		b := append(wire.AppendResponse(nil, c.status, c.keepAlive, c.id, int64(len(c.body))), c.body...)
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || string(got) != c.body || res.StatusCode != c.status || res.Close == c.keepAlive {
			t.Errorf("%q was read as %+v, body %q, error %v", b, res, got, err)
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	in := []byte("GET /?cpu_us=1 HTTP/1.1\r\nHost: h\r\nForklore-Request: 1\r\nConnection: close\r\n\r\n")
	buf := make([]byte, 0, 256)
	var r wire.Request
	if n := testing.AllocsPerRun(100, func() {
		wire.Parse(in, &r)
		buf = wire.AppendResponse(buf[:0], 200, r.KeepAlive, r.ID, 6)
	}); n != 0 {
		t.Errorf("%v allocations a request, want 0", n)
	}
}

// FuzzParse: what Parse takes, net/http takes and reads the same way.
//
// Differences that are meant: an empty line before the request, which net/http
// refuses; an HTTP/1.1 request without Host, which only net/http's server
// refuses and not its ReadRequest; Trailer fields, which announce what is
// thrown away here, so that their value is no reason to refuse a request.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"\r\nPOST http://h:1/a%20b?c HTTP/1.0\nConnection: a, keep-alive\nContent-Length: 3\n\nabc",
		"POST / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"OPTIONS * HTTP/1.9\r\nHost: h\r\nX:\t\xff \r\n\r\n",
		"GET //a:b@c/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nForklore-Request: 7\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var r wire.Request
		n, status := wire.Parse(in, &r)
		if n == 0 || status != 0 {
			return
		}
		raw := bytes.TrimPrefix(in, []byte("\r\n"))
		req, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(raw), 2*wire.MaxHeadBytes))
		if err != nil {
			if r.Chunked && bytes.Contains(bytes.ToLower(raw), []byte("trailer:")) {
				return
			}
			t.Fatalf("net/http refuses %q: %v", raw[:min(len(raw), n)], err)
		}
		length := req.ContentLength
		if r.Chunked && length == -1 {
			length = 0
		}
		got := head{Method: string(r.Method), Target: string(r.Target), Query: string(r.Query),
			KeepAlive: r.KeepAlive, Length: r.ContentLength, Chunked: r.Chunked}
		want := head{Method: req.Method, Target: req.RequestURI, Query: req.URL.RawQuery,
			KeepAlive: !req.Close, Length: length, Chunked: len(req.TransferEncoding) == 1}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (net/http -, Parse +):\n%s", in[:n], d)
		}
	})
}

// FuzzSkip: a chunked body that both Skip and net/http take ends at the same
// byte for both, so that neither takes a part of it for the next request. (What
// net/http alone refuses are trailers that are no fields, and long extensions:
// Skip throws both away.)
func FuzzSkip(f *testing.F) {
	f.Add([]byte("3;a=b\r\nabc\r\n00\r\nX: y\r\n\r\nGET"))
	f.Add([]byte("0\r\n\r\n"))
	const fixed = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	f.Fuzz(func(t *testing.T, in []byte) {
		var r wire.Request
		wire.Parse([]byte(fixed), &r)
		body := r.Body()
		n, done, status := body.Skip(in)
		if !done || status != 0 {
			return
		}
		rest := bufio.NewReader(io.MultiReader(strings.NewReader(fixed), bytes.NewReader(in)))
		req, err := http.ReadRequest(rest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		left, _ := io.ReadAll(rest)
		if len(in)-len(left) != n {
			t.Errorf("%q ends after %d bytes, for net/http after %d", in, n, len(in)-len(left))
		}
	})
}
