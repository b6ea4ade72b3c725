package cgi

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseHeader(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     header
		err      error
	}{
		{"LF", "Content-Type: text/html\n\nbody", header{Fields: []field{{"Content-Type", "text/html"}}}, nil},
		{"CRLF", "Content-Type: text/html\r\n\r\nbody", header{Fields: []field{{"Content-Type", "text/html"}}}, nil},
		{"mixed ends", "Content-Type: a/b\r\nX: y\n\r\n", header{Fields: []field{{"Content-Type", "a/b"}, {"X", "y"}}}, nil},
		{"names know no case", "CONTENT-type:a/b\nsTATUS: 404 Not Found\n\n", header{Status: 404, Fields: []field{{"CONTENT-type", "a/b"}}}, nil},
		{"status alone", "Status: 204\n\n", header{Status: 204}, nil},
		{"status without reason, with space", "Status: 204 \n\n", header{Status: 204}, nil},
		{"extension status", "Status: 799 Odd\n\n", header{Status: 799}, nil},
		{"local redirect", "Location: /a?b\n\n", header{Location: "/a?b"}, nil},
		{"client redirect", "location: http://a/b:c\nStatus: 301 Moved\n\n", header{Status: 301, Location: "http://a/b:c"}, nil},
		{"others may come twice", "Content-Type: a/b\nSet-Cookie: a\nSet-Cookie: b\n\n",
			header{Fields: []field{{"Content-Type", "a/b"}, {"Set-Cookie", "a"}, {"Set-Cookie", "b"}}}, nil},
		{"the connection's own are dropped", "Content-Type: a/b\nConnection: close\nKeep-Alive: 1\nUpgrade: x\nTrailer: y\n\n",
			header{Fields: []field{{"Content-Type", "a/b"}}}, nil},
		{"empty value", "Content-Type: a/b\nX:\n\n", header{Fields: []field{{"Content-Type", "a/b"}, {"X", ""}}}, nil},
		{"bytes beyond ASCII", "Content-Type: a/b\nX: \xe9\n\n", header{Fields: []field{{"Content-Type", "a/b"}, {"X", "\xe9"}}}, nil},

		{"empty", "\n", header{}, errHeader},
		{"no CGI field", "X: y\nContent-Length: 3\n\n", header{}, errHeader},
		{"no colon", "Content-Type: a/b\nhello\n\n", header{}, errHeader},
		{"HTTP's status line", "HTTP/1.1 200 OK\nContent-Type: a/b\n\n", header{}, errHeader},
		{"no name", ": x\nContent-Type: a/b\n\n", header{}, errHeader},
		{"space before the colon", "Content-Type : a/b\n\n", header{}, errHeader},
		{"continued line", "Content-Type: a/b\n c: d\n\n", header{}, errHeader},
		{"Content-Type twice", "Content-Type: a/b\ncontent-type: a/b\n\n", header{}, errHeader},
		{"Status twice", "Status: 200\nStatus: 200\n\n", header{}, errHeader},
		{"Location twice", "Location: /a\nLocation: /a\n\n", header{}, errHeader},
		{"Content-Length twice", "Status: 200\nContent-Length: 1\nContent-Length: 1\n\n", header{}, errHeader},
		{"empty Location", "Location:\n\n", header{}, errHeader},
		{"status of letters", "Status: OK\n\n", header{}, errHeader},
		{"status too short", "Status: 20\n\n", header{}, errHeader},
		{"status too long", "Status: 2000\n\n", header{}, errHeader},
		{"informational status", "Status: 100 Continue\n\n", header{}, errHeader},
		{"length with sign", "Status: 200\nContent-Length: -1\n\n", header{}, errHeader},
		{"length of letters", "Status: 200\nContent-Length: many\n\n", header{}, errHeader},
		{"bare CR in a value", "Status: 200\nX: a\rSet-Cookie: b\n\n", header{}, errHeader},
		{"zero byte", "Status: 200\nX: a\x00\n\n", header{}, errHeader},
		{"meddles with the transfer", "Content-Type: a/b\nTransfer-Encoding: chunked\n\n", header{}, errTransfer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			end := headerEnd([]byte(tc.in))
			if end < 0 {
				t.Fatal("no end found")
			}
			got, err := parseHeader([]byte(tc.in[:end]))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil {
				if d := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); d != "" {
					t.Errorf("-want +got\n%s", d)
				}
			}
		})
	}
}

func TestHeaderEnd(t *testing.T) {
	for in, want := range map[string]int{
		"": -1, "a": -1, "a: b\n": -1, "a: b\n\r": -1, "a: b\r\n\r": -1, "\r": -1, "a\r\r\n": -1,
		"\n": 1, "\r\n": 2, "a: b\n\nc": 6, "a: b\r\n\r\nc\n\n": 8, "a: b\n\r\nc": 7,
	} {
		if got := headerEnd([]byte(in)); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

// Whatever a script writes: no panic, and nothing that would forge a second
// field or response when it is passed on.
func FuzzParseHeader(f *testing.F) {
	for _, s := range []string{"Content-Type: a/b\n\n", "Status: 404 Not Found\r\nX: y\r\n\r\n", "Location: /x\n\n", "a\n\n", ":\n\n",
		"Status: 200\nX: a\rY: b\n\n", "Transfer-Encoding: x\n\n", "\xff: \xff\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		end := headerEnd(in)
		if end < 0 {
			return
		}
		// The end doesn't depend on how the output comes in pieces.
		for i := range min(end, 200) {
			if e := headerEnd(in[:i]); e >= 0 {
				t.Fatalf("end at %d of %d bytes, at %d of all", e, i, end)
			}
		}
		h, err := parseHeader(in[:end])
		if err != nil {
			if !errors.Is(err, errHeader) && !errors.Is(err, errTransfer) {
				t.Fatalf("error without a kind: %v", err)
			}
			return
		}
		if h.Status != 0 && (h.Status < 200 || h.Status > 999) {
			t.Fatalf("status %d", h.Status)
		}
		cgi := h.Status != 0 || h.Location != ""
		for _, f := range append(h.Fields, field{"Location", h.Location}) {
			cgi = cgi || strings.EqualFold(f.Name, "Content-Type")
			if !isToken([]byte(f.Name)) || strings.ContainsAny(f.Value, "\r\n\x00") || strings.EqualFold(f.Name, "Transfer-Encoding") {
				t.Fatalf("field %q: %q", f.Name, f.Value)
			}
		}
		if !cgi {
			t.Fatalf("no CGI field in %q", in[:end])
		}
	})
}
