package cgi

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oracle is Go's own CGI host with the same script, at the same URI path.
func oracle(t *testing.T, script string) (url string) {
	h := &cgi.Handler{Path: script, Root: "/script.cgi", Logger: log.New(io.Discard, "", 0)}
	h.PathLocationHandler = h
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// ask sends the same request to a host, and gives the body's length or not.
func ask(t *testing.T, url, method, path, body string, header []string) answer {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, url+path, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "example.org"
	for _, f := range header {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Add(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(b), err}
}

// The same script under both hosts sees the same, but for this.
func TestEnvironmentAsNetHTTP(t *testing.T) {
	script := shell(t, `printf 'Content-Type: text/plain\n\n'; env; echo "pwd=$(pwd)"; echo "body=$(cat)"; echo "args=$*"`)
	ours, theirs := run(t, script).url(""), oracle(t, script)
	const set, unset = "set", "unset"
	type change struct{ ours, theirs string } // "set" to whatever, "unset", or "=value"
	always := map[string]change{
		"SERVER_SOFTWARE":     {"=" + software, "=go"},
		"SERVER_PORT":         {set, "=80"}, // theirs believes the Host field
		"REMOTE_PORT":         {set, set},
		"REQUEST_SCHEME":      {"=http", unset},
		"DOCUMENT_ROOT":       {set, unset},
		"PATH_TRANSLATED":     {set, unset},
		"SCRIPT_FILENAME":     {"=" + script, "=" + script},
		"_":                   {set, set},
		"OLDPWD":              {set, set},
		"HTTP_CONTENT_TYPE":   {unset, set}, // 4.1.18: has CONTENT_TYPE
		"HTTP_CONTENT_LENGTH": {unset, set},
	}
	for _, tc := range []struct {
		name, method, path, body string
		header                   []string
		but                      map[string]change
	}{
		{name: "plain", method: "GET", path: "/script.cgi"},
		{name: "query", method: "GET", path: "/script.cgi?a=b&c=d"},
		{name: "words", method: "GET", path: "/script.cgi?a+b", but: map[string]change{"args": {"=a b", "="}}},
		{name: "path info", method: "GET", path: "/script.cgi/a%20b/c?x="},
		{name: "body", method: "POST", path: "/script.cgi", body: "some body", header: []string{"Content-Type: a/b"}},
		{name: "long body", method: "PUT", path: "/script.cgi/x", body: strings.Repeat("b", 100_000)},
		{name: "fields", method: "GET", path: "/script.cgi", header: []string{"X-One: 1", "X-One: 2", "Cookie: a=1", "Cookie: b=2", "Accept: */*", "Proxy: x"}},
		{name: "secrets", method: "GET", path: "/script.cgi", header: []string{"Authorization: Basic eDp5", "Proxy-Authorization: Basic eDp5"},
			but: map[string]change{"HTTP_AUTHORIZATION": {unset, set}, "HTTP_PROXY_AUTHORIZATION": {unset, set}}},
		{name: "underscore", method: "GET", path: "/script.cgi", header: []string{"X_One: 1"}, but: map[string]change{"HTTP_X_ONE": {unset, set}}},
		{name: "climbing", method: "GET", path: "/script.cgi/a/../b", but: map[string]change{"PATH_INFO": {"=/b", "=/a/../b"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			read := func(url string) map[string]string {
				a := ask(t, url, tc.method, tc.path, tc.body, tc.header)
				if a.status != 200 || a.err != nil {
					t.Fatalf("%s: %d %q, %v", url, a.status, a.body, a.err)
				}
				env := map[string]string{}
				for line := range strings.SplitSeq(strings.TrimSuffix(a.body, "\n"), "\n") {
					k, v, _ := strings.Cut(line, "=")
					env[k] = v
				}
				return env
			}
			o, n := read(ours), read(theirs)
			but := maps.Clone(always)
			maps.Copy(but, tc.but)
			for k, c := range but {
				for _, side := range []struct {
					who  string
					env  map[string]string
					want string
				}{{"ours", o, c.ours}, {"theirs", n, c.theirs}} {
					v, ok := side.env[k]
					if (side.want == unset && ok) || (side.want[0] == '=' && v != side.want[1:]) {
						t.Errorf("%s: %s is %q, want %s", side.who, k, v, side.want)
					}
					delete(side.env, k)
				}
			}
			if d := cmp.Diff(n, o); d != "" {
				t.Errorf("-net/http +ours\n%s", d)
			}
		})
	}
}

// A script's response comes out the same from both hosts, but where the RFC or
// the client's safety want another.
func TestResponseAsNetHTTP(t *testing.T) {
	script := shell(t, `case "$PATH_INFO" in
/plain)    printf 'Content-Type: text/html\n\nhello' ;;
/crlf)     printf 'Content-Type: text/html\r\nX-A: b\r\n\r\nhello' ;;
/404)      printf 'Status: 404 Not Found\nContent-Type: a/b\n\nno' ;;
/two)      printf 'Content-Type: a/b\nX-A: 1\nX-A: 2\n\n' ;;
/absolute) printf 'Location: http://x.example/\n\n' ;;
/301)      printf 'Status: 301\nLocation: http://x.example/\nContent-Type: a/b\n\nmoved' ;;
/local)    printf 'Location: /script.cgi/plain\n\n' ;;
/length)   printf 'Content-Type: a/b\nContent-Length: 5\n\nhello' ;;
/short)    printf 'Content-Type: a/b\nContent-Length: 9\n\nhello' ;;
/long)     printf 'Content-Type: a/b\n\n'; head -c 300000 /dev/zero ;;
/nothing)  ;;
/cut)      printf 'Content-Type: a/b\n' ;;
/typeless) printf 'X-A: b\n\nhello' ;;
/exit)     printf 'Content-Type: a/b\n\nhello'; exit 1 ;;
/colon)    printf 'Content-Type: a/b\nnonsense\n\nhello' ;;
/twice)    printf 'Content-Type: a/b\nContent-Type: c/d\n\nhello' ;;
/lower)    printf 'status: 404\ncontent-type: a/b\n\nhello' ;;
/700)      printf 'Status: 700\nContent-Type: a/b\n\nhello' ;;
esac
`)
	ours, theirs := run(t, script).url(""), oracle(t, script)
	for _, tc := range []struct{ path, method, differs string }{
		{"plain", "GET", ""}, {"plain", "HEAD", ""}, {"plain", "POST", ""}, {"crlf", "GET", ""}, {"404", "GET", ""}, {"two", "GET", ""},
		{"absolute", "GET", ""}, {"301", "GET", ""}, {"local", "GET", ""}, {"length", "GET", ""}, {"short", "GET", ""}, {"long", "GET", ""},
		{"700", "GET", ""},
		{"nothing", "GET", "our 500 has a body"},
		{"cut", "GET", "our 500 has a body"},
		{"typeless", "GET", "our 500 has a body"},
		{"exit", "GET", "we look at the exit status"},
		{"colon", "GET", "we refuse the header, as Apache does"},
		{"twice", "GET", "we refuse it: each at most once (6.3)"},
		{"lower", "GET", "for us names know no case (6.3)"},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			o := ask(t, ours, tc.method, "/script.cgi/"+tc.path, "", nil)
			n := ask(t, theirs, tc.method, "/script.cgi/"+tc.path, "", nil)
			for _, a := range []answer{o, n} {
				a.header.Del("Date")
				a.header.Del("Content-Length") // net/http adds one or not, as it comes in pieces
			}
			d := cmp.Diff([]any{n.status, n.header, n.body, n.err != nil}, []any{o.status, o.header, o.body, o.err != nil})
			if (d != "") != (tc.differs != "") {
				t.Errorf("differs: %q. -net/http +ours\n%s", tc.differs, d)
			}
		})
	}
}
