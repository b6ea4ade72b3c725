package trace

import (
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"forklore/sim"
)

// Replay is a source that shows a recording: as fast as it was, paused, from
// any moment. What was done then can't be changed any more.
type Replay struct {
	t    *Trace
	o    Options
	out  chan *sim.Snapshot
	quit chan struct{}
	done chan struct{}
	kick chan struct{} // a command: show where it is now

	mu     sync.Mutex
	at     int // the moment that is shown
	paused bool
	pass   bool // the next mark does not stop it
	closed bool
}

// Options are how a recording is played.
type Options struct {
	// Stops: it stands still before each mark, until Pause or a Jump: a speaker may
	// have more to say of a step than the recording has.
	Stops bool
}

// Play plays a recording, from its first moment.
func Play(t *Trace, o Options) *Replay {
	r := &Replay{t: t, o: o, out: make(chan *sim.Snapshot), quit: make(chan struct{}), done: make(chan struct{}), kick: make(chan struct{}, 1)}
	go r.run()
	return r
}

// Trace is what is played.
func (r *Replay) Trace() *Trace { return r.t }

// Snapshots implements sim.Source. A reader that is late makes the recording
// late, and misses nothing.
func (r *Replay) Snapshots() <-chan *sim.Snapshot { return r.out }

func (r *Replay) run() {
	defer close(r.done)
	defer close(r.out)
	tick := time.NewTicker(sim.Interval)
	defer tick.Stop()
	for seq := uint64(1); ; seq++ {
		snap := r.show(seq)
		select {
		case r.out <- snap:
		case <-r.quit:
			return
		}
		select {
		case <-tick.C:
			r.forward()
		case <-r.kick:
		case <-r.quit:
			return
		}
	}
}

// show is the moment at hand, labelled. One that can't be read shows the one
// before, for Read has seen that it is JSON.
func (r *Replay) show(seq uint64) *sim.Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	snap, err := r.t.snapshot(r.at)
	if err != nil || snap == nil {
		snap = &sim.Snapshot{}
	}
	snap.Kind, snap.Seq = sim.Replay, seq
	snap.Played = &sim.Played{At: r.t.lines[r.at].at, Length: r.t.Length(), Paused: r.paused, Of: r.t.Kind, Where: r.t.Where()}
	for _, m := range r.t.marks {
		if m.at <= r.at {
			snap.Played.Mark = m.name
		}
	}
	return snap
}

// forward goes to the next moment, unless it is paused or at the end.
func (r *Replay) forward() {
	r.mu.Lock()
	defer r.mu.Unlock()
	marked := slices.ContainsFunc(r.t.marks, func(m mark) bool { return m.at == r.at+1 })
	switch {
	case r.paused:
	case r.at+1 == len(r.t.lines), r.o.Stops && marked && !r.pass:
		r.paused = true
	default:
		r.at++
		r.pass = r.pass && !marked
	}
}

// Do implements sim.Source: Pause and Jump; nothing else can be done to what is
// past.
func (r *Replay) Do(c sim.Command) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return sim.ErrClosed
	case c.Pause:
		if r.paused && r.at == len(r.t.lines)-1 {
			r.at = 0 // once more
		}
		r.paused, r.pass = !r.paused, r.paused
	case c.Jump != nil:
		at, err := r.target(c.Jump)
		if err != nil {
			return err
		}
		r.at, r.pass = at, false
		if c.Jump.Mark != "" { // the next step is asked for
			r.paused = false
		}
	default:
		return fmt.Errorf("a recording: %w", sim.ErrUnsupported)
	}
	select {
	case r.kick <- struct{}{}:
	default:
	}
	return nil
}

// target is where a jump leads to.
func (r *Replay) target(j *sim.Jump) (int, error) {
	lines := r.t.lines
	switch {
	case j.Mark != "":
		i := slices.IndexFunc(r.t.marks, func(m mark) bool { return m.name == j.Mark })
		if i < 0 {
			return 0, fmt.Errorf("the recording has no %q: %w", j.Mark, sim.ErrUnsupported)
		}
		return r.t.marks[i].at, nil
	case j.Moments != 0:
		return min(max(r.at+j.Moments, 0), len(lines)-1), nil
	case j.Incidents != 0:
		step := 1
		if j.Incidents < 0 {
			step = -1
		}
		for i := r.at + step; i >= 0 && i < len(lines); i += step {
			if lines[i].opened {
				return i, nil
			}
		}
		return 0, fmt.Errorf("the recording has no more incidents that way: %w", sim.ErrUnsupported)
	}
	to := lines[r.at].at + j.By
	i := sort.Search(len(lines), func(i int) bool { return lines[i].at >= to })
	return min(i, len(lines)-1), nil
}

// Close implements sim.Source.
func (r *Replay) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.quit)
	}
	r.mu.Unlock()
	<-r.done
	return nil
}
