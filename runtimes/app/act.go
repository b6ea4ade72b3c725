package app

import (
	"syscall"

	"forklore/runtimes/role"
)

// Answer is what the application has to say.
type Answer struct {
	User      uint64 // whose request it believes to have answered
	BodyBytes int64  // of the reply step, 0 for the default body
	Leaked    int64
	LeakedFDs int64
	Failed    string // why there is no answer: the backend is gone, memory refused

	Bombed    bool          // a fork bomb has been and gone:
	Forked    int64         // processes until the first refusal,
	ForkErrno syscall.Errno // and what that was; 0: there was none
}

// Body is the default body.
const Body = "hello\n"

// Text is the body, unless BodyBytes says how long one is wanted.
func (a *Answer) Text() string {
	if !a.Bombed {
		return Body
	}
	b := append(role.AppendInt([]byte("forked "), a.Forked), " processes"...)
	switch a.ForkErrno {
	case 0:
	case syscall.EAGAIN:
		b = append(b, ", then EAGAIN"...)
	case syscall.ENOMEM:
		b = append(b, ", then ENOMEM"...)
	default:
		b = role.AppendInt(append(b, ", then error "...), int64(a.ForkErrno))
	}
	return string(append(b, '\n'))
}

// Work is how far a request's application has come, in every model.
type Work struct {
	Answer Answer
	held   [MaxSteps][]byte // what mem steps have touched
	nHeld  int
	bleeds bool
}

// Act does a step of any kind that waits for nobody, and reports whether it
// was one. The others, IO, Hang and ForkBomb, are each model's own to wait for.
// Some of these are the end of the process.
func (w *Work) Act(st Step, id uint64, itersPerMS int64) (done bool) {
	a := &w.Answer
	switch st.Kind {
	case CPU:
		Spin(st.N * itersPerMS / 1000) // in an event loop nobody else gets a turn
	case Mem:
		m := Touch(st.N)
		if m == nil && st.N > 0 {
			a.Failed = refused
		}
		w.held[w.nHeld] = m
		w.nHeld++
	case Reply:
		a.BodyBytes = st.N
	case Crash:
		Panic(id)
	case Leak:
		if Touch(st.N) != nil {
			a.Leaked += st.N
		}
	case Busy:
		for end := role.Nanotime() + st.N*1000; role.Nanotime() < end; {
			Spin(1000)
		}
	case Bleed:
		w.bleeds = true
	case Segv:
		segv()
	case Exit:
		syscall.Exit(int(st.N))
	case Hog:
		a.Leaked += hog(st.N)
		a.Failed = refused // whoever can say so has survived it
	case FDLeak:
		a.LeakedFDs += leakFDs(st.N)
	default:
		return false
	}
	return true
}

const refused = "mem: the kernel refused"

// End is the end of the last step, or of the one that failed.
func (w *Work) End(id uint64) Answer {
	w.Free()
	w.Answer.User = Identify(id)
	if w.bleeds {
		Remember(id) // the next one will be taken for it
		w.bleeds = false
	}
	return w.Answer
}

// Free gives back what the mem steps have touched, also of a request that
// nobody waits for any more.
func (w *Work) Free() {
	for i := range w.nHeld {
		Free(w.held[i])
		w.held[i] = nil
	}
	w.nHeld = 0
}
