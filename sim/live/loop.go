package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"forklore/runtimes"
	"forklore/runtimes/board"
	"forklore/runtimes/spawn"
	"forklore/sim"
	"forklore/sim/fault"
	"forklore/sim/ledger"
	"forklore/sim/traffic"
)

// loopState belongs to the loop alone.
type loopState struct {
	house   *runtimes.House
	begun   time.Time // of the lab
	served  time.Time // of the traffic: the zero of all times; zero until all models serve
	models  [sim.NModels]modelState
	toStart int // models that haven't said whether they serve

	generator    *traffic.Generator
	targets      int // models that it sends to
	stopTraffic  context.CancelFunc
	trafficEnded chan struct{}
	paused       bool
	stopped      bool

	tape       tape
	injections int
	calledOff  int    // injections up to this one have been undone
	mode       string // of the container
	weight     string
	armed      *armed
	turns      []turn
	active     []*injected
	renewal    *renewal
	host       host
	broken     bool // the books have not added up once
	events     []sim.Event
	seq        uint64
	self       self
	watchers   sync.WaitGroup // of refilling pools and backends; they read boards and sockets
}

type modelState struct {
	state     sim.State // Off, Unavailable, Starting; else it follows from the rest
	why       string
	rt        *runtimes.Runtime
	book      *ledger.Book
	meter     *traffic.Meter
	starts    *durations
	warm      *durations // the container's, as sim.ModelState has them
	calls     *durations
	destroys  *durations
	upSince   time.Time
	slots     map[int]int // pid to slot, of the last snapshot
	dead      []deadSlot
	awaiting  bool          // a reset has ended it; what dies now is not news
	backend   backendFaults // what is done to its backend just now
	releasing bool          // an undone fault may still hold some of its workers
	watched   bool          // somebody waits for its pool to be full again
	told      map[int]bool  // incidents by their time, in ms: open and told of
	base      base
}

// base is what a model's figures were at the last reset, where they can't be
// set back at their source.
type base struct {
	cpu      time.Duration
	oomKills uint64
	peak     int64 // since the reset, as far as it was seen
	reset    bool
}

// deadSlot shows an X where a process died.
type deadSlot struct {
	slot  int
	pid   int
	until time.Time
}

// showDead is how long a dead process is seen.
const showDead = 500 * time.Millisecond

// at is a time of the run.
func (l *Lab) at(t time.Time) time.Duration {
	if l.served.IsZero() {
		return 0
	}
	return max(t.Sub(l.served), 0)
}

func (l *Lab) loop(ctx context.Context) {
	defer close(l.done)
	defer close(l.snapshots)
	defer l.watchers.Wait()
	defer l.endTraffic()
	defer l.endFaults()
	tick := time.NewTicker(sim.Interval)
	defer tick.Stop()
	refilled := make(chan happening)
	l.deliver(l.snapshot(time.Now())) // something to look at while the models start
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-l.started:
			l.modelStarted(ctx, s)
		case h := <-l.happened:
			l.drain()
			l.handle(ctx, h, refilled)
		case e := <-l.house.Backend():
			l.backendEvent(e)
		case p := <-l.proofs:
			p.book.Prove(p.n, p.text)
		case h := <-refilled:
			l.models[h.model].watched = false
			l.models[h.model].book.Refilled(l.at(h.At))
		case r := <-l.commands:
			l.drain()
			r.done <- l.do(r.cmd)
		case now := <-tick.C:
			l.drain()
			l.tick(now)
			l.deliver(l.snapshot(now))
		}
	}
}

// backendEvent tells of a backend's death, which concerns the whole lab unless it
// is a fault of the lab's own, and of its return.
func (l *Lab) backendEvent(e runtimes.Event) {
	m, _ := sim.ParseModel(e.Model)
	how := "its backend: " + spawn.String(e.Status)
	switch {
	case e.What == runtimes.Died && e.ByLab:
		l.event(m, sim.EventSaid, e.Pid, how+", by the lab; who asks it is turned away")
	case e.What == runtimes.Died:
		l.event(sim.NModels, sim.EventDied, e.Pid, e.Model+": "+how+"; who asks it waits")
	default:
		l.event(m, sim.EventSaid, e.Pid, "its backend is up again")
	}
}

// modelStarted takes note of a model that serves, or can't.
func (l *Lab) modelStarted(ctx context.Context, s launched) {
	m := &l.models[s.model]
	l.toStart--
	switch {
	case errors.Is(s.err, runtimes.ErrUnavailable):
		m.state, m.why = sim.Unavailable, s.err.Error()
		l.event(s.model, sim.EventProblem, 0, s.err.Error())
	case s.err != nil:
		m.state, m.why = sim.Unavailable, s.err.Error()
		l.event(s.model, sim.EventProblem, 0, s.err.Error())
		slog.Error("start", "model", s.model, "err", s.err)
	default:
		m.rt, m.upSince, m.state = s.rt, time.Now(), ""
		l.event(s.model, sim.EventReady, s.rt.Top(), s.rt.Addr())
		go func() { // ends with the lab
			for {
				select {
				case e := <-s.rt.Events():
					select {
					case l.happened <- happening{s.model, e}:
					case <-ctx.Done():
						return
					}
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	if l.toStart == 0 {
		l.served = time.Now()
		if !l.stopped {
			l.startTraffic()
		}
	}
}

// drain takes in what the traffic has seen since it was last called, in the
// order in which it happened: what was in flight when a fault struck is told
// from it.
func (l *Lab) drain() {
	l.inbox.Lock()
	arrivals, results, retries := l.inbox.arrivals, l.inbox.results, l.inbox.retries
	l.inbox.arrivals, l.inbox.results, l.inbox.retries = nil, nil, nil
	if n := len(arrivals); n > 0 && arrivals[n-1].asked < l.targets {
		// The newest is still on its way to some models. It waits, with
		// whatever has already become of it, for the next time.
		newest := arrivals[n-1]
		arrivals = arrivals[:n-1]
		l.inbox.arrivals = append(l.inbox.arrivals, newest)
		results = slices.DeleteFunc(results, func(r traffic.Result) bool {
			if r.ID == newest.id {
				l.inbox.results = append(l.inbox.results, r)
			}
			return r.ID == newest.id
		})
	}
	l.inbox.Unlock()
	slices.SortStableFunc(results, func(a, b traffic.Result) int { return a.End.Compare(b.End) })
	slices.SortStableFunc(retries, func(a, b retry) int { return a.at.Compare(b.at) })
	for len(arrivals)+len(retries)+len(results) > 0 {
		switch {
		case len(arrivals) > 0 && (len(retries) == 0 || !retries[0].at.Before(arrivals[0].at)) && (len(results) == 0 || !results[0].End.Before(arrivals[0].at)):
			l.arrived(&arrivals[0])
			arrivals = arrivals[1:]
		case len(retries) > 0 && (len(results) == 0 || !results[0].End.Before(retries[0].at)):
			l.models[retries[0].model].book.Retried(retries[0].id, l.at(retries[0].at))
			retries = retries[1:]
		default:
			l.ended(&results[0])
			results = results[1:]
		}
	}
}

// arrived books an arrival in every model that it was sent to.
func (l *Lab) arrived(a *arrival) {
	l.tape.open(a.id)
	for m := range sim.NModels {
		s := &l.models[m]
		if s.rt == nil || !a.sent.Has(m) {
			continue
		}
		at := l.at(a.at)
		s.book.Sent(a.id, at)
		l.tape.set(m, a.id, sim.CellOpen)
		if c := a.carries[m]; c.Fault != "" {
			l.carried(m, a.id, at, c)
		}
	}
}

// ended books one result.
func (l *Lab) ended(r *traffic.Result) {
	m := sim.Model(r.Model)
	s := &l.models[m]
	s.meter.Add(r)
	if r.Outcome == traffic.Local {
		if c := s.book.Local(r.ID); c.Fault != "" {
			l.again(m, c)
		}
		l.tape.set(m, r.ID, sim.CellNone)
		return
	}
	q := ledger.Request{ID: r.ID, Sent: l.at(r.Sent), End: l.at(r.End), Latency: r.Latency(),
		Outcome: outcomes[r.Outcome], Status: r.Status, Wrong: r.Wrong()}
	if !r.Opened.IsZero() {
		q.Opened = max(l.at(r.Opened), 1)
	}
	late := s.book.Late(q.Latency)
	s.book.Ended(q)
	l.tape.set(m, r.ID, l.fate(m, r, late))
}

// again has one more request carry what killed nobody, or one more process killed,
// if it was to kill and has not been undone since: a key that was pressed does
// something.
func (l *Lab) again(m sim.Model, c ledger.Carrier) bool {
	kind, _ := fault.Find(c.Fault)
	if c.Fault == sim.FaultKill {
		for _, x := range l.active {
			if x.n == c.N {
				x.missed[m]++
				return true
			}
		}
	}
	if !kind.Kills || c.N <= l.calledOff {
		return false
	}
	l.plan.Again(c.N, kind, kind.StepN(1, l.cfg.Spec.MemoryBytes), m)
	return true
}

var outcomes = [...]ledger.Outcome{traffic.OK: ledger.OK, traffic.ErrorStatus: ledger.ErrorStatus,
	traffic.Reset: ledger.Reset, traffic.Refused: ledger.Refused, traffic.Timeout: ledger.Timeout}

func (l *Lab) fate(m sim.Model, r *traffic.Result, late bool) sim.Cell {
	if l.models[m].book.OwnFault(r.ID) {
		return sim.CellFault
	}
	switch r.Outcome {
	case traffic.ErrorStatus:
		return sim.CellError
	case traffic.Reset:
		return sim.CellReset
	case traffic.Refused:
		return sim.CellRefused
	case traffic.Timeout:
		return sim.CellTimeout
	}
	switch {
	case r.Wrong():
		return sim.CellWrong
	case late:
		return sim.CellLate
	case r.Faults != 0:
		return sim.CellLeak
	}
	return sim.CellOK
}

// handle takes in what a runtime has to tell.
func (l *Lab) handle(ctx context.Context, h happening, refilled chan<- happening) {
	m := &l.models[h.model]
	switch h.What {
	case runtimes.Ready:
		if h.At.Before(m.upSince) {
			return // the first one: modelStarted knows
		}
		m.upSince = h.At
		l.plan.Renewed(h.model)
		if m.awaiting {
			m.awaiting, m.state = false, ""
			l.resume()
			return
		}
		m.book.Listening(l.at(h.At))
		m.book.Refilled(l.at(h.At))
		l.event(h.model, sim.EventRestart, h.Pid, "")
	case runtimes.Said:
		slog.Info("said", "model", h.model, "text", h.Text)
		l.event(h.model, sim.EventSaid, 0, h.Text)
		if m.awaiting && h.Failed { // the others needn't wait for it
			m.awaiting, m.state, m.why = false, "", h.Text
			l.resume()
		}
	case runtimes.Died:
		if m.awaiting {
			return
		}
		l.died(h)
		if h.model == sim.Prefork && !h.Top && !m.watched {
			m.watched = true
			l.watchers.Go(func() { watchPool(ctx, m.rt, l.cfg.Spec.Workers, refilled) })
		}
	}
}

func (l *Lab) died(h happening) {
	m := &l.models[h.model]
	how := spawn.String(h.Status)
	if h.Hung { // its model did that by itself: no incident, its request is unattributed
		l.event(h.model, sim.EventDied, h.Pid, how+", by its parent: it took too long")
		return
	}
	d := ledger.Death{At: l.at(h.At), UpSince: l.at(m.upSince), Pid: h.Pid, Proof: how,
		OOMKills: h.OOMKills, Listener: h.Listener}
	if h.Status.Signaled() {
		d.Signal = int(h.Status.Signal())
	}
	for _, held := range h.Held {
		d.Held = append(d.Held, ledger.Held{ID: held.Request, Executing: held.Executing, Reused: held.Reused})
	}
	for _, id := range m.book.Died(d) {
		l.tape.set(h.model, id, sim.CellFault)
	}
	if h.OOMKills > 0 {
		how += ", out of memory"
	}
	slog.Info("died", "model", h.model, "pid", h.Pid, "how", how, "held", len(h.Held))
	l.event(h.model, sim.EventDied, h.Pid, how)
	if slot, ok := m.slots[h.Pid]; ok {
		m.dead = append(m.dead, deadSlot{slot, h.Pid, time.Now().Add(showDead)})
	}
	if h.Top {
		m.why = how
	}
}

// watchPool tells since when every worker is there again.
func watchPool(ctx context.Context, rt *runtimes.Runtime, workers int, refilled chan<- happening) {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	since := poolFull(rt.Board(), workers)
	for ; since == 0; since = poolFull(rt.Board(), workers) {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
	select {
	case refilled <- happening{sim.Prefork, runtimes.Event{At: runtimes.Time(since)}}:
	case <-ctx.Done():
	}
}

// poolFull is since when every worker is alive and has started up, by
// role.Nanotime; 0: not all are.
func poolFull(b *board.Board, workers int) (since int64) {
	ready := 0
	for i := range b.Row {
		r := &b.Row[i]
		if s := r.State.Load(); r.Pid.Load() != 0 && r.Flags.Load()&board.Dead == 0 && s != board.Starting && s != board.Empty {
			ready++
			since = max(since, r.ReadyNS.Load())
		}
	}
	if ready < workers {
		return 0
	}
	return since
}

// pressed: a fault presses on the machine, or has left something that does.
func (l *Lab) pressed() bool {
	presses := func(f sim.Fault) bool {
		kind, _ := fault.Find(f)
		return kind.Presses
	}
	for _, x := range l.active {
		if x.kind.Presses {
			return true
		}
	}
	for m := range sim.NModels {
		if l.models[m].book != nil && l.models[m].book.Suffers(presses) {
			return true
		}
	}
	return len(l.turns) > 0
}

// tick lets time pass for the books and the faults.
func (l *Lab) tick(now time.Time) {
	if l.served.IsZero() {
		return
	}
	at, pressed := l.at(now), l.pressed()
	for m := range sim.NModels {
		s := &l.models[m]
		if s.rt == nil {
			continue
		}
		s.rt.Starts(s.starts.add)
		b, f := s.rt.Board(), s.rt.Memory()
		if m == sim.Container {
			s.rt.Sandboxes(s.warm.add, s.calls.add, s.destroys.add)
		}
		missed := s.book.Tick(at, ledger.Vital{
			Up: l.whole(m), Paused: l.paused || l.stopped || l.renewal != nil, MemoryBytes: f.MemoryBytes, CPU: f.CPU,
			Procs:   int(b.Started.Load() - min(b.Ended.Load(), b.Started.Load())),
			Started: b.Started.Load(), Queue: int(b.QueueNow.Load()), LagMS: lagNow(s.rt), Pressed: pressed,
		})
		l.tellIncidents(m)
		l.release(m)
		for _, c := range missed {
			if l.again(m, c) {
				l.event(m, sim.EventSaid, 0, "the "+string(c.Fault)+" killed nobody; the next one will")
			}
		}
		if err := s.book.Check(); err != nil && !l.broken {
			l.broken = true
			slog.Error("the books don't add up", "model", m, "err", err)
			l.event(m, sim.EventBroken, 0, "the books don't add up: "+err.Error())
		}
	}
	for _, x := range l.active {
		l.tend(x)
	}
	l.faultsDue(now)
	l.renew(now)
}

// tellIncidents makes events of incidents that have opened or closed.
func (l *Lab) tellIncidents(m sim.Model) {
	s := &l.models[m]
	for _, i := range s.book.Incidents() {
		key := int(i.At.Milliseconds())
		open, known := s.told[key]
		switch {
		case i.Open() && !open:
			l.event(m, sim.EventOpened, i.Pid, string(i.Fault))
		case !i.Open() && (open || !known):
			l.event(m, sim.EventClosed, i.Pid, fmt.Sprintf("%s: lost %d, of them %d others", i.Fault, i.Lost, i.Collateral()))
		}
		if s.told == nil {
			s.told = map[int]bool{}
		}
		s.told[key] = i.Open()
	}
}

// whole: someone listens, and every process that should be there is.
func (l *Lab) whole(m sim.Model) bool {
	rt := l.models[m].rt
	if rt == nil || rt.Top() == 0 {
		return false
	}
	return m != sim.Prefork || poolFull(rt.Board(), l.cfg.Spec.Workers) != 0
}

// event puts a rare happening into the next snapshot.
func (l *Lab) event(m sim.Model, what sim.EventKind, pid int, text string) {
	const most = 1000 // a storm of deaths between two snapshots
	if len(l.events) < most {
		l.events = append(l.events, sim.Event{At: l.at(time.Now()), Model: m, What: what, Pid: pid, Text: text})
	}
}

// deliver replaces the snapshot that nobody has read yet, but keeps its events.
func (l *Lab) deliver(s *sim.Snapshot) {
	select {
	case old := <-l.snapshots:
		s.Events = append(old.Events[:len(old.Events):len(old.Events)], s.Events...)
		if n := len(s.Events) - 10_000; n > 0 {
			s.Events = s.Events[n:]
		}
	default:
	}
	l.snapshots <- s
}
