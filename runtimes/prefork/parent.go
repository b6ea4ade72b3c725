package prefork

import (
	"sync/atomic"
	"syscall"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

// parent is the state of the parent process. One goroutine owns it: main, on
// the thread that forks. Three others only wait, and wake it:
//
//	awaitDeaths  waitid(2)      ──dead───>┐
//	awaitLines   read(control)  ──lines──>├─ main: fork, reap, kill, tell
//	awaitTime    sleep          ──ticks──>┘
//
// So there are no locks, and no handler that runs between two instructions.
type parent struct {
	board    *board.Board
	listener int
	owned    bool // the listener is ours, not the supervisor's
	port     int
	slots    []slot // slot i's worker writes row i of the board

	timeoutNS  int64
	generation uint64
	guard      guard
	ready      bool // said so
	refused    bool // by the kernel, when a worker was to be started
	stopping   bool

	born  chan struct{} // size 1: there is a child to wait for, again
	hurry atomic.Bool   // something is due soon: tick faster
}

// slot is a place for a worker.
type slot struct {
	pid        int // 0: empty
	generation uint64
	hung       bool // killed for it
}

// How often the parent looks at the rows. While it waits for the first worker,
// or for the last one, someone waits for it.
const (
	tickMS      = 100
	tickHurryMS = 5
)

// parentThreads are main's, of those who only wait, and the runtime's own.
const parentThreads = 8

func parentMain() (status int) {
	p := &parent{born: make(chan struct{}, 1), generation: 1, timeoutNS: timeoutNS()}
	if problem := p.open(); problem != "" {
		say(problem)
		return 1
	}
	subreaper()
	role.StartThreads(parentThreads)
	p.hurry.Store(true)
	dead, lines, ticks := make(chan struct{}), make(chan string), make(chan struct{})
	go p.awaitDeaths(dead)
	go awaitLines(lines)
	go p.awaitTime(ticks)

	p.refill()
	for !p.stopping || p.alive() > 0 {
		select {
		case <-dead:
			p.reap()
			p.refill()
		case line, open := <-lines:
			if !open { // the lab is gone
				p.killAll()
				return 0
			}
			p.command(line)
		case <-ticks:
			p.inspect()
			p.refill()
		}
	}
	return 0
}

// open gets everything that the parent can't do without.
func (p *parent) open() (problem string) {
	if !role.Known(WorkerRole) {
		return "prefork: the role of the workers is not linked into this binary"
	}
	var err error
	if p.board, err = board.Open(role.BoardFD); err != nil {
		return "prefork: descriptor 4 is not a board: " + err.Error()
	}
	p.board.Generation.Store(p.generation)
	n := int(max(role.Int("WORKERS", defaultWorkers), 1))
	if n > len(p.board.Row) {
		return "prefork: " + itoa(n) + " workers need as many rows, the board has " + itoa(len(p.board.Row))
	}
	p.slots = make([]slot, n)
	p.guard.accidents = n
	return p.listen()
}

// refill starts a worker in each empty slot, at once unless the guard against
// crash loops says otherwise.
func (p *parent) refill() {
	for i := range p.slots {
		if p.stopping {
			return
		}
		if p.slots[i].pid != 0 {
			continue
		}
		now := role.Nanotime()
		if !p.guard.allows(now) {
			return
		}
		if err := p.start(i, now); err != nil {
			if !p.refused { // for all that follow until one is started
				say("prefork: cannot start a worker: " + err.Error())
			}
			p.refused = true
			p.guard.died(now, p.board.Answered.Load())
			return // the next tick tries again
		}
		p.refused = false
	}
}

// start forks a worker. Its row is written before, since the worker may run
// before the fork returns here, and what it writes then must not be cleared.
func (p *parent) start(i int, now int64) error {
	p.board.Born(i, 0, now)
	pid, err := syscall.ForkExec(executable(), []string{"forklore: " + WorkerRole}, &syscall.ProcAttr{
		Env: p.workerEnv(i),
		// Descriptor 3 isn't the control socket: who holds a copy of it keeps
		// the lab from seeing the parent's end.
		Files: []uintptr{0, 1, 2, 0, role.BoardFD, uintptr(p.listener)},
		Sys:   attributes(),
	})
	if err != nil {
		p.board.Died(i, now)
		return err
	}
	p.board.Row[i].Pid.Store(int32(pid))
	p.slots[i] = slot{pid: pid, generation: p.generation}
	select {
	case p.born <- struct{}{}:
	default: // it's been told, and has not looked yet
	}
	return nil
}

// workerEnv is the parent's environment, with what a worker needs of its own.
func (p *parent) workerEnv(i int) []string {
	godebug, _ := syscall.Getenv("GODEBUG")
	if godebug != "" {
		godebug += ","
	}
	env := []string{
		role.Prefix + "ROLE=" + WorkerRole,
		role.Prefix + "ROW=" + itoa(i),
		role.Prefix + "GENERATION=" + itoa(int(p.generation)),
		// A worker does one thing at a time.
		"GOMAXPROCS=1",
		// Go interrupts with SIGURG what runs for long, and a blocking accept
		// counts as running: some 185 signals a second.
		// The runtime would also open two files of its cgroup, to learn how
		// many CPUs it may use, and hold them.
		"GODEBUG=" + godebug + "asyncpreemptoff=1,containermaxprocs=0",
		// The heap is collected at 4 MiB * GOGC/100, and holds next to
		// nothing: a round trip to the backend leaves some bytes behind.
		"GOGC=10",
	}
	if !p.owned {
		env = append(env, role.Prefix+"LISTENER=1")
	}
	for _, kv := range syscall.Environ() {
		if !overridden(kv) {
			env = append(env, kv)
		}
	}
	return env
}

// overridden: of two variables with one name, programs disagree on which counts.
func overridden(kv string) bool {
	for _, name := range [...]string{"GOMAXPROCS=", "GODEBUG=", "GOGC=", role.Prefix + "ROLE=",
		role.Prefix + "ROW=", role.Prefix + "GENERATION=", role.Prefix + "LISTENER="} {
		if len(kv) >= len(name) && kv[:len(name)] == name {
			return true
		}
	}
	return false
}

// reap waits for every worker that has ended. It is the only place where this
// process waits for children, and it's on the goroutine that forks and kills:
// a pid in a slot is always a child's, dead or alive, and never another
// process that has got the number since.
func (p *parent) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		for i := range p.slots {
			if p.slots[i].pid == pid {
				p.buried(i, status)
				break
			}
		} // or it was an orphan, that came to us as its subreaper
	}
}

// buried says whom the worker took with it.
func (p *parent) buried(i int, status syscall.WaitStatus) {
	r, pid, now := &p.board.Row[i], p.slots[i].pid, role.Nanotime()
	request, port, flags := r.Request.Load(), uint16(r.Port.Load()), r.Flags.Load()
	if p.slots[i].hung {
		flags |= board.Hung // nobody from outside
	}
	young := r.Served.Load() == 0 && now-r.BornNS.Load() < youngNS
	p.board.Died(i, now)
	p.slots[i] = slot{}
	if status.Exited() && status.ExitStatus() == 0 && request == 0 {
		return // it was asked to: its last request, or an old generation
	}
	role.TellDied(pid, uint32(status), request, port, flags, 0)
	if young && p.guard.died(now, p.board.Answered.Load()) {
		say("prefork: workers die as soon as they are started; next try in " + itoa(int(p.guard.pauseNS()/1_000_000)) + " ms")
	}
}

// startNS is how long a worker may take to start, whatever the time-out of a
// request: to kill it earlier would be a crash loop of our own making.
const startNS = 30_000_000_000

// inspect looks at the rows: is someone up, is someone hung, is someone idle
// who should leave?
func (p *parent) inspect() {
	now := role.Nanotime()
	waiting := backlogUsed(p.listener)
	p.board.QueueNow.Store(waiting)
	p.board.QueueMax.Store(max(waiting, p.board.QueueMax.Load()))
	for i := range p.slots {
		s, r := &p.slots[i], &p.board.Row[i]
		if s.pid == 0 {
			continue
		}
		// State before SinceNS, the reverse of Set: a time that belongs to an
		// older state can't be taken for this one's.
		state := r.State.Load()
		age := now - r.SinceNS.Load()
		if state != board.Starting {
			if !p.ready {
				p.ready = true
				p.hurry.Store(p.stopping)
				role.TellReady(p.port)
			}
			p.guard.lives(now, r.BornNS.Load())
		}
		limit := p.timeoutNS
		if state == board.Starting {
			limit = max(limit, startNS) // a heavy application, on a busy machine
		}
		busy := state == board.Working || state == board.Starting
		if busy && p.timeoutNS > 0 && age > limit && !s.hung {
			s.hung = true
			say("prefork: worker " + itoa(s.pid) + " hangs, killed after " + itoa(int(age/1_000_000)) + " ms")
			syscall.Kill(s.pid, syscall.SIGKILL) // its death is told like any other
		}
		if s.generation != p.generation && (state == board.Idle || state == board.KeepAlive) {
			syscall.Kill(s.pid, poke)
		}
	}
}

// alive is the number of workers.
func (p *parent) alive() (n int) {
	for _, s := range p.slots {
		if s.pid != 0 {
			n++
		}
	}
	return n
}

// killAll is the end when the lab is gone: nobody is left to be told.
func (p *parent) killAll() {
	for _, s := range p.slots {
		if s.pid != 0 {
			syscall.Kill(s.pid, syscall.SIGKILL)
		}
	}
	for _, s := range p.slots {
		for s.pid != 0 {
			if _, err := syscall.Wait4(s.pid, nil, 0, nil); err != syscall.EINTR {
				break
			}
		}
	}
}

// say sends the lab a line for the log and the event list.
func say(text string) { role.Tell("say " + text) }
