package runtimes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"forklore/runtimes/app"
	"forklore/runtimes/backend"
)

// door stands at a dead backend's socket: it accepts, and closes at once, so
// that who asks learns it at once. In the backlog it would wait for an answer.
type door struct {
	listener net.Listener
	done     chan struct{}
}

func openDoor(socket *os.File) (*door, error) {
	l, err := net.FileListener(socket) // on a descriptor of its own
	if err != nil {
		return nil, err
	}
	d := &door{l, make(chan struct{})}
	go d.stand()
	return d, nil
}

// stand ends with close.
func (d *door) stand() {
	defer close(d.done)
	for {
		c, err := d.listener.Accept()
		switch {
		case err == nil:
			c.Close()
		case errors.Is(err, net.ErrClosed):
			return
		default: // no descriptors: who asks waits a little
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func (d *door) close() {
	if d != nil {
		d.listener.Close()
		<-d.done
	}
}

func (h *House) dependency(model string) (*dependency, error) {
	d := h.backends.of[model]
	if d == nil {
		return nil, fmt.Errorf("backend of %q: this lab has no such model", model)
	}
	return d, nil
}

// SlowBackend has the model's backend hold each answer so much longer, from
// now on, also after a restart; 0 undoes it, but for what is being held.
func (h *House) SlowBackend(model string, extra time.Duration) error {
	d, err := h.dependency(model)
	switch {
	case err != nil:
		return err
	case extra < 0 || extra > backend.MaxHold:
		return fmt.Errorf("backend of %s: %v longer: from 0 to %v", model, extra, backend.MaxHold)
	}
	return d.setSlow(extra)
}

// LetGo has the model's backend give the answers that it holds longer than was
// asked for: what SlowBackend did is undone also for those who wait already.
func (h *House) LetGo(model string) error {
	d, err := h.dependency(model)
	if err != nil {
		return err
	}
	return d.letGo()
}

// KillBackend kills the process of the model's backend, which stays dead until
// ReviveBackend. Who asks it meanwhile finds the connection closed.
func (h *House) KillBackend(model string) error {
	d, err := h.dependency(model)
	if err != nil {
		return err
	}
	return d.kill()
}

// ReviveBackend starts it again and returns when it serves.
func (h *House) ReviveBackend(model string) error {
	d, err := h.dependency(model)
	if err != nil {
		return err
	}
	return d.revive()
}

// ProbeBackend asks the model's backend for an answer at once, and says how
// long that took: the proof that it is slow, or dead. ctx ends the wait.
func (h *House) ProbeBackend(ctx context.Context, model string, timeout time.Duration) (time.Duration, error) {
	if _, err := h.dependency(model); err != nil {
		return 0, err
	}
	began := time.Now()
	end := began.Add(timeout)
	what := func(err error) error { return fmt.Errorf("ask the backend of %s: %w", model, err) }
	c, err := net.Dial("unix", backend.Path(h.folder.path, model))
	for errors.Is(err, syscall.EAGAIN) && time.Now().Before(end) && ctx.Err() == nil { // its backlog is full
		time.Sleep(5 * time.Millisecond)
		c, err = net.Dial("unix", backend.Path(h.folder.path, model))
	}
	if err != nil {
		return 0, what(err)
	}
	defer c.Close()
	c.SetDeadline(end)
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Now()) })()
	answer := make([]byte, len(app.IOAnswer))
	if _, err = c.Write(app.AppendIORequest(nil, 0)); err == nil {
		_, err = io.ReadFull(c, answer)
	}
	if err != nil {
		return 0, what(err)
	}
	return time.Since(began), nil
}
