package app

import (
	"syscall"

	"forklore/runtimes/role"
)

// Call is one request in a blocking model.
type Call struct {
	ID         uint64
	Steps      Steps
	Backend    string // path of the backend's socket
	ItersPerMS int64
	// BeforeFault, if set, is called when a fault step begins.
	BeforeFault func()
}

// Run walks the steps, one by one. It blocks as long as they take.
func (c *Call) Run() Answer {
	var w Work
	for _, st := range c.Steps.All() {
		if st.Kind.Fault() && c.BeforeFault != nil {
			c.BeforeFault()
		}
		switch {
		case w.Act(st, c.ID, c.ItersPerMS):
		case st.Kind == IO:
			if err := c.roundTrip(st.N); err != nil {
				w.Answer.Failed = "backend: " + err.Error()
			}
		case st.Kind == ForkBomb:
			forkBomb(st.N, &w.Answer)
		case st.Kind == Hang:
			hang()
		}
		if w.Answer.Failed != "" {
			break
		}
	}
	return w.End(c.ID)
}

// forkBomb lights a bomb and waits until it is over.
func forkBomb(n int64, a *Answer) {
	b, lit := LightBomb(n, a)
	if !lit {
		return
	}
	for b.Read(a) == syscall.EINTR {
	}
	syscall.Close(b.FD)
	for !b.Buried(true) {
	}
}

// The backend's protocol: the client sends "<microseconds>\n", the backend
// holds the answer that long, and sends IOAnswer.
const IOAnswer = "ok\n"

// AppendIORequest writes a request to the backend.
func AppendIORequest(b []byte, us int64) []byte { return append(role.AppendInt(b, us), '\n') }

// roundTrip is one request to the backend, on a connection of its own.
func (c *Call) roundTrip(us int64) error {
	fd, err := socket()
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := retry(func() error { return syscall.Connect(fd, &syscall.SockaddrUnix{Name: c.Backend}) }); err != nil {
		return err
	}
	var b [32]byte
	if err := WriteAll(fd, AppendIORequest(b[:0], us)); err != nil {
		return err
	}
	for got := 0; got < len(IOAnswer); {
		n, err := Read(fd, b[got:len(IOAnswer)])
		if err != nil {
			return err
		}
		if n == 0 {
			return syscall.ECONNRESET // it went away before it answered
		}
		got += n
	}
	return nil
}

// retry repeats a system call that a signal interrupted: Go's own preemption
// signal is one (signal(7), EINTR).
func retry(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}

// Read is read(2), restarted after a signal.
func Read(fd int, b []byte) (n int, err error) {
	for {
		if n, err = syscall.Read(fd, b); err != syscall.EINTR {
			return n, err
		}
	}
}

// WriteAll is write(2), restarted after a signal, until all is written.
func WriteAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(fd, b)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
