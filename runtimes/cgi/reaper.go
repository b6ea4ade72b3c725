package cgi

import (
	"sync"
	"syscall"
	"time"
)

// reaper is the one place of this process that waits for children.
//
//	call ── begin ── start ── started(pid) ──> child ── wait ──> status
//	                                             ^
//	sweep, wait4(-1) ──── pid, status ───────────┘
//	    └─ a pid that no call has: an orphan that came to us as subreaper
//
// A call waits for its child itself when the output has ended, which is when
// nearly all children end: a thread that blocked in wait4(-1) instead would
// be woken for each of them, only to wake the call. The sweep is for those who
// end while somebody else holds their output, and for orphans.
//
// The sweep may find a child that is dead before its call knows its number. So
// a status that belongs to nobody is kept as long as a start that had begun by
// then may still claim it; then it was an orphan's.
type reaper struct {
	mu       sync.Mutex
	children map[int]*child
	begun    uint64              // starts begun so far; the number of each is its ticket
	open     map[uint64]struct{} // tickets of the starts that go on
	early    map[int]earlyEnd
	closing  bool
	none     bool          // the kernel knows no child of ours
	wake     chan struct{} // holds one token: there may be children again
}

type earlyEnd struct {
	status syscall.WaitStatus
	begun  uint64 // reaper.begun at that time
}

// child is a call's process until it has been waited for.
type child struct {
	pid    int
	done   chan struct{} // closed once status is valid
	status syscall.WaitStatus
	onEnd  func() // called under the reaper's lock; must not block
	killed bool   // by us: no surprise
	r      *reaper
}

func newReaper() *reaper {
	r := &reaper{children: map[int]*child{}, open: map[uint64]struct{}{}, early: map[int]earlyEnd{},
		none: true, wake: make(chan struct{}, 1)}
	go r.sweep() // lives as long as the process
	return r
}

// begin announces a start, so that the end of what it starts is not taken for
// an orphan's.
func (r *reaper) begin() (ticket uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	r.open[r.begun] = struct{}{}
	return r.begun
}

// started ends what begin announced, for a start that failed with pid 0.
func (r *reaper) started(ticket uint64, pid int, onEnd func()) *child {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &child{pid: pid, done: make(chan struct{}), onEnd: onEnd, r: r}
	if pid > 0 {
		r.none = false
		select {
		case r.wake <- struct{}{}:
		default:
		}
		if e, ok := r.early[pid]; ok {
			delete(r.early, pid)
			c.end(e.status)
		} else {
			r.children[pid] = c
			if r.closing {
				c.killGroup()
			}
		}
	}
	delete(r.open, ticket)
	oldest := r.begun + 1
	for t := range r.open {
		oldest = min(oldest, t)
	}
	for pid, e := range r.early {
		if e.begun < oldest {
			delete(r.early, pid)
		}
	}
	return c
}

// sweepPause is how late the end of a call may be noticed that left its output
// to somebody else.
const sweepPause = 20 * time.Millisecond

func (r *reaper) sweep() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, waitAll|syscall.WNOHANG, nil)
		switch {
		case err == nil && pid > 0:
			r.ended(pid, status)
		case err == syscall.EINTR:
		case err == nil || !r.idle():
			time.Sleep(sweepPause)
		default: // ECHILD: no child, and so no descendant at all, since orphans come to us
			<-r.wake
		}
	}
}

// idle notes that the kernel knows no child of ours, if no call has one either.
func (r *reaper) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.none = len(r.children) == 0
	return r.none
}

// ended hands a status to the child's call.
func (r *reaper) ended(pid int, status syscall.WaitStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.children[pid]; c != nil {
		delete(r.children, pid)
		c.end(status)
	} else if len(r.open) > 0 {
		r.early[pid] = earlyEnd{status, r.begun}
	}
}

// wait returns when the child has been waited for, by whomever.
func (c *child) wait() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(c.pid, &status, waitAll, nil)
		if err == syscall.EINTR {
			continue
		}
		if err == nil && pid == c.pid {
			c.r.ended(pid, status)
		}
		break // ECHILD: the sweep was first
	}
	<-c.done
}

func (c *child) end(status syscall.WaitStatus) {
	c.status = status
	close(c.done)
	if c.onEnd != nil {
		c.onEnd()
	}
}

// notify has f called at the child's end, in place of who was told before.
func (c *child) notify(f func()) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.onEnd = f
	select {
	case <-c.done:
		if f != nil {
			f()
		}
	default:
	}
}

// kill ends the process and its group, if it hasn't ended already.
func (c *child) kill() {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if c.r.children[c.pid] == c {
		c.killGroup()
	}
}

// wasKilled reports whether it was killed from here.
func (c *child) wasKilled() bool {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	return c.killed
}

func (c *child) killGroup() {
	c.killed = true
	syscall.Kill(-c.pid, syscall.SIGKILL)
}

// killRest ends what the process left of its group. The group keeps its number
// as long as it has a member, so this can't hit another's, unless every number
// of the machine was used since the process was waited for.
func (c *child) killRest() { syscall.Kill(-c.pid, syscall.SIGKILL) }

// close kills all calls and all orphans, and reports whether they were gone
// in time. Calls that start later are killed at once.
func (r *reaper) close(patience time.Duration) bool {
	r.mu.Lock()
	r.closing = true
	for _, c := range r.children {
		c.killGroup()
	}
	r.mu.Unlock()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		gone := r.none && len(r.open) == 0
		r.mu.Unlock()
		if gone || time.Now().After(end) {
			return gone
		}
		killOrphans()
	}
}
