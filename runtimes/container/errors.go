package container

import "errors"

// Ends of a child on its way into the sandbox that aren't an error number's.
var (
	errHostGone = errors.New("the host has gone")
	errKilled   = errors.New("killed, or given back")
)

// Unavailable is why there can be no sandboxes here.
type Unavailable struct {
	Reason string
	Remedy string // "" if there is none
	Err    error  // what the kernel said, if it was asked
}

func (e *Unavailable) Error() string {
	s := e.Reason
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	if e.Remedy != "" {
		s += ": " + e.Remedy
	}
	return s
}

func (e *Unavailable) Unwrap() error { return e.Err }
