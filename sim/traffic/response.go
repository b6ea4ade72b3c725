package traffic

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// Limits on what is read of a response. A server that goes beyond them is
// answered by closing the connection.
const (
	maxLine = 8 << 10  // one line of the head
	maxHead = 64 << 10 // status line, header, trailer
	maxBody = 1 << 30
	// maxInterim is how many 1xx responses may come before the real one.
	maxInterim = 8
)

// malformedError is an answer that is not HTTP/1.1 as this client reads it.
type malformedError struct{ what string }

func (e *malformedError) Error() string { return "malformed response: " + e.what }

func malformed(format string, a ...any) error { return &malformedError{fmt.Sprintf(format, a...)} }

// response is what the lab wants to know of an answer. The body is counted
// and thrown away.
type response struct {
	status    int
	request   uint64 // Forklore-Request
	bodyBytes int64
	keepAlive bool // the connection can carry another request
}

// head is what the header says about the body (RFC 9112 section 6.3).
type head struct {
	response
	minor   int   // HTTP/1.minor
	length  int64 // Content-Length, -1 if there is none
	chunked bool
	left    int // bytes that the head may still have
}

// readResponse reads one complete response. The error is io.EOF or
// io.ErrUnexpectedEOF if the server closed too early, a malformedError, or
// what the connection returned. What was understood until then is returned
// with it.
func readResponse(br *bufio.Reader) (response, error) {
	for range maxInterim {
		h := head{length: -1, left: maxHead}
		if err := h.read(br); err != nil {
			return h.response, err
		}
		// 101 ends HTTP on this connection: it is a final answer, and the
		// wrong one, since nobody asked for it.
		if h.status >= 200 || h.status == 101 {
			return h.response, h.body(br)
		}
	}
	return response{}, malformed("more than %d interim responses", maxInterim)
}

// line reads a line of the head, without its end. LF alone ends one too (RFC
// 9112 section 2.2). The line is valid until the next read.
func (h *head) line(br *bufio.Reader) ([]byte, error) {
	b, err := br.ReadSlice('\n')
	if h.left -= len(b); errors.Is(err, bufio.ErrBufferFull) || h.left < 0 {
		return nil, malformed("a line over %d or a head over %d bytes", br.Size(), maxHead)
	}
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	return bytes.TrimSuffix(b, []byte("\r")), nil
}

// read reads status line and header.
func (h *head) read(br *bufio.Reader) error {
	b, err := h.line(br)
	if err != nil {
		return err
	}
	if err := h.statusLine(b); err != nil {
		return err
	}
	h.keepAlive = h.minor > 0
	for {
		b, err := h.line(br)
		if err != nil || len(b) == 0 {
			return err
		}
		if err := h.field(b); err != nil {
			return err
		}
	}
}

// statusLine reads "HTTP/1.1 200 OK".
func (h *head) statusLine(b []byte) error {
	rest, ok := bytes.CutPrefix(b, []byte("HTTP/1."))
	if !ok || len(rest) < 5 || rest[0] != '0' && rest[0] != '1' || rest[1] != ' ' {
		return malformed("status line %.40q", b)
	}
	h.minor = int(rest[0] - '0')
	code := rest[2:]
	if len(code) > 3 {
		if code[3] != ' ' {
			return malformed("status line %.40q", b)
		}
		code = code[:3]
	}
	n, ok := decimal(code)
	if !ok || n < 100 {
		return malformed("status %.10q", code)
	}
	h.status = int(n)
	return nil
}

// field takes what matters from one header field.
func (h *head) field(b []byte) error {
	name, value, ok := bytes.Cut(b, []byte(":"))
	if !ok || len(name) == 0 {
		return malformed("header line %.40q", b)
	}
	if bytes.ContainsAny(name, " \t") { // also the obsolete folding of a long line
		return malformed("space in the header name %.40q", name)
	}
	value = bytes.Trim(value, " \t")
	switch {
	case fold(name, "content-length"):
		n, ok := decimal(value)
		if !ok || n > maxBody || h.length >= 0 && h.length != n {
			return malformed("Content-Length %.40q", value)
		}
		h.length = n
	case fold(name, "transfer-encoding"):
		if !fold(value, "chunked") || h.chunked {
			return malformed("Transfer-Encoding %.40q", value)
		}
		h.chunked = h.minor > 0 // HTTP/1.0 doesn't have it
	case fold(name, "connection"):
		for token := range bytes.SplitSeq(value, []byte(",")) {
			switch token = bytes.Trim(token, " \t"); {
			case fold(token, "close"):
				h.keepAlive = false
			case fold(token, "keep-alive") && h.minor == 0:
				h.keepAlive = true
			}
		}
	case fold(name, "forklore-request"):
		n, ok := decimal(value)
		if !ok {
			return malformed("Forklore-Request %.40q", value)
		}
		h.request = uint64(n)
	}
	return nil
}

// body reads it to its end.
func (h *head) body(br *bufio.Reader) error {
	switch {
	case h.status == 101 || h.status == 204 || h.status == 304:
		h.keepAlive = h.keepAlive && h.status != 101
		return nil
	case h.chunked:
		return h.chunks(br)
	case h.length >= 0:
		return h.discard(br, h.length)
	}
	// Until the connection is closed. A server that crashes looks the same:
	// that is why HTTP/1.1 servers give a length.
	h.keepAlive = false
	n, err := io.Copy(io.Discard, io.LimitReader(br, maxBody+1))
	h.bodyBytes = n
	if n > maxBody {
		return malformed("body over %d bytes", maxBody)
	}
	return err
}

func (h *head) discard(br *bufio.Reader, n int64) error {
	for n > 0 {
		done, err := br.Discard(int(min(n, math.MaxInt32)))
		n -= int64(done)
		h.bodyBytes += int64(done)
		if err != nil {
			return noEOF(err)
		}
	}
	return nil
}

// chunks reads a chunked body (RFC 9112 section 7.1).
func (h *head) chunks(br *bufio.Reader) error {
	for {
		h.left = maxHead
		b, err := h.line(br)
		if err != nil {
			return noEOF(err)
		}
		size, _, _ := bytes.Cut(b, []byte(";")) // extensions are ignored
		n, ok := hex(bytes.TrimRight(size, " \t"))
		if !ok || h.bodyBytes+n > maxBody {
			return malformed("chunk size %.40q", b)
		}
		if n == 0 {
			break
		}
		if err := h.discard(br, n); err != nil {
			return err
		}
		if b, err = h.line(br); err != nil {
			return noEOF(err)
		}
		if len(b) > 0 {
			return malformed("chunk goes on after its size: %.40q", b)
		}
	}
	for { // the trailer
		b, err := h.line(br)
		if err != nil {
			return noEOF(err)
		}
		if len(b) == 0 {
			return nil
		}
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fold compares with a name in small letters, whatever the case.
func fold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// decimal reads digits and nothing else.
func decimal(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// hex reads hexadecimal digits.
func hex(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, true
}
