package live

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"forklore/sim"
	"forklore/sim/ledger"
)

// backendFaults are the injections that are at work in a model's backend. A fault
// that was armed strikes in the end also while another is at work: what is undone
// of one must leave the other's.
type backendFaults struct {
	slow map[int]time.Duration // by so much, each
	dead map[int]bool
}

// slowBackend has the model's backend take so much longer.
func (l *Lab) slowBackend(x *injected, m sim.Model, by time.Duration) error {
	x.undo = append(x.undo, func(early bool) {
		l.complain(l.holdAnswers(x, m, 0))
		if early && len(l.models[m].backend.slow) == 0 { // by its time, it leaves what it has held up
			l.complain(l.house.LetGo(m.String()))
		}
	})
	if err := l.holdAnswers(x, m, by); err != nil {
		return err
	}
	l.probe(x, m, by)
	return nil
}

// holdAnswers is what one injection asks for, 0 for nothing any more. The backend
// is as slow as the slowest of them.
func (l *Lab) holdAnswers(x *injected, m sim.Model, by time.Duration) error {
	b := &l.models[m].backend
	delete(b.slow, x.n)
	if by > 0 {
		if b.slow == nil {
			b.slow = map[int]time.Duration{}
		}
		b.slow[x.n] = by
	}
	most := time.Duration(0)
	for _, other := range b.slow {
		most = max(most, other)
	}
	return l.house.SlowBackend(m.String(), most)
}

// deadBackend kills the model's backend, which is revived when no fault wants it
// dead any more.
func (l *Lab) deadBackend(x *injected, m sim.Model) error {
	b := &l.models[m].backend
	x.undo = append(x.undo, func(bool) {
		if delete(b.dead, x.n); len(b.dead) == 0 {
			l.complain(l.house.ReviveBackend(m.String()))
		}
	})
	if b.dead == nil {
		b.dead = map[int]bool{}
	}
	b.dead[x.n] = true
	if err := l.house.KillBackend(m.String()); err != nil {
		return err
	}
	l.probe(x, m, 0)
	return nil
}

// probe asks the model's backend, as the model does, and keeps what came of it
// as the proof.
func (l *Lab) probe(x *injected, m sim.Model, by time.Duration) {
	book := l.models[m].book // a reset begins another, and counts the injections anew
	l.watchers.Go(func() {   // ends with its time-out, or the loop
		time.Sleep(sim.Interval) // it learns by a line on its control socket what is asked of it
		took, err := l.house.ProbeBackend(l.ctx, m.String(), by+time.Second)
		text := fmt.Sprintf("a round trip to its backend took %.2f s", took.Seconds())
		var reason syscall.Errno
		switch {
		case err == nil && took < by: // by the undo
			text += ", then it was let go"
		case errors.As(err, &reason):
			text = "a round trip to its backend failed: " + reason.Error()
		case err != nil:
			text = "a round trip to its backend failed: " + err.Error()
		}
		select {
		case l.proofs <- proof{book, x.n, text}:
		case <-l.ctx.Done():
		}
	})
}

// proof is what was measured in the background.
type proof struct {
	book *ledger.Book
	n    int
	text string
}
