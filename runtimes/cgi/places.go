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
	p.leave(<-turn) // given in the same moment
	return 0, ctx.Err()
}

// pick takes the first place that is empty for long enough, or the one that is
// empty for longest.
func (p *places) pick() int {
	now, best := time.Now(), -1
	for i, s := range p.slots {
		if s.taken {
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
	p.slots[best].taken = true
	p.free--
	return best
}

// leave gives the place back: to the first in the queue, if there is one.
func (p *places) leave(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		p.waiting[0] <- i
		p.waiting = p.waiting[1:]
		p.onQueue(len(p.waiting))
		return
	}
	p.slots[i] = slot{left: time.Now()}
	p.free++
}
