package matrix

import (
	"errors"
	"fmt"
	"time"

	"forklore/sim"
)

// next takes the next snapshot, and looks at whether its books are in order.
func (r *run) next() error {
	if r.ctx.Err() != nil { // first: there is always a snapshot soon
		return errInterrupted
	}
	var s *sim.Snapshot
	select {
	case <-r.ctx.Done():
		return errInterrupted
	case next, ok := <-r.src.Snapshots():
		if !ok {
			return sim.ErrClosed
		}
		s = next
	}
	r.last = s
	for _, e := range s.Events {
		if e.What == sim.EventRenewed {
			r.renewed++
		}
	}
	for _, i := range s.Current {
		r.newest = max(r.newest, i.N)
	}
	if r.strike != nil {
		r.strike.see(s)
	}
	return balanced(s)
}

// wait takes snapshots until one is as it should be, for so long at most.
func (r *run) wait(within time.Duration, cond func(*sim.Snapshot) bool) (ok bool, err error) {
	for until := r.last.At + within; !cond(r.last); {
		if r.last.At > until {
			return false, nil
		}
		if err := r.next(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// do sends a command, and again as long as the source isn't ready for it.
// refused is its reason not to; any other error ends the run, say because the
// machine is short of memory.
func (r *run) do(c sim.Command) (refused, err error) {
	for since := r.last.At; ; {
		err := r.src.Do(c)
		switch {
		case err == nil:
			return nil, nil
		case errors.Is(err, sim.ErrUnsupported):
			return err, nil
		case !errors.Is(err, sim.ErrNotSteady) && !errors.Is(err, sim.ErrDown):
			return nil, err
		case r.last.At-since >= patience:
			return err, nil
		}
		if err := r.next(); err != nil {
			return nil, err
		}
	}
}

// balanced holds the books to their promises: every request that was sent is
// accounted for once, and every one that was lost too.
func balanced(s *sim.Snapshot) error {
	for m := range sim.NModels {
		if q := s.Model[m].Requests; q.Sent != q.OK+q.Failed()+q.InFlight {
			return fmt.Errorf("a mistake in the books of %s at %v: %d sent, and %d ok, %d failed, %d in flight",
				m, s.At, q.Sent, q.OK, q.Failed(), q.InFlight)
		}
	}
	for _, i := range s.Current {
		if c := i.Collateral(); c < 0 || i.Carriers < 0 || i.Lost != i.Carriers+c || i.Reset+i.Refused+i.Errors > i.Lost {
			return fmt.Errorf("a mistake in the books of %s, %s at %v: %d lost, %d carriers, %d cut off, %d refused, %d errors",
				i.Model, i.Fault, i.At, i.Lost, i.Carriers, i.Reset, i.Refused, i.Errors)
		}
	}
	return nil
}
