package cgi

// Config is what differs between the hosts that start a process per request.
type Config struct {
	// CallRole is the role of the built-in application's calls.
	CallRole string
	// Script, if set, is the absolute path of a program that is run instead.
	Script string
	// Start starts a call's program. It may be called by several goroutines at
	// once. nil forks and execs.
	Start func(*Program) (Process, error)
	// TooBusy is the status beyond the queue: 503 if 0.
	TooBusy int
	// Close, if set, is called last, when all calls are over.
	Close func()
}
