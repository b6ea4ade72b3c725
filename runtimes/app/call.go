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

// Answer is what the application has to say.
type Answer struct {
	User      uint64 // whose request it believes to have answered
	BodyBytes int64  // of the reply step, 0 for the default body
	Leaked    int64
	Failed    string // why there is no answer: the backend is gone, memory refused
}

// Body is the default body.
const Body = "hello\n"

// Run walks the steps, one by one. It blocks as long as they take.
func (c *Call) Run() (a Answer) {
	var held [MaxSteps][]byte
	bleeds := false
	for i, st := range c.Steps.All() {
		if st.Kind.Fault() && c.BeforeFault != nil {
			c.BeforeFault()
		}
		switch st.Kind {
		case CPU:
			Spin(st.N * c.ItersPerMS / 1000)
		case IO:
			if err := c.roundTrip(st.N); err != nil {
				a.Failed = "backend: " + err.Error()
			}
		case Mem:
			if held[i] = Touch(st.N); held[i] == nil && st.N > 0 {
				a.Failed = "mem: the kernel refused"
			}
		case Reply:
			a.BodyBytes = st.N
		case Crash:
			Panic(c.ID)
		case Leak:
			if Touch(st.N) != nil {
				a.Leaked += st.N
			}
		case Busy:
			for end := role.Nanotime() + st.N*1000; role.Nanotime() < end; {
				Spin(1000)
			}
		case Hang:
			hang()
		case Bleed:
			bleeds = true
		}
		if a.Failed != "" {
			break
		}
	}
	for _, m := range held {
		Free(m)
	}
	a.User = Identify(c.ID)
	if bleeds {
		Remember(c.ID) // the next one will be taken for it
	}
	return a
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
