package runtimes

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"forklore/runtimes/backend"
	"forklore/runtimes/cage"
	"forklore/runtimes/spawn"
)

// dependency keeps the backend alive. Its sockets are the lab's own: they stay
// where the models, and the sandboxes into which they are bound, find them,
// whichever process answers.
type dependency struct {
	spec    Spec
	dir     string // the lab's folder: also how one tells whose backend this is
	cage    *cage.Cage
	sockets []*os.File
	events  chan Event
	quit    chan struct{}
	done    chan struct{}
}

// backendBytes is the backend's own limit: a goroutine for each request that
// waits, some KiB each.
const backendBytes = 256 << 20

// backendPatience is how long it may take to start; then between restarts.
const backendPatience, backendPause = 10 * time.Second, 100 * time.Millisecond

// startDependency starts the backend with a socket for each model.
func startDependency(yard *cage.Yard, spec Spec, dir string, models []string) (_ *dependency, err error) {
	d := &dependency{spec: spec, dir: dir, events: make(chan Event, 16), quit: make(chan struct{}), done: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("backend: %w", err), d.release())
		}
	}()
	for _, m := range models {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: backend.Path(dir, m)})
		if err != nil {
			return nil, err
		}
		l.SetUnlinkOnClose(false) // it goes with the folder
		f, err := l.File()
		l.Close()
		if err != nil {
			return nil, err
		}
		d.sockets = append(d.sockets, f)
	}
	if d.cage, err = yard.New("backend", cage.Limits{MemoryBytes: backendBytes, Pids: spec.Pids, CPUWeight: cpuWeight}); err != nil {
		return nil, err
	}
	p, err := d.launch()
	if err != nil {
		return nil, err
	}
	go d.supervise(p)
	return d, nil
}

func (d *dependency) launch() (*spawn.Proc, error) {
	p, err := spawn.Start(spawn.Cmd{
		Role: backend.Role, Env: []string{"FORKLORE_DIR=" + d.dir, fmt.Sprintf("FORKLORE_LISTENERS=%d", len(d.sockets))},
		Listeners: d.sockets, Log: d.spec.Log, Leaf: true, Launch: d.cage.Launch,
	})
	if err != nil {
		return nil, err
	}
	line, err := firstLine(p, backendPatience, d.quit)
	if err == nil && !strings.HasPrefix(line, "ready") {
		err = fmt.Errorf("it said %q, not that it is ready", line)
	}
	if err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// supervise starts the backend again whenever it has died.
func (d *dependency) supervise(p *spawn.Proc) {
	defer close(d.done)
	for {
		select {
		case <-d.quit:
			p.Kill()
			return
		case <-p.Exited():
		}
		d.tell(Event{What: Died, At: time.Now(), Pid: p.Pid, Status: p.Status()})
		p.Kill() // closes what is left of it here
		for {
			select {
			case <-d.quit:
				return
			case <-time.After(backendPause):
			}
			var err error
			if p, err = d.launch(); err == nil {
				break
			}
			slog.Error("backend: start again", "err", err)
		}
		d.tell(Event{What: Ready, At: time.Now(), Pid: p.Pid})
	}
}

func (d *dependency) tell(e Event) {
	select {
	case d.events <- e:
	default: // nobody listens: the log has it
		slog.Warn("backend", "event", e)
	}
}

func (d *dependency) stop() error {
	close(d.quit)
	<-d.done
	return d.release()
}

func (d *dependency) release() error {
	for _, f := range d.sockets {
		f.Close()
	}
	if d.cage == nil {
		return nil
	}
	return errors.Join(d.cage.Kill(), d.cage.Delete())
}
