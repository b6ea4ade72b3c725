package traffic

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// FuzzReadResponse compares with net/http: what both read to the end they must
// understand alike, and an answer that net/http finds cut short must not count
// as complete here.
func FuzzReadResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nForklore-Request: 7\r\n\r\nhello\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n0\r\nT: 1\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 200 OK\nConnection: keep-alive\n\nabc",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nabc",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
		"HTTP/1.1 200\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		br := bufio.NewReaderSize(bytes.NewReader(in), maxLine)
		got, err := readResponse(br)
		if got.bodyBytes > int64(len(in)) {
			t.Fatalf("a body of %d bytes in %d", got.bodyBytes, len(in))
		}
		if err != nil {
			return
		}
		oracle := bufio.NewReader(bytes.NewReader(in))
		var want *http.Response
		for {
			var wantErr error
			if want, wantErr = http.ReadResponse(oracle, nil); wantErr != nil {
				// net/http is stricter about names and values that don't
				// matter here. But it must not have run out of input.
				if wantErr == io.ErrUnexpectedEOF || wantErr == io.EOF {
					t.Fatalf("%q: complete here, cut for net/http", in)
				}
				return
			}
			if want.StatusCode/100 != 1 || want.StatusCode == 101 {
				break
			}
		}
		if want.StatusCode == 101 { // net/http hands the connection over
			return
		}
		body, wantErr := io.ReadAll(want.Body)
		if wantErr == io.ErrUnexpectedEOF {
			t.Fatalf("%q: complete here, cut for net/http", in)
		}
		if wantErr != nil {
			return // its trailer is checked as a header is
		}
		if got.status != want.StatusCode || got.bodyBytes != int64(len(body)) {
			t.Fatalf("%q: status %d, %d bytes, net/http has %d, %d", in, got.status, got.bodyBytes, want.StatusCode, len(body))
		}
		if id := want.Header.Values("Forklore-Request"); len(id) == 1 {
			if n, _ := strconv.ParseUint(id[0], 10, 64); n != got.request {
				t.Fatalf("%q: request %d, net/http has %d", in, got.request, n)
			}
		}
		if got.keepAlive && want.Close {
			t.Fatalf("%q: to be used again, but net/http closes it", in)
		}
		// Both must stop at the same byte, or the next response is misread.
		if got.keepAlive && br.Buffered() != oracle.Buffered() && len(in) < 4096 {
			t.Fatalf("%q: %d bytes are left, for net/http %d", in, br.Buffered(), oracle.Buffered())
		}
	})
}

// What net/http writes, this client reads.
func FuzzReadWhatNetHTTPWrites(f *testing.F) {
	f.Add(200, "hello\n", true, "x", "y", uint64(7))
	f.Add(500, "", false, "Connection", "close", uint64(0))
	f.Fuzz(func(t *testing.T, status int, body string, chunked bool, name, value string, id uint64) {
		if status < 200 || status > 599 || strings.ContainsAny(name+value, "\r\n:") || id >= 1e18 {
			return
		}
		r := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
			Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
		if chunked {
			r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		}
		r.Header.Set("Forklore-Request", strconv.FormatUint(id, 10))
		if http.CanonicalHeaderKey(name) != "Forklore-Request" && len(name)+len(value) < 1000 {
			r.Header.Add("X-"+strings.Map(token, name), value)
		}
		var wire bytes.Buffer
		if err := r.Write(&wire); err != nil {
			return
		}
		sent := wire.String()
		got, err := readResponse(bufio.NewReaderSize(&wire, maxLine))
		if err != nil {
			t.Fatalf("%q: %v", sent, err)
		}
		want := int64(len(body))
		if status == 204 || status == 304 {
			want = 0
		}
		if got.status != status || got.request != id || got.bodyBytes != want {
			t.Fatalf("%q: read as %+v", sent, got)
		}
	})
}

// token keeps what may stand in a header's name.
func token(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}
