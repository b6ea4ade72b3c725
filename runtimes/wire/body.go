package wire

// Body finds the end of a request's body. The applications here have no use
// for what is in it.
type Body struct {
	left  int64 // bytes to skip: of the body, or of the chunk with its CRLF
	total int64 // sum of the chunk sizes
	line  int   // bytes of the line so far
	state bodyState
	cr    bool // the last byte of the line was CR
}

type bodyState uint8

const (
	plain     bodyState = iota // left bytes, then done
	size                       // the hexadecimal digits of a chunk's size
	extension                  // what may follow them
	data                       // left bytes of a chunk
	dataEnd                    // its CRLF
	trailer                    // lines up to an empty one
)

// Body returns the state to skip the request's body with.
func (r *Request) Body() Body {
	if r.Chunked {
		return Body{state: size}
	}
	return Body{left: r.ContentLength}
}

// Skip takes bytes that arrived after the head, and says how many of them
// belong to the body, and whether that is all of it. A status other than 0 is
// to be answered, and the connection closed. Call it with no bytes, too: an
// empty body is done at once.
func (s *Body) Skip(p []byte) (n int, done bool, status int) {
	for {
		if s.state == plain || s.state == data {
			k := int(min(int64(len(p)-n), s.left))
			n += k
			if s.left -= int64(k); s.left > 0 {
				return n, false, 0
			}
			if s.state == plain {
				return n, true, 0
			}
			s.state, s.line = dataEnd, 0
		}
		if n == len(p) {
			return n, false, 0
		}
		done, status = s.chunked(p[n])
		if n++; done || status != 0 {
			return n, done, status
		}
	}
}

// chunked takes a byte of the chunked coding that isn't data (RFC 9112 section
// 7.1). Lines must end in CRLF here: unlike in a head nobody types them, and
// a LF alone has been used to smuggle (CVE-2025-22871 in net/http).
func (s *Body) chunked(c byte) (done bool, status int) {
	if s.line++; s.line > MaxHeadBytes {
		return false, 400
	}
	if (c == '\n') != s.cr { // LF without CR, or CR without LF
		return false, 400
	}
	s.cr = c == '\r'
	switch s.state {
	case size:
		if class[c]&hex != 0 {
			s.left = s.left<<4 | int64(unhex(c))
			if s.total+s.left > MaxBodyBytes {
				return false, 413
			}
			return false, 0
		}
		if s.line == 1 || c != '\r' && c != ';' {
			return false, 400 // no digit, or white space, which section 7.1.1 calls bad
		}
		s.state = extension
	case extension:
		if c != '\n' {
			return false, control(c)
		}
		s.total += s.left
		s.state, s.line = data, 0
		if s.left == 0 {
			s.state = trailer
		}
	case dataEnd:
		if c == '\n' {
			s.state, s.line = size, 0
		} else if c != '\r' {
			return false, 400
		}
	case trailer:
		if c == '\n' {
			done = s.line == 2 // CRLF alone
			s.line = 0
			return done, s.count()
		}
		return false, control(c)
	}
	return false, 0
}

// count bounds the trailer's lines with the body's own limit.
func (s *Body) count() int {
	if s.total += MaxHeadBytes / 64; s.total > MaxBodyBytes+MaxHeadBytes {
		return 431
	}
	return 0
}

func control(c byte) int {
	if class[c]&text == 0 && c != '\r' {
		return 400
	}
	return 0
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
