package cgi

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	for _, tc := range []struct{ name, path, script, info string }{
		{"/s.cgi", "/s.cgi", "/s.cgi", ""},
		{"/s.cgi", "/s.cgi/", "/s.cgi", "/"},
		{"/s.cgi", "/s.cgi/a/b", "/s.cgi", "/a/b"},
		{"/s.cgi", "/s.cgi/a b/é", "/s.cgi", "/a b/é"},
		{"/s.cgi", "/s.cgi/a/", "/s.cgi", "/a/"},
		{"/s.cgi", "/", "/s.cgi", ""},
		{"/s.cgi", "", "/s.cgi", ""},
		{"/s.cgi", "*", "", "/*"}, // OPTIONS *
		{"/s.cgi", "/other/path", "", "/other/path"},
		{"/s.cgi", "/s.cgix", "", "/s.cgix"},
		{"/s.cgi", "/s.cgi/../x", "", "/x"}, // resolved before the split
		{"/s.cgi", "/x/../s.cgi/a", "/s.cgi", "/a"},
		{"/s.cgi", "/s.cgi/a/../../../etc/passwd", "", "/etc/passwd"},
		{"/s.cgi", "/s.cgi/./a//b", "/s.cgi", "/a/b"},
		{"/s.cgi", "/..", "/s.cgi", ""},
		{"", "/", "", "/"},
		{"", "/a/..", "", "/"},
		{"", "/a", "", "/a"},
		{"/", "/a", "", "/a"},
	} {
		if s, i := split(tc.name, tc.path); s != tc.script || i != tc.info {
			t.Errorf("%s %q: %q, %q; want %q, %q", tc.name, tc.path, s, i, tc.script, tc.info)
		}
	}
}

func TestMetaVariables(t *testing.T) {
	t.Setenv("PATH", "/bin")
	h := &Host{Path: "/srv/cgi/s.cgi", Name: "/s.cgi", Dir: "/srv/cgi", Hide: []string{"Forklore-Token"},
		Env: func() []string { return []string{"EXTRA=1"} }}
	always := map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1", "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.9", "REMOTE_HOST": "127.0.0.9", "REMOTE_PORT": "4321",
		"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/s.cgi", "SERVER_NAME": "example.org", "SERVER_PORT": "8181",
		"SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": software, "REQUEST_SCHEME": "http", "PATH_INFO": "",
		"REQUEST_URI": "/s.cgi", "SCRIPT_FILENAME": "/srv/cgi/s.cgi", "DOCUMENT_ROOT": "/srv/cgi", "HTTP_HOST": "example.org:99",
		"PATH": "/bin", "EXTRA": "1",
	}
	for _, tc := range []struct {
		name   string
		target string
		change func(*http.Request)
		body   int64
		want   map[string]string // beside always; "-" is unset
	}{
		{"nothing more", "/s.cgi", nil, 0, nil},
		{"query", "/s.cgi?a=b&c=%20d", nil, 0, map[string]string{"QUERY_STRING": "a=b&c=%20d", "REQUEST_URI": "/s.cgi?a=b&c=%20d"}},
		{"path info, decoded", "/s.cgi/a%20b/c", nil, 0, map[string]string{"PATH_INFO": "/a b/c", "PATH_TRANSLATED": "/srv/cgi/a b/c", "REQUEST_URI": "/s.cgi/a%20b/c"}},
		{"path info can't climb", "/s.cgi/x/%2e%2e/%2e%2e/%2e%2e/etc/passwd", nil, 0, map[string]string{"SCRIPT_NAME": "", "PATH_INFO": "/etc/passwd",
			"PATH_TRANSLATED": "/srv/cgi/etc/passwd", "REQUEST_URI": "/s.cgi/x/%2e%2e/%2e%2e/%2e%2e/etc/passwd"}},
		{"body", "/s.cgi", func(r *http.Request) { r.Method = "POST"; r.Header.Set("Content-Type", "a/b") }, 12,
			map[string]string{"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "12", "CONTENT_TYPE": "a/b"}},
		{"type without body", "/s.cgi", func(r *http.Request) { r.Header.Set("Content-Type", "a/b"); r.Header.Set("Content-Length", "0") }, 0,
			map[string]string{"CONTENT_TYPE": "a/b"}},
		{"fields", "/s.cgi", func(r *http.Request) {
			r.Header["Accept"] = []string{"a", "b"}
			r.Header["Cookie"] = []string{"a=1", "b=2"}
			r.Header["X-Y"] = []string{"z"}
			r.Header["Content-Encoding"] = []string{"gzip"} // has no variable of its own
		}, 0, map[string]string{"HTTP_ACCEPT": "a, b", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_Y": "z", "HTTP_CONTENT_ENCODING": "gzip"}},
		{"kept from it", "/s.cgi", func(r *http.Request) {
			for _, n := range []string{"Authorization", "Proxy-Authorization", "Proxy", "Content-Length", "Forklore-Token", "X_Y", "A=B", "Transfer-Encoding"} {
				r.Header[n] = []string{"z"}
			}
		}, 0, nil},
		{"no Host", "/s.cgi", func(r *http.Request) { r.Host = ""; r.Proto = "HTTP/1.0" }, 0,
			map[string]string{"SERVER_NAME": "127.0.0.1", "HTTP_HOST": "-", "SERVER_PROTOCOL": "HTTP/1.0"}},
		{"IPv6", "/s.cgi", func(r *http.Request) { r.Host = "[::1]:80"; r.RemoteAddr = "[fe80::2]:5" }, 0,
			map[string]string{"SERVER_NAME": "[::1]", "HTTP_HOST": "[::1]:80", "REMOTE_ADDR": "fe80::2", "REMOTE_HOST": "fe80::2", "REMOTE_PORT": "5"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := httptest.NewRequest("GET", tc.target, nil)
			req.Host, req.RemoteAddr = "example.org:99", "127.0.0.9:4321"
			local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8181}
			req = req.WithContext(context.WithValue(req.Context(), http.LocalAddrContextKey, local))
			if tc.change != nil {
				tc.change(req)
			}
			want := map[string]string{}
			for _, m := range []map[string]string{always, tc.want} {
				for k, v := range m {
					want[k] = v
					if v == "-" {
						delete(want, k)
					}
				}
			}
			got := map[string]string{}
			for _, kv := range h.metaVariables(req, tc.body) {
				k, v, _ := strings.Cut(kv, "=")
				if _, twice := got[k]; twice {
					t.Errorf("%s twice", k)
				}
				got[k] = v
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestWords(t *testing.T) {
	for _, tc := range []struct {
		method, query string
		want          []string
	}{
		{"GET", "", nil},
		{"GET", "one", []string{"one"}},
		{"HEAD", "one+t%20o+%2B", []string{"one", "t o", "+"}},
		{"GET", "a%3Db", []string{"a=b"}}, // only an unencoded "=" is one
		{"GET", "a=b", nil},
		{"GET", "a+b=c", nil},
		{"POST", "one", nil},
		{"GET", "ok+%zz", nil}, // all or none
		{"GET", "a%00b", nil},
		{"GET", "-s", nil}, // CVE-2012-1823
		{"GET", "%2ds", nil},
		{"GET", "a+-s", []string{"a", "-s"}},
	} {
		req := httptest.NewRequest(tc.method, "/", nil)
		req.URL.RawQuery = tc.query
		if d := cmp.Diff(tc.want, words(req)); d != "" {
			t.Errorf("%s ?%s: -want +got\n%s", tc.method, tc.query, d)
		}
	}
}
