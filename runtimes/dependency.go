package runtimes

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"forklore/runtimes/backend"
	"forklore/runtimes/cage"
	"forklore/runtimes/spawn"
)

// dependencies are the backends, a process for each model, so that one can be
// slow, or dead, for one column alone.
//
//	model ── unix socket, the lab's ──┬── backend process ── supervise: again when it dies
//	                                  └── door: accepts and closes while it is to be dead
//
// The sockets stay where the models, and the sandboxes into which they are
// bound, find them, whichever process answers.
type dependencies struct {
	cage   *cage.Cage // one for all
	of     map[string]*dependency
	events chan Event
}

// backendBytes is the backends' own limit, together: some 8 MiB each, and a
// goroutine for each request that waits, some KiB.
const backendBytes = 256 << 20

// backendPatience is how long one may take to start; then between restarts.
const backendPatience, backendPause = 10 * time.Second, 100 * time.Millisecond

// dependency keeps one model's backend alive, or dead. Its supervising
// goroutine owns what is below quit.
type dependency struct {
	model  string
	all    *dependencies
	log    *os.File
	dir    string   // the lab's folder: also how one tells whose backend this is
	socket *os.File // listening
	orders chan order
	quit   chan struct{}
	done   chan struct{}

	startCPU atomic.Int64 // ns that its process had used when it served; 0: unknown

	proc *spawn.Proc // nil while it is down
	slow time.Duration
	dead bool // by the lab's wish
	door *door
}

// order is something that the supervising goroutine does, and its result.
type order struct {
	do   func() error
	done chan error
}

// startDependencies starts a backend for each model, side by side.
func startDependencies(yard *cage.Yard, spec Spec, dir string, models []string) (_ *dependencies, err error) {
	ds := &dependencies{of: map[string]*dependency{}, events: make(chan Event, 16)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("backend: %w", err), ds.stop())
		}
	}()
	if ds.cage, err = yard.New("backend", cage.Limits{MemoryBytes: backendBytes, Pids: spec.Pids, CPUWeight: cpuWeight}); err != nil {
		return nil, err
	}
	var starts sync.WaitGroup
	errs := make([]error, len(models))
	for i, m := range models {
		d := &dependency{model: m, all: ds, log: spec.Log, dir: dir,
			orders: make(chan order), quit: make(chan struct{}), done: make(chan struct{})}
		if d.socket, err = listenUnix(backend.Path(dir, m)); err != nil {
			break
		}
		ds.of[m] = d
		starts.Go(func() {
			errs[i] = d.launch()
			go d.supervise()
		})
	}
	starts.Wait()
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return ds, nil
}

// StartCPU is the CPU time that a process of this binary uses on this machine until
// it is ready, as the backends' starts showed; 0: unknown.
func (h *House) StartCPU() (each time.Duration) {
	n := time.Duration(0)
	for _, d := range h.backends.of {
		if cpu := d.startCPU.Load(); cpu > 0 {
			each += time.Duration(cpu)
			n++
		}
	}
	return each / max(n, 1)
}

func listenUnix(path string) (*os.File, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	l.SetUnlinkOnClose(false) // it goes with the folder
	return l.File()
}

// launch starts the process and waits until it serves.
func (d *dependency) launch() error {
	p, err := spawn.Start(spawn.Cmd{
		Role: backend.Role, Env: []string{"FORKLORE_DIR=" + d.dir, "FORKLORE_LISTENERS=1", fmt.Sprintf("FORKLORE_SLOW_US=%d", d.slow.Microseconds())},
		Listeners: []*os.File{d.socket}, Log: d.log, Leaf: true, Launch: d.all.cage.Launch,
	})
	if err != nil {
		return err
	}
	line, err := firstLine(p, backendPatience, d.quit)
	if err == nil && !strings.HasPrefix(line, "ready") {
		err = fmt.Errorf("it said %q, not that it is ready", line)
	}
	if err != nil {
		p.Kill()
		return fmt.Errorf("of %s: %w", d.model, err)
	}
	d.proc = p
	if cpu := cpuTime(p.Pid); cpu > 0 {
		d.startCPU.Store(int64(cpu))
	}
	return nil
}

// supervise starts the backend again whenever it has died, but by an order, and
// takes the orders.
func (d *dependency) supervise() {
	defer close(d.done)
	for {
		var exited <-chan struct{}
		var again <-chan time.Time
		switch {
		case d.proc != nil:
			exited = d.proc.Exited()
		case !d.dead:
			again = time.After(backendPause)
		}
		select {
		case <-d.quit:
			if d.proc != nil {
				d.proc.Kill()
			}
			d.door.close()
			return
		case <-exited:
			d.bury(false)
		case <-again:
			d.again()
		case o := <-d.orders:
			o.done <- o.do()
		}
	}
}

// bury tells of the process's end, which it waits for.
func (d *dependency) bury(byLab bool) {
	p := d.proc
	p.Kill() // where it has ended, this closes what is left of it here
	d.proc = nil
	d.tell(Event{What: Died, Pid: p.Pid, Status: p.Status(), ByLab: byLab})
}

func (d *dependency) again() error {
	if err := d.launch(); err != nil {
		slog.Error("backend: start again", "model", d.model, "err", err)
		return err
	}
	d.tell(Event{What: Ready, Pid: d.proc.Pid})
	return nil
}

func (d *dependency) tell(e Event) {
	e.At, e.Model = time.Now(), d.model
	select {
	case d.all.events <- e:
	default: // nobody listens: the log has it
		slog.Warn("backend", "event", e)
	}
}

// order has the supervising goroutine do something.
func (d *dependency) order(do func() error) error {
	o := order{do, make(chan error, 1)}
	select {
	case d.orders <- o:
		return <-o.done
	case <-d.quit:
		return errClosing
	}
}

// setSlow holds each answer so much longer.
func (d *dependency) setSlow(extra time.Duration) error {
	return d.order(func() error {
		d.slow = extra // it is told to the next process as well
		if d.proc == nil {
			return nil
		}
		return d.proc.Tell(fmt.Sprintf("set SLOW_US %d", extra.Microseconds()))
	})
}

// letGo ends what it holds answers longer than asked, of those it holds now.
func (d *dependency) letGo() error {
	return d.order(func() error {
		if d.proc == nil {
			return nil
		}
		return d.proc.Tell(backend.LetGo)
	})
}

func (d *dependency) kill() error {
	return d.order(func() (err error) {
		if d.dead {
			return nil
		}
		if d.door, err = openDoor(d.socket); err != nil {
			return err
		}
		d.dead = true
		if d.proc != nil {
			d.bury(true)
		}
		return nil
	})
}

func (d *dependency) revive() error {
	return d.order(func() error {
		if !d.dead {
			return nil
		}
		d.dead = false
		d.door.close()
		d.door = nil
		return d.again() // if not now, then after backendPause
	})
}

// stop ends them all.
func (ds *dependencies) stop() error {
	for _, d := range ds.of {
		close(d.quit)
	}
	for _, d := range ds.of {
		<-d.done
		d.socket.Close()
	}
	if ds.cage == nil {
		return nil
	}
	return errors.Join(ds.cage.Kill(), ds.cage.Delete())
}
