package runtimes

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/cage"
	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

// top is the role of each model's top process.
var top = map[string]string{
	CGI:       "cgi host",
	Prefork:   "prefork parent",
	EventLoop: "event loop",
	Container: "container host",
}

// loopRows is an event loop's 10,000 connections and the process itself.
const loopRows = 10_240 + 1

// Runtime is one model, kept alive.
type Runtime struct {
	Model   string
	house   *House
	cage    *cage.Cage
	board   *board.Board
	boardFD *os.File
	events  chan Event
	quit    chan struct{}
	restart chan bool // with its counts forgotten, or not
	done    chan struct{}

	proc     atomic.Pointer[spawn.Proc] // nil while it's down
	restarts atomic.Uint64
	mode     atomic.Value // string: the container's
	oomKills uint64       // seen so far; only the supervising goroutine uses it
	starts   uint64       // read so far from the board's ring
	seen     struct{ warm, calls, destroys uint64 }
}

// Event is something that happened to a runtime.
type Event struct {
	What EventKind
	At   time.Time
	// Of a death:
	Pid      int
	Status   syscall.WaitStatus
	OOMKills uint64 // by the kernel, in this runtime's cage, since the last death
	Held     []Held // the requests that died with it
	Top      bool   // it was the top process
	Listener bool   // and owned the listener: whatever was connected went with it
	Hung     bool   // its own parent ended it, for taking too long

	// Of a backend:
	Model string // whose
	ByLab bool   // it died of KillBackend

	Text   string
	Failed bool // it was to be started again, and couldn't be
}

// EventKind is what happened.
type EventKind int

// The kinds of events.
const (
	Ready EventKind = iota // it listens (again)
	Died
	Said
)

// Held is a request that a process held when it died.
type Held struct {
	Request   uint64
	Carries   bool // a fault
	Executing bool // and was at it
	Reused    bool // the process had served others before
}

// Start starts a model and returns when it serves. ErrUnavailable says that it
// can't here, and why.
func (h *House) Start(model string) (_ *Runtime, err error) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, errClosing
	}
	h.starts.Add(1)
	h.mu.Unlock()
	defer h.starts.Done()
	r := &Runtime{
		Model: model, house: h,
		// Deaths are rare; in a storm of them the supervisor waits for the reader.
		events: make(chan Event, 256), quit: make(chan struct{}), restart: make(chan bool, 1), done: make(chan struct{}),
	}
	r.mode.Store(cmp.Or(h.spec.Mode, Fresh))
	defer func() {
		if err != nil {
			r.release()
		}
	}()
	if r.boardFD, r.board, err = newBoard(model, r.rows()); err != nil {
		return nil, err
	}
	if r.cage, err = h.yard.New(model, cage.Limits{
		MemoryBytes: h.spec.MemoryBytes, Pids: h.spec.Pids, CPUWeight: cpuWeight,
	}, options(model)...); err != nil {
		return nil, err
	}
	r.cage.SetPids(r.Pids)
	proc, err := r.launch()
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.runtimes = append(h.runtimes, r)
	h.mu.Unlock()
	go r.supervise(proc)
	return r, nil
}

func options(model string) []cage.Option {
	if model == Container {
		return []cage.Option{cage.WithCalls()}
	}
	return nil
}

func (r *Runtime) sharedListener() bool {
	return sharesListener(r.Model, r.house.spec)
}

func (r *Runtime) rows() int {
	switch r.Model {
	case Prefork:
		return r.house.spec.Workers
	case EventLoop:
		return loopRows
	}
	return r.house.weighed(app.Weight{}).callsOf(r.Model) // the weight may change, the rows can't
}

// patience is how long a top process may take to serve: a monolith's weight
// for each of its workers, on a busy machine.
const patience = 20 * time.Second

// launch starts the top process and waits until it serves.
func (r *Runtime) launch() (*spawn.Proc, error) {
	env := append(r.house.settings(r.Model), "FORKLORE_PORT="+strconv.Itoa(r.house.ports[r.Model].number))
	var listeners []*os.File
	var mode string
	switch {
	case r.sharedListener():
		env, listeners = append(env, "FORKLORE_LISTENER=1"), []*os.File{r.house.ports[r.Model].socket}
	case r.Model == CGI && r.house.spec.Script != "":
		env = append(env, "FORKLORE_CGI="+r.house.spec.Script)
	case r.Model == Container:
		engine, err := EnginePath(r.house.spec.Engine)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		mode = r.mode.Load().(string)
		env = append(env, r.house.spec.sandboxSettings(mode)...)
		env = append(env, "FORKLORE_CGROUP="+r.cage.Env(),
			"FORKLORE_ENGINE="+engine, "FORKLORE_DIR="+r.house.folder.path,
			fmt.Sprintf("FORKLORE_CALL_MEM_BYTES=%d", r.house.spec.MemoryBytes/2),
			fmt.Sprintf("FORKLORE_CALL_PIDS=%d", min(64, r.house.spec.Pids/2)))
	}
	if r.Model == EventLoop || r.Model == Prefork {
		// One thread does the work, and Go's preemption signal would only
		// interrupt its system calls.
		env = append(env, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")
	}
	forked := role.Nanotime()
	p, err := spawn.Start(spawn.Cmd{
		Role: top[r.Model], Env: env, Board: r.boardFD, Listeners: listeners, Log: r.house.spec.Log,
		Leaf: r.Model == EventLoop, Launch: r.cage.Launch,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Model, err)
	}
	line, err := firstLine(p, patience, r.house.closing)
	if why, ok := strings.CutPrefix(line, "unavailable "); ok {
		p.Stop(time.Second)
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, why)
	}
	if err == nil && !strings.HasPrefix(line, "ready ") {
		err = fmt.Errorf("it said %q, not that it is ready", line)
	}
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("%s: %w", r.Model, err)
	}
	if r.Model == EventLoop {
		r.board.AddStart((role.Nanotime() - forked) / 1000)
	}
	r.proc.Store(p)
	if r.Model == Container && r.mode.Load() != mode { // it was changed meanwhile
		p.Tell("set MODE " + r.mode.Load().(string))
	}
	r.tell(Event{What: Ready, At: time.Now(), Pid: p.Pid})
	return p, nil
}

// supervise keeps the top process alive until stop. It is the only one that
// reads its lines, and ends when it has been waited for.
func (r *Runtime) supervise(p *spawn.Proc) {
	defer close(r.done)
	for {
		delay := time.Duration(0)
		switch why := r.follow(p); why {
		case stopped:
			r.proc.Store(nil)
			p.Stop(stopGrace)
			return
		case restarted, begun:
			r.proc.Store(nil)
			p.Stop(stopGrace)
			r.clear()
			if why == begun {
				r.board.Reset()
				r.restarts.Store(0)
			}
		case died:
			r.bury(p)
			if delay = max(r.house.spec.RestartDelay, 1); r.house.spec.NeverRestart {
				delay = never
			}
		}
		if p = r.again(delay); p == nil {
			return
		}
	}
}

// again launches until it succeeds, and returns nil if the runtime is stopped
// before.
func (r *Runtime) again(delay time.Duration) *spawn.Proc {
	for {
		afterDeath := delay > 0
		select {
		case <-r.quit:
			return nil
		case forget := <-r.restart:
			if forget {
				r.board.Reset()
			}
			afterDeath = false
		case <-time.After(delay):
		}
		p, err := r.launch()
		if err == nil {
			if afterDeath {
				r.restarts.Add(1)
			}
			return p
		}
		r.tell(Event{What: Said, At: time.Now(), Text: "restart: " + err.Error(), Failed: true})
		delay = max(r.house.spec.RestartDelay, time.Second)
	}
}

const (
	// stopGrace is how long a host may take to end what it started.
	stopGrace = 3 * time.Second
	never     = 1 << 62 * time.Nanosecond
)

// ending is why a top process is not followed any more.
type ending int

const (
	died ending = iota
	stopped
	restarted // its counts go on
	begun     // anew, counts and all
)

// follow passes on what the process says until it ends, or has to.
func (r *Runtime) follow(p *spawn.Proc) ending {
	for {
		select {
		case line, ok := <-p.Lines():
			if !ok {
				<-p.Exited()
				return died
			}
			r.heard(line)
		case forget := <-r.restart:
			if forget {
				return begun
			}
			return restarted
		case <-r.quit:
			return stopped
		}
	}
}

// heard handles a line of the control socket (role/control.go).
func (r *Runtime) heard(line string) {
	what, rest, _ := strings.Cut(line, " ")
	switch what {
	case "died":
		f := strings.Fields(rest)
		var n [7]uint64
		for i := range n {
			if i < len(f) {
				n[i], _ = strconv.ParseUint(f[i], 10, 64)
			}
		}
		e := Event{What: Died, At: Time(int64(n[6])), Pid: int(n[0]), Status: syscall.WaitStatus(n[1]),
			OOMKills: n[5]}
		e.Hung = n[4]&board.Hung != 0
		if e.OOMKills == 0 && !e.Hung && e.Status.Signaled() && e.Status.Signal() == syscall.SIGKILL {
			e.OOMKills = r.oomKillsSince(1)
		}
		if n[2] != 0 {
			e.Held = []Held{held(n[2], uint32(n[4]))}
		}
		r.tell(e)
	case "say":
		r.tell(Event{What: Said, At: time.Now(), Text: rest})
	default:
		slog.Warn("control line not understood", "model", r.Model, "line", line)
	}
}

// Time is when role.Nanotime was that, which is not to come.
func Time(ns int64) time.Time {
	return time.Now().Add(-time.Duration(max(role.Nanotime()-ns, 0)))
}

// oomKillsSince is how often the kernel's OOM killer struck, at most so often,
// and not yet told of another death: a burst of kills has a death for each.
// Only the supervising goroutine calls it.
func (r *Runtime) oomKillsSince(most uint64) uint64 {
	now := r.cage.Figures().OOMKills
	since := min(now-min(r.oomKills, now), most)
	r.oomKills += since
	return since
}

// bury tells of the top process's death, with everything that it held, and
// makes its place ready for the next.
func (r *Runtime) bury(p *spawn.Proc) {
	r.proc.Store(nil)
	e := Event{What: Died, At: time.Now(), Pid: p.Pid, Status: p.Status(), Top: true,
		Listener: !r.sharedListener()}
	if e.Status.Signaled() && e.Status.Signal() == syscall.SIGKILL {
		e.OOMKills = r.oomKillsSince(math.MaxUint64)
	}
	for i := range r.board.Row {
		row := &r.board.Row[i]
		if id := row.Request.Load(); id != 0 {
			f := row.Flags.Load()
			if f&board.Dead != 0 {
				continue // it had ended before, and is only shown
			}
			e.Held = append(e.Held, held(id, f))
		}
	}
	r.tell(e)
	p.Kill() // it has ended; this closes what is left of it here
	if slices.ContainsFunc(e.Held, func(h Held) bool { return h.Carries }) {
		r.letEnd()
	}
	r.clear()
}

// endPatience is how long what a fault has started may take to end by itself.
const endPatience = 200 * time.Millisecond

// letEnd waits for that. A fork bomb's processes that are killed are zombies,
// and count in the cage, until the machine's init has waited for each; left
// alone, the bomber sees that its process is gone, and waits for them itself.
func (r *Runtime) letEnd() {
	for end := time.Now().Add(endPatience); r.cage.Figures().PidsNow > 1 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

func held(id uint64, flags uint32) Held {
	return Held{Request: id, Carries: flags&board.CarriesFault != 0, Executing: flags&board.ExecutingFault != 0,
		Reused: flags&board.Reused != 0}
}

// clear makes the place ready for the next top process.
func (r *Runtime) clear() {
	if err := r.cage.Kill(); err != nil {
		slog.Error("clear the cage", "model", r.Model, "err", err)
	}
	r.board.Clear()
}

// tell hands an event to the reader, and waits for it unless the runtime stops.
func (r *Runtime) tell(e Event) {
	select {
	case r.events <- e:
	case <-r.quit:
	}
}

// Events are what happens to the runtime, in order.
func (r *Runtime) Events() <-chan Event { return r.events }

// Addr is where it serves.
func (r *Runtime) Addr() string { return "127.0.0.1:" + strconv.Itoa(r.house.ports[r.Model].number) }

// Board is what its processes are doing.
func (r *Runtime) Board() *board.Board { return r.board }

// Top is the top process's pid, 0 while it is down.
func (r *Runtime) Top() int {
	if p := r.proc.Load(); p != nil {
		return p.Pid
	}
	return 0
}

// Restarts is how often the top process was started again.
func (r *Runtime) Restarts() uint64 { return r.restarts.Load() }

// Memory reads the cage's figures.
func (r *Runtime) Memory() cage.Figures { return r.cage.Figures() }

// Starts calls f for each start-up since it was last called, in microseconds.
// Only one goroutine may call it.
func (r *Runtime) Starts(f func(us int64)) {
	now := r.board.StartCount.Load()
	if now-r.starts > board.StartRing {
		r.starts = now - board.StartRing // the oldest have been written over
	}
	for ; r.starts < now; r.starts++ {
		f(int64(r.board.Starts[r.starts%board.StartRing].Load()))
	}
}

// Pids are the processes that the board and the supervisor know.
func (r *Runtime) Pids() []int {
	var pids []int
	if p := r.Top(); p != 0 {
		pids = append(pids, p)
	}
	if r.Model == EventLoop {
		return pids
	}
	for i := range r.board.Row {
		row := &r.board.Row[i]
		if pid := int(row.Pid.Load()); pid != 0 && row.Flags.Load()&board.Dead == 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Restart ends the top process and everything below it, and starts it anew at
// once; if its counts are forgotten, as if the lab had just begun. Ready tells
// when it serves; what ends on the way is not told as a death.
func (r *Runtime) Restart(forget bool) {
	select {
	case r.restart <- forget:
	default: // one is under way
	}
}

func (r *Runtime) stop() error {
	close(r.quit)
	<-r.done
	return r.release()
}

// release gives back what Start took.
func (r *Runtime) release() error {
	var err error
	if r.cage != nil {
		err = errors.Join(r.cage.Kill(), r.cage.Delete())
	}
	if r.board != nil {
		r.board.Close()
		r.boardFD.Close()
	}
	return err
}
