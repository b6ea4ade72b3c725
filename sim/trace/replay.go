package trace

import (
	"fmt"
	"reflect"
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
	pass   bool // the mark that comes next does not stop it
	jumped bool // what is shown next does not follow what was shown
	shown  int  // the last moment that was shown, -1: none
	closed bool
}

// Options are how a recording is played.
type Options struct {
	// Stops: it stands still before each mark, until Pause or a Jump: a speaker may
	// have more to say of a step than the recording has.
	Stops bool
	// From is the mark to begin with; "", or one that there is not: the first moment.
	From string
}

// Play plays a recording.
func Play(t *Trace, o Options) *Replay {
	r := &Replay{t: t, o: o, out: make(chan *sim.Snapshot), quit: make(chan struct{}), done: make(chan struct{}), kick: make(chan struct{}, 1), shown: -1}
	if at, err := r.target(&sim.Jump{Mark: o.From}); err == nil && o.From != "" {
		r.at, r.jumped = at, true
	}
	go r.run()
	return r
}

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

// keepEvents is how many events are told of after a jump.
const keepEvents = 200

// show is the moment at hand, labelled. Read has decoded it once: it can be.
func (r *Replay) show(seq uint64) *sim.Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	snap, err := r.t.snapshot(r.at)
	if err != nil || snap == nil {
		snap = &sim.Snapshot{}
	}
	switch {
	case r.jumped:
		snap.Events = r.t.eventsUpTo(r.at)
	case r.shown == r.at:
		snap.Events = nil // they have been told
	}
	tame(reflect.ValueOf(snap).Elem())
	snap.Kind, snap.Seq = sim.Replay, seq
	snap.Played = &sim.Played{At: r.t.lines[r.at].at, Length: r.t.Length(), Paused: r.paused, Where: r.t.Where(), Jumped: r.jumped}
	r.shown, r.jumped = r.at, false
	for _, m := range r.t.marks {
		if m.at <= r.at {
			snap.Played.Mark = m.name
		}
	}
	return snap
}

// eventsUpTo are the last ones up to a moment, oldest first.
func (t *Trace) eventsUpTo(at int) (events []sim.Event) {
	for i := at; i >= 0 && len(events) < keepEvents; i-- {
		events = append(slices.Clone(t.lines[i].events), events...)
	}
	return events
}

// marked: a mark is at that moment.
func (t *Trace) marked(at int) bool {
	return slices.ContainsFunc(t.marks, func(m mark) bool { return m.at == at })
}

// forward goes to the next moment, unless it is paused or at the end.
func (r *Replay) forward() {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.paused:
	case r.at+1 == len(r.t.lines), r.o.Stops && r.t.marked(r.at+1) && !r.pass:
		r.paused = true
	default:
		r.at, r.pass = r.at+1, false
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
			r.at, r.jumped = 0, true // once more
		}
		r.paused, r.pass = !r.paused, r.paused && r.t.marked(r.at+1)
	case c.Jump != nil:
		at, err := r.target(c.Jump)
		if err != nil {
			return err
		}
		r.at, r.pass, r.jumped = at, false, true
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
			if lines[i].opens() {
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
