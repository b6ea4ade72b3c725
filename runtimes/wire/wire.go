// Package wire reads HTTP/1.1 request heads and writes response heads, for the
// models that speak HTTP on bare descriptors: prefork's workers and the event
// loop.
//
// [Parse] is incremental in the simplest way: it is handed all that has
// arrived, and says how long the head is, that it needs more, or which error
// to answer. It starts anew each time; a client that sends one byte at a time
// costs more in system calls than in that.
//
// Cost: one pass over the head's bytes; no allocation, the fields of a
// [Request] are views into the buffer.
// May not enter: descriptors, timers, the application; nor any import, since
// roles that are entered before everything else depend on this package.
//
// Where RFC 9110 and RFC 9112 leave a choice, it is the one that leaves least
// room for two readers to see two different messages in the same bytes
// (request smuggling, RFC 9112 section 11.2). What a request must be like to
// be taken is a subset of what net/http takes, but for one thing: an empty
// line before the request (section 2.2). The fuzz test holds that.
package wire

// Limits. A head longer than that is answered 414 or 431, a body 413.
const (
	MaxHeadBytes = 8 << 10 // what nginx and Apache allow for a line
	MaxBodyBytes = 1 << 20 // nginx's client_max_body_size
)

// Request is what a server needs to know of a request's head. The slices are
// views into the buffer that was parsed.
type Request struct {
	Method []byte
	Target []byte
	Query  []byte // what follows the target's first question mark

	ID    uint64 // Forklore-Request, 0 if there is none
	Token []byte // Forklore-Token

	KeepAlive      bool // by version and Connection
	ExpectContinue bool // the client waits for [Continue] before it sends the body
	Chunked        bool
	ContentLength  int64 // 0 if there is none
}

// Head reports whether the response must have no body.
func (r *Request) Head() bool { return string(r.Method) == "HEAD" }

// HasBody reports whether bytes of a body follow the head.
func (r *Request) HasBody() bool { return r.Chunked || r.ContentLength > 0 }
