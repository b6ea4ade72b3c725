// Package app is the application that every model runs: a request is a list of
// steps, and the same list means the same work in every model.
//
// The steps stand in the query of the request, as numbers that the client has
// drawn, in the order in which they are done:
//
//	GET /?cpu_us=1000&io_us=250000
//
// Blocking models walk them one by one ([Call.Run]); the event loop walks them
// as callbacks. What a step does that waits for nothing is written once, for
// both ([Work.Act]). A process also has a weight, what it costs to start ([Weight.Pay]).
//
// Cost: its imports are part of every start of a CGI call and of a sandbox, so
// there are none but syscall, unsafe and the equally small role package.
// May not enter: what users write ("cpu 2ms, io exp(150ms)") is parsed by the
// lab, in sim/traffic.
package app

import "forklore/runtimes/role"

// Kind is what a step does.
type Kind uint8

// The steps. The unit of N stands in the name that the query uses.
const (
	CPU   Kind = iota + 1 // cpu_us: work that takes so long on an idle core
	IO                    // io_us: a round trip to the backend, which holds the answer that long
	Mem                   // mem_bytes: touched, freed at the end of the request
	Reply                 // reply_bytes: length of the body

	// Faults. They need the run's token.
	Crash // crash=1: an uncaught panic
	Leak  // leak_bytes: touched, never freed
	Busy  // spin_us: CPU until the clock says so
	Hang  // hang=1: never answers
	Bleed // bleed=1: a global remembers this request's user

	// Faults that no program recovers from, and that take what all of its group share.
	Segv     // segv=1: a write to address 0, signal 11
	Exit     // exit: the process ends with that status, deep in some library
	Hog      // hog_bytes: touched, never freed, until the kernel strikes
	FDLeak   // fds_pct: descriptors never closed, in percent of the process's own limit
	ForkBomb // forks: so many processes, for ForkHoldUS

	Last = ForkBomb
)

var names = [...]string{CPU: "cpu_us", IO: "io_us", Mem: "mem_bytes", Reply: "reply_bytes",
	Crash: "crash", Leak: "leak_bytes", Busy: "spin_us", Hang: "hang", Bleed: "bleed",
	Segv: "segv", Exit: "exit", Hog: "hog_bytes", FDLeak: "fds_pct", ForkBomb: "forks"}

func (k Kind) String() string { return names[k] }

// Fault reports whether the step is one that only the lab may ask for.
func (k Kind) Fault() bool { return k >= Crash }

// most is the largest N of each kind: no request may take the machine down,
// whoever sends it.
var most = [...]int64{CPU: 60e6, IO: 600e6, Mem: 1 << 30, Reply: 16 << 20,
	Crash: 1, Leak: 1 << 30, Busy: 60e6, Hang: 1, Bleed: 1,
	Segv: 1, Exit: 125, Hog: 64 << 30, FDLeak: 100, ForkBomb: 4096}

// Most is the largest N that a step of this kind may have.
func (k Kind) Most() int64 { return most[k] }

// Step is one of a request's steps.
type Step struct {
	Kind Kind
	N    int64
}

// MaxSteps bounds a request.
const MaxSteps = 16

// Steps is a request's list. It is a value: parsing one allocates nothing.
type Steps struct {
	list [MaxSteps]Step
	n    int
}

// All returns the steps in their order.
func (s *Steps) All() []Step { return s.list[:s.n] }

// Add appends a step, and reports whether there was room and N was in bounds.
func (s *Steps) Add(st Step) bool {
	if s.n == MaxSteps || st.Kind < CPU || st.Kind > Last || st.N < 0 || st.N > most[st.Kind] {
		return false
	}
	if st.Kind == Exit && st.N == 0 {
		return false // an end without a fault: nobody would be told of it
	}
	s.list[s.n] = st
	s.n++
	return true
}

// Fault reports whether a step is a fault.
func (s *Steps) Fault() bool {
	for _, st := range s.list[:s.n] {
		if st.Kind.Fault() {
			return true
		}
	}
	return false
}

// What a request may ask for without the run's token, in all: a page in some
// browser can send requests to loopback, and none of them may bring a cage down.
const openMemBytes, openCPUUS = 32 << 20, 1_000_000

// NeedsToken reports whether only the lab may ask for these steps.
func (s *Steps) NeedsToken() bool {
	var mem, cpu int64
	for _, st := range s.list[:s.n] {
		switch st.Kind {
		case Mem:
			mem += st.N
		case CPU:
			cpu += st.N
		}
	}
	return s.Fault() || mem > openMemBytes || cpu > openCPUUS
}

// Parse reads the query of a request. Names that it doesn't know are left
// alone, as any application does; a value that is no number, or out of
// bounds, is the client's error.
func (s *Steps) Parse(query string) bool {
	s.n = 0
	for query != "" {
		pair := query
		if i := index(query, '&'); i >= 0 {
			pair, query = query[:i], query[i+1:]
		} else {
			query = ""
		}
		eq := index(pair, '=')
		if eq < 0 {
			continue
		}
		for k := CPU; k <= Last; k++ {
			if pair[:eq] != names[k] {
				continue
			}
			n, ok := role.ParseInt(pair[eq+1:])
			if !ok || !s.Add(Step{k, n}) {
				return false
			}
		}
	}
	return true
}

// AppendQuery is Parse's other direction.
func (s *Steps) AppendQuery(b []byte) []byte {
	for i, st := range s.list[:s.n] {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(b, names[st.Kind]...), '=')
		b = role.AppendInt(b, st.N)
	}
	return b
}

func index(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == c {
			return i
		}
	}
	return -1
}
