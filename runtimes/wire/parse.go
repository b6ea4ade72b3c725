package wire

// Parse reads the request's head at the start of buf.
//
//	n > 0                 it is n bytes long, with the empty line that ends it
//	n == 0, status == 0   it is incomplete: call again when more has arrived
//	status != 0           answer that, and close: no one knows where the next
//	                      request begins (RFC 9112 section 9.6)
func Parse(buf []byte, r *Request) (n, status int) {
	*r = Request{}
	head := buf[:min(len(buf), MaxHeadBytes)]
	full := len(buf) >= MaxHeadBytes // more would not help

	// "A server ... SHOULD ignore at least one empty line (CRLF) received
	// prior to the request-line" (section 2.2).
	at := 0
	if len(head) >= 2 && head[0] == '\r' && head[1] == '\n' {
		at = 2
	}
	line, next := cutLine(head, at)
	if next == 0 {
		return 0, incomplete(full, 414)
	}
	minor, status := r.requestLine(line)
	if status != 0 {
		return 0, status
	}
	f := fields{Request: r, minor: minor}
	for {
		at = next
		if line, next = cutLine(head, at); next == 0 {
			return 0, incomplete(full, 431)
		}
		if len(line) == 0 {
			return next, f.finish()
		}
		if status := f.field(line); status != 0 {
			return 0, status
		}
	}
}

func incomplete(full bool, status int) int {
	if full {
		return status
	}
	return 0
}

// cutLine returns the line that begins at b[at], without its end, and where
// the next one begins: 0 if the end hasn't arrived.
//
// A line may end in LF alone (section 2.2 leaves that to the recipient), so
// that a request can be typed into nc. No proxy stands before this server that
// could have seen other borders. A CR anywhere else stays in the line, and is
// refused there as the control character that it is.
func cutLine(b []byte, at int) (line []byte, next int) {
	for i := at; i < len(b); i++ {
		if b[i] != '\n' {
			continue
		}
		if i > at && b[i-1] == '\r' {
			return b[at : i-1], i + 1
		}
		return b[at:i], i + 1
	}
	return nil, 0
}

// requestLine reads "method SP request-target SP HTTP-version" (section 3).
func (r *Request) requestLine(line []byte) (minor byte, status int) {
	sp := index(line, ' ')
	if sp < 1 {
		return 0, 400
	}
	r.Method, line = line[:sp], line[sp+1:]
	for _, c := range r.Method {
		if class[c]&token == 0 {
			return 0, 400
		}
	}
	if sp = index(line, ' '); sp < 1 {
		return 0, 400
	}
	var version []byte
	r.Target, version = line[:sp], line[sp+1:]
	if status := r.target(); status != 0 {
		return 0, status
	}
	// "HTTP/" DIGIT "." DIGIT, case-sensitive (section 2.3). A higher minor
	// version is to be read as the highest that we know (RFC 9110, 2.5).
	if len(version) != 8 || string(version[:5]) != "HTTP/" || version[6] != '.' ||
		class[version[5]]&digit == 0 || class[version[7]]&digit == 0 {
		return 0, 400
	}
	if version[5] != '1' {
		return 0, 505
	}
	return version[7] - '0', 0
}

// target checks the request-target and finds its query (section 3.2).
func (r *Request) target() int {
	path := r.Target
	switch {
	case string(r.Method) == "CONNECT":
		return 501 // its authority-form asks for a tunnel
	case path[0] == '/':
	case len(path) == 1 && path[0] == '*' && string(r.Method) == "OPTIONS":
		return 0
	default:
		// absolute-form: servers must take it, though only clients of
		// proxies send it (section 3.2.2).
		n := authority(path)
		if n == 0 {
			return 400
		}
		path = path[n:]
	}
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case class[c]&visible == 0 || c == '#':
			return 400
		case r.Query != nil: // a query's percent signs are the application's business
		case c == '?':
			r.Query = path[i+1:]
		case c == '%' && (i+2 >= len(path) || class[path[i+1]]&hex == 0 || class[path[i+2]]&hex == 0):
			return 400
		}
	}
	return 0
}

// authority returns where the path of an absolute-form begins, 0 if it isn't
// one. Taken are names and IPv4 addresses with an optional port, no userinfo
// ("@" is an attempt to deceive, RFC 9110 section 4.2.4), no brackets: this
// server listens on 127.0.0.1 only.
func authority(target []byte) int {
	const scheme = "http://"
	if len(target) <= len(scheme) || !fold(target[:len(scheme)], scheme) {
		return 0
	}
	i, host, port := len(scheme), 0, false
	for ; i < len(target); i++ {
		c := target[i]
		switch {
		case c == '/' || c == '?':
			return i * host // no host: 0
		case c == ':' && !port:
			port = true
		case port && class[c]&digit == 0, class[c]&name == 0:
			return 0
		case !port:
			host = 1
		}
	}
	return i * host
}

// fields is the state that the header's fields are read with.
type fields struct {
	*Request
	minor                byte
	host, length, coding bool // seen
	close, keepAlive     bool // tokens of Connection
}

// field reads "field-name ":" OWS field-value OWS" (section 5).
func (f *fields) field(line []byte) int {
	// A line that begins with white space would continue the last one
	// (obs-fold, section 5.2); white space before the colon (section 5.1) has
	// been used to hide a field from one of two readers. Neither is a token.
	colon := 0
	for colon < len(line) && class[line[colon]]&token != 0 {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return 400
	}
	value := trim(line[colon+1:])
	for _, c := range value {
		if class[c]&text == 0 {
			return 400
		}
	}
	// The length rules most fields out at once.
	switch key := line[:colon]; len(key) {
	case len("Host"):
		if fold(key, "host") {
			return f.hostField(value)
		}
	case len("Expect"):
		if fold(key, "expect") {
			if !fold(value, "100-continue") {
				return 417
			}
			// An HTTP/1.0 client can't have meant it (RFC 9110, 10.1.1).
			f.ExpectContinue = f.minor > 0
		}
	case len("Connection"):
		if fold(key, "connection") {
			f.connection(value)
		}
	case len("Content-Length"):
		if fold(key, "content-length") {
			return f.contentLength(value)
		}
		if fold(key, "forklore-token") {
			f.Token = value
		}
	case len("Forklore-Request"):
		if fold(key, "forklore-request") {
			return f.id(value)
		}
	case len("Transfer-Encoding"):
		if fold(key, "transfer-encoding") {
			return f.transferEncoding(value)
		}
	}
	return 0
}

func (f *fields) hostField(value []byte) int {
	for _, c := range value {
		if class[c]&host == 0 {
			return 400
		}
	}
	if f.host {
		return 400
	}
	f.host = true
	return 0
}

// connection reads a list of tokens without regard to case (RFC 9110, 7.6.1).
func (f *fields) connection(value []byte) {
	for len(value) > 0 {
		option := value
		if i := index(value, ','); i >= 0 {
			option, value = value[:i], value[i+1:]
		} else {
			value = nil
		}
		option = trim(option)
		f.close = f.close || fold(option, "close")
		f.keepAlive = f.keepAlive || fold(option, "keep-alive")
	}
}

// contentLength takes one field with one number. A list of equal numbers may
// be refused (RFC 9110 section 8.6), a list of different ones must be.
func (f *fields) contentLength(value []byte) int {
	if f.length || len(value) == 0 {
		return 400
	}
	f.length = true
	for _, c := range value {
		if class[c]&digit == 0 {
			return 400
		}
		f.ContentLength = min(f.ContentLength*10+int64(c-'0'), MaxBodyBytes+1)
	}
	return 0
}

// transferEncoding: chunked is the one coding that a recipient must know
// (section 7.1); of others it says 501 (section 6.1).
func (f *fields) transferEncoding(value []byte) int {
	if f.coding {
		return 400
	}
	f.coding = true
	if !fold(value, "chunked") {
		return 501
	}
	f.Chunked = true
	return 0
}

func (f *fields) id(value []byte) int {
	if f.ID != 0 || len(value) == 0 || len(value) > 19 { // 19 digits always fit
		return 400
	}
	for _, c := range value {
		if class[c]&digit == 0 {
			return 400
		}
		f.ID = f.ID*10 + uint64(c-'0')
	}
	return 0
}

// finish checks what can only be known at the head's end.
func (f *fields) finish() int {
	switch {
	case f.minor > 0 && !f.host:
		return 400 // section 3.2
	case f.coding && (f.length || f.minor == 0):
		return 400 // the two ways to smuggle, section 6.1
	case f.ContentLength > MaxBodyBytes:
		return 413
	}
	f.KeepAlive = !f.close && (f.minor > 0 || f.keepAlive) // section 9.3
	return 0
}
