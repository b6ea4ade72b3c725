package cgi

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrTooBusy means that all places and the whole queue are taken.
var ErrTooBusy = errors.New("too many calls at once")

// places bounds the calls at once. Who comes when all are taken waits in a
// queue, first come first served, and who finds the queue full is sent away.
type places struct {
	mu      sync.Mutex
	slots   []slot
	free    int
	waiting []chan int // each of size 1: a place may be given to who has just left
	most    int        // of waiting
	onQueue func(now int)
}

type slot struct {
	taken bool
	kept  bool // it isn't, and a process waits there for a call
	left  time.Time
}

// cool is how long a place stays empty after a call, if there are others: a
// screen that shows the dead for half a second can do so.
const cool = 500 * time.Millisecond

func newPlaces(calls, queue int, onQueue func(int)) *places {
	return &places{slots: make([]slot, calls), free: calls, most: queue, onQueue: onQueue}
}

// take waits for a place and returns its number.
func (p *places) take(ctx context.Context) (int, error) {
	p.mu.Lock()
	if p.free > 0 {
		defer p.mu.Unlock()
		return p.pick(), nil
	}
	if len(p.waiting) >= p.most {
		p.mu.Unlock()
		return 0, ErrTooBusy
	}
	turn := make(chan int, 1)
	p.waiting = append(p.waiting, turn)
	p.onQueue(len(p.waiting))
	p.mu.Unlock()

	select {
	case i := <-turn:
		return i, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			p.onQueue(len(p.waiting))
			p.mu.Unlock()
			return 0, ctx.Err()
		}
	}
	p.mu.Unlock()
	i := <-turn // given in the same moment
	p.leave(i, p.kept(i))
	return 0, ctx.Err()
}

// pick takes a place where a process waits: the one whose last call was last,
// so that those that aren't needed come to rest. Else an empty one.
func (p *places) pick() int {
	best := -1
	for i, s := range p.slots {
		if s.kept && !s.taken && (best < 0 || s.left.After(p.slots[best].left)) {
			best = i
		}
	}
	if best < 0 {
		best = p.empty()
	}
	p.hold(best)
	return best
}

func (p *places) hold(i int) {
	p.slots[i] = slot{taken: true}
	p.free--
}

// empty is the first place that is empty for long enough, or the one that is
// empty for longest, -1 if none is.
func (p *places) empty() int {
	now, best := time.Now(), -1
	for i, s := range p.slots {
		if s.taken || s.kept {
			continue
		}
		if now.Sub(s.left) >= cool {
			best = i
			break
		}
		if best < 0 || s.left.Before(p.slots[best].left) {
			best = i
		}
	}
	return best
}

// reserve takes an empty place for a process that is to wait there.
func (p *places) reserve() (i int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i = p.empty(); i < 0 || len(p.waiting) > 0 {
		return -1, false
	}
	p.hold(i)
	return i, true
}

// claim takes the place of a process that waits, unless a call has it.
func (p *places) claim(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.slots[i].kept || p.slots[i].taken {
		return false
	}
	p.hold(i)
	return true
}

// kept reports whether a process waits in a place that was handed on.
func (p *places) kept(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots[i].kept
}

// leave gives the place back, with or without a process that waits there: to
// the first in the queue, if there is one.
func (p *places) leave(i int, kept bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		p.slots[i].kept = kept
		p.waiting[0] <- i
		p.waiting = p.waiting[1:]
		p.onQueue(len(p.waiting))
		return
	}
	p.slots[i] = slot{kept: kept, left: time.Now()}
	p.free++
}
