package app

import (
	"syscall"

	"forklore/runtimes/role"
)

// The application as a CGI script: a process for one request. Its request
// comes by the environment, its response goes to descriptor 1 (RFC 3875,
// sections 4.1 and 6). The container's sandbox runs the same program, or the
// one of function_linux.go, which serves more than one call.
func init() {
	role.Enter("cgi call", serveCGI)
	role.Enter("sandbox call", serveCGI)
}

const stdout = 1

// Header fields of the script's response that say more than HTTP does.
const (
	RequestHeader = "Forklore-Request"  // whose request the application believes to answer
	ReadyHeader   = "Forklore-Ready-Ns" // when it was ready, by role.Nanotime; the host takes it out
)

func serveCGI() {
	role.Sacrifice()
	LimitFDs()
	itersPerMS := role.Int("ITERS_PER_MS", 0)
	WeightFromEnv().Pay(itersPerMS)
	r := cgiResponse{fd: stdout, ready: role.Nanotime()}
	r.answer(itersPerMS, func(name string) string { v, _ := syscall.Getenv(name); return v })
}

// Variables are the meta-variables that the application reads.
var Variables = [...]string{"REQUEST_METHOD", "QUERY_STRING", "HTTP_FORKLORE_REQUEST", "HTTP_FORKLORE_TOKEN"}

// answer serves the request that the variables describe. It returns the bytes
// that the request has left behind.
func (r *cgiResponse) answer(itersPerMS int64, variable func(name string) string) (leaked int64) {
	if n, ok := role.ParseInt(variable("HTTP_FORKLORE_REQUEST")); ok {
		r.user = uint64(max(n, 0))
	}
	r.head = variable("REQUEST_METHOD") == "HEAD"

	c := Call{ID: r.user, Backend: role.Env("BACKEND"), ItersPerMS: itersPerMS}
	if !c.Steps.Parse(variable("QUERY_STRING")) {
		r.write("400 Bad Request", "the steps of the request are out of bounds, or more than 16\n")
		return 0
	}
	if c.Steps.NeedsToken() {
		if want := role.Env("TOKEN"); want == "" || variable("HTTP_FORKLORE_TOKEN") != want {
			r.write("403 Forbidden", "faults, and steps as heavy as these, need the run's token\n")
			return 0
		}
	}
	a := c.Run()
	r.user = a.User
	switch {
	case a.Failed != "":
		r.write("502 Bad Gateway", a.Failed+"\n")
	case a.BodyBytes == 0:
		r.write("", a.Text())
	default:
		r.writeX(a.BodyBytes)
	}
	return a.Leaked
}

// cgiResponse is a script's response: header, blank line, body.
type cgiResponse struct {
	fd    int
	ready int64
	user  uint64
	head  bool // RFC 3875, 4.3.3: no body then
}

// header is the response up to the blank line. No status means 200 (6.3.3).
func (r *cgiResponse) header(status string, length int64) []byte {
	b := make([]byte, 0, 256)
	if status != "" {
		b = append(append(append(b, "Status: "...), status...), '\n')
	}
	b = append(b, "Content-Type: text/plain\nContent-Length: "...)
	b = append(role.AppendInt(b, length), '\n')
	if r.user != 0 {
		b = append(b, RequestHeader+": "...)
		b = append(role.AppendInt(b, int64(r.user)), '\n')
	}
	b = append(b, ReadyHeader+": "...)
	b = append(role.AppendInt(b, r.ready), '\n')
	return append(b, '\n')
}

func (r *cgiResponse) write(status, body string) {
	b := r.header(status, int64(len(body)))
	if !r.head {
		b = append(b, body...)
	}
	WriteAll(r.fd, b) // a host that has hung up is told by nobody
}

// xs is touched only by who asks for a body of a size.
var xs [32 << 10]byte

func (r *cgiResponse) writeX(n int64) {
	if WriteAll(r.fd, r.header("", n)) != nil || r.head {
		return
	}
	for i := range xs {
		xs[i] = 'x'
	}
	for n > 0 {
		k := min(n, int64(len(xs)))
		if WriteAll(r.fd, xs[:k]) != nil {
			return
		}
		n -= k
	}
}
