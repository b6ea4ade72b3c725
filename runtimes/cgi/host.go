package cgi

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"forklore/runtimes/board"
)

// Host runs one program, a process for each request. Its zero values are
// usable but for Path; compare net/http/cgi's Handler.
//
// A process that has a Host may not wait for children of its own: the Host
// waits for all of them.
type Host struct {
	Path string   // the program
	Name string   // its URI path, "/env.cgi"; "": it is the root, see split
	Dir  string   // where it runs: "" is the folder of Path (RFC 3875, 7.2)
	Root string   // the folder that PATH_TRANSLATED starts with: "" is Dir
	Args []string // its arguments, argv[0] first; nil: Path, and the words of the query

	Env  func() []string // more variables, if any
	Hide []string        // more request fields that are kept from it, in canonical form

	// Log gets what the program writes to standard error, stderrBytes of it.
	// nil: it inherits the host's.
	Log io.Writer

	MaxCalls     int           // processes at once: 0 is 64
	Queue        int           // requests that wait for a place: negative is none, 0 is 256
	TooBusy      int           // status beyond that: 0 is 503
	Timeout      time.Duration // silence of the program, or of the client, that ends the call: 0 is none
	MaxBodyBytes int64         // of a request: 0 is 32 MiB

	// LocationHandler serves the local redirects (RFC 3875, 6.2.2). nil: the Host.
	LocationHandler http.Handler

	Start func(*Program) (Process, error) // nil: fork and exec
	Board *board.Board                    // nil: none
	Died  func(Death)                     // told of each end that nobody here asked for

	// Application: the program is the lab's own. It understands steps and says
	// when it is ready.
	Application bool

	once    sync.Once
	places  *places
	reaper  *reaper
	stderrs []*stderrPipe // by place; used by who has the place
	null    *os.File
	calls   sync.WaitGroup
	counted sync.Mutex // the board's counters
}

// Death is the end of a call that nobody here asked for: a crash, a signal
// from outside, the OOM killer.
type Death struct {
	Pid      int
	Status   syscall.WaitStatus
	Request  uint64
	Port     uint16 // the client's
	Flags    uint32 // of its row on the board
	OOMKills uint64
}

// processReaper is one for the process, whatever number of Hosts it has.
var processReaper = sync.OnceValue(func() *reaper {
	becomeSubreaper()
	return newReaper()
})

// maxRedirects bounds a script that redirects to itself.
const maxRedirects = 10

func (h *Host) setup() {
	def := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
	}
	def(&h.MaxCalls, 64)
	def(&h.Queue, 256)
	def(&h.TooBusy, http.StatusServiceUnavailable)
	if h.MaxBodyBytes == 0 {
		h.MaxBodyBytes = 32 << 20
	}
	if h.Dir == "" {
		h.Dir = filepath.Dir(h.Path)
	}
	if h.Start == nil {
		h.Start = forkExec
	}
	if h.Board != nil {
		h.MaxCalls = min(h.MaxCalls, len(h.Board.Row))
	}
	h.stderrs = make([]*stderrPipe, h.MaxCalls)
	h.reaper = processReaper()
	h.places = newPlaces(h.MaxCalls, max(h.Queue, 0), h.queued)
	var err error
	if h.null, err = os.Open(os.DevNull); err != nil {
		slog.Error("cgi: calls will have no standard input", "err", err)
	}
}

func (h *Host) root() string {
	if h.Root != "" {
		return h.Root
	}
	return h.Dir
}

// ServeHTTP is a request's whole life.
//
//	request ─ body received ─ place taken ─ process started ─ header ─ output
//	                             │                                      │
//	  next in the queue ─ place left ─ process waited for, taken down ──┘
//
// The reply is complete only after the process was waited for: a client must
// be able to tell a short answer from one that a crash cut off.
func (h *Host) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	h.once.Do(h.setup)
	h.calls.Add(1)
	defer h.calls.Done()
	for range maxRedirects {
		local := h.serve(rw, req)
		if local == "" {
			return
		}
		next, err := redirected(req, local)
		if err != nil {
			h.fail(rw, http.StatusInternalServerError, "the script's Location is no path")
			return
		}
		if h.LocationHandler != nil {
			h.LocationHandler.ServeHTTP(rw, next)
			return
		}
		req = next
	}
	slog.Warn("cgi: script redirects for ever", "script", h.Path, "times", maxRedirects)
	h.fail(rw, http.StatusInternalServerError, "the script redirects for ever")
}

// redirected is the request that a local redirect asks for: a GET without a
// body, whatever led to it, otherwise the client's.
func redirected(req *http.Request, local string) (*http.Request, error) {
	u, err := req.URL.Parse(path.Clean(local[:pathEnd(local)]) + local[pathEnd(local):])
	if err != nil {
		return nil, err
	}
	next := req.Clone(req.Context())
	next.Method, next.URL, next.Body, next.ContentLength = http.MethodGet, u, http.NoBody, 0
	next.Header.Del("Content-Type")
	return next, nil
}

// pathEnd is where the query of a local path begins.
func pathEnd(local string) int {
	if i := strings.IndexAny(local, "?#"); i >= 0 {
		return i
	}
	return len(local)
}

// serve answers one request, or returns where the script sent it.
func (h *Host) serve(rw http.ResponseWriter, req *http.Request) (local string) {
	if strings.Contains(req.URL.Path, "\x00") { // no variable can hold it
		h.fail(rw, http.StatusBadRequest, "the path has a zero byte")
		return ""
	}
	ctl := http.NewResponseController(rw)
	if h.Timeout > 0 && req.ContentLength != 0 {
		ctl.SetReadDeadline(time.Now().Add(h.Timeout))
	}
	b, err := receive(req, h.MaxBodyBytes)
	if h.Timeout > 0 && req.ContentLength != 0 {
		ctl.SetReadDeadline(time.Time{})
	}
	switch {
	case errors.Is(err, errTooLarge):
		rw.Header().Set("Connection", "close")
		h.fail(rw, http.StatusRequestEntityTooLarge, err.Error())
		return ""
	case errors.Is(err, errSpoolFull):
		rw.Header().Set("Connection", "close")
		h.reject(rw, h.TooBusy, tooMany)
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded):
		h.fail(rw, http.StatusRequestTimeout, "the request's body did not come in time")
		return ""
	case errors.Is(err, errBody):
		h.fail(rw, http.StatusBadRequest, errBody.Error())
		return ""
	case err != nil:
		slog.Error("cgi", "err", err)
		h.fail(rw, http.StatusInternalServerError, "the request's body could not be kept")
		return ""
	}
	defer b.close()

	place, err := h.places.take(req.Context())
	if err != nil {
		if errors.Is(err, ErrTooBusy) {
			h.reject(rw, h.TooBusy, tooMany)
		}
		return "" // or the client has left the queue
	}
	var c *call
	defer func() { h.places.leave(place, c != nil && c.kept) }()
	c, err = h.start(req, &b, place)
	switch {
	case errors.Is(err, syscall.EAGAIN): // fork(2)
		slog.Warn("cgi: no process for a call", "err", err)
		h.reject(rw, http.StatusServiceUnavailable, "no process for a call: the limit of processes is reached (EAGAIN)")
		return ""
	case errors.Is(err, syscall.ENOMEM):
		slog.Warn("cgi: no process for a call", "err", err)
		h.reject(rw, http.StatusServiceUnavailable, "no process for a call: out of memory (ENOMEM)")
		return ""
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		slog.Warn("cgi: no descriptors for a call", "err", err)
		h.reject(rw, http.StatusServiceUnavailable, "no descriptors for a call (EMFILE)")
		return ""
	case err != nil:
		slog.Error("cgi: start", "script", h.Path, "err", err)
		h.fail(rw, http.StatusInternalServerError, "the script could not be started")
		return ""
	}
	return c.run(rw, ctl)
}

const tooMany = "too many calls at once"

// reject answers a request that there is no room for.
func (h *Host) reject(rw http.ResponseWriter, status int, why string) {
	if h.Board != nil {
		h.Board.Rejected.Add(1)
	}
	rw.Header().Set("Retry-After", "1")
	writeError(rw, status, why)
}

// fail answers with an error of the host's own.
func (h *Host) fail(rw http.ResponseWriter, status int, why string) {
	writeError(rw, status, why)
	h.answered()
}

func writeError(rw http.ResponseWriter, status int, why string) {
	http.Error(rw, http.StatusText(status)+": "+why, status)
}
