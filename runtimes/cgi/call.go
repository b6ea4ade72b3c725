package cgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

const (
	// grace is how long output is read after the script's end: what it wrote is
	// in the pipe by then, what comes later is a grandchild's.
	grace = 300 * time.Millisecond
	// linger is how long a script may live after the end of its output. Apache
	// kills it after 3 s too.
	linger = 3 * time.Second
	// maxHeaderBytes bounds the script's header.
	maxHeaderBytes = 64 << 10
	copyBytes      = 32 << 10
)

var buffers = sync.Pool{New: func() any { return new([copyBytes]byte) }}

// call is one process and the request that it serves.
type call struct {
	h       *Host
	req     *http.Request
	out     *output
	child   *child
	proc    Process
	place   int
	held    holding
	forkNS  int64
	readyNS int64       // when the program had the call; 0: it didn't say
	left    atomic.Bool // by the client
	unhook  func() bool // from the client's leaving
	kept    bool        // the process waits for another call

	mu   sync.Mutex
	gone bool // the process isn't this call's any more
}

// start starts the call's process.
func (h *Host) start(req *http.Request, b *body, place int) (*call, error) {
	c := &call{h: h, req: req, place: place, held: h.holding(req)}
	p := &Program{Path: h.Path, Args: h.Args, Dir: h.Dir, Env: h.metaVariables(req, b.bytes), Stdin: h.null.Fd(), Place: place}
	if p.Args == nil {
		p.Args = append([]string{h.Path}, words(req)...)
	}
	if b.stdin != nil {
		p.Stdin = b.stdin.Fd()
	}
	var err error
	if c.out, p.Stdout, err = outputPipe(h.Timeout); err != nil {
		return nil, fmt.Errorf("pipe for standard output: %w", err)
	}
	defer syscall.Close(int(p.Stdout)) // the script has it: our copy would keep it open
	if p.Stderr, err = h.stderr(place); err != nil {
		c.out.f.Close()
		return nil, fmt.Errorf("pipe for standard error: %w", err)
	}
	ticket := h.reaper.begin()
	c.forkNS = role.Nanotime()
	c.proc, err = h.Start(p)
	runtime.KeepAlive(b)
	if err != nil {
		h.reaper.started(ticket, 0, nil)
		c.out.f.Close()
		return nil, err
	}
	if !h.Application {
		role.SacrificeChild(c.proc.Pid)
	}
	if r := c.proc.Resident; r != nil {
		h.reaper.started(ticket, 0, nil)
		if r.served > 0 {
			c.held.flags |= board.Reused
		}
		h.hold(place, c.held, c.forkNS)
		c.child = r.child
		c.child.notify(func() { c.out.end(grace) })
		return c, nil
	}
	h.born(place, c.proc.Pid, c.held, c.forkNS)
	c.child = h.reaper.started(ticket, c.proc.Pid, func() { c.out.end(grace) })
	if !h.Application {
		c.started((role.Nanotime() - c.forkNS) / 1000) // fork and exec is all that can be seen of a script
	}
	return c, nil
}

// kill ends the process, as long as it is this call's.
func (c *call) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		c.child.kill()
	}
}

// letGo ends the call's right to kill the process, and reports whether it has
// made no use of it.
func (c *call) letGo() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	return !c.child.wasKilled()
}

// run passes the output on to the client, until the process is gone.
func (c *call) run(rw http.ResponseWriter, ctl *http.ResponseController) (local string) {
	defer c.out.f.Close()
	c.unhook = context.AfterFunc(c.req.Context(), func() {
		c.left.Store(true)
		c.kill()
	})
	defer c.unhook()
	hdr, rest, err := c.readHeader()
	begun := false
	switch {
	case err == nil && hdr.Status == 0 && strings.HasPrefix(hdr.Location, "/"):
		local = hdr.Location
		c.discard(rest)
	case err == nil:
		begun = true
		err = c.reply(rw, ctl, hdr, rest)
	case errors.Is(err, errHeader), errors.Is(err, errTransfer):
		c.discard(nil)
	}
	if errors.Is(err, errSilence) {
		c.kill()
	}
	whole := c.finish(begun && err == nil, ctl)
	switch {
	case c.left.Load():
		return ""
	case begun && (err != nil || !whole):
		// What was sent can't be taken back, so the connection shows it.
		panic(http.ErrAbortHandler)
	case begun:
		c.h.answered()
		return ""
	case err == nil && whole:
		return local
	}
	if err == nil {
		err = fmt.Errorf("%w: it crashed", errHeader)
	}
	slog.Warn("cgi: no answer", "script", c.h.Path, "pid", c.child.pid, "request", c.held.request, "err", err)
	switch {
	case errors.Is(err, errSilence):
		c.h.fail(rw, http.StatusGatewayTimeout, "the script was silent for too long")
	case errors.Is(err, errTransfer):
		c.h.fail(rw, http.StatusBadGateway, errTransfer.Error())
	default:
		c.h.fail(rw, http.StatusInternalServerError, errHeader.Error())
	}
	return ""
}

var errSilence = errors.New("script was silent beyond the time-out")

// read is one read of the output; io.EOF is its end.
func (c *call) read(p []byte) (int, error) {
	n, err := c.out.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		select {
		case <-c.child.done:
			return n, io.EOF // a grandchild holds the pipe
		default:
			return n, errSilence
		}
	}
	return n, err
}

// readHeader returns the header and what was read beyond it.
func (c *call) readHeader() (hdr header, rest []byte, err error) {
	buf := make([]byte, 0, 4096)
	for {
		if len(buf) == cap(buf) {
			if len(buf) >= maxHeaderBytes {
				return hdr, nil, fmt.Errorf("%w: no blank line in %d bytes", errHeader, len(buf))
			}
			buf = append(make([]byte, 0, 4*cap(buf)), buf...)
		}
		n, err := c.read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if end := headerEnd(buf); end >= 0 {
			hdr, err = parseHeader(buf[:end])
			return hdr, buf[end:], err
		}
		switch {
		case err == io.EOF && len(buf) == 0:
			return hdr, nil, fmt.Errorf("%w: no output", errHeader)
		case err == io.EOF:
			return hdr, nil, fmt.Errorf("%w: it ends before a blank line", errHeader)
		case err != nil:
			return hdr, nil, err
		}
	}
}

// copy passes the output on to its end.
func (c *call) copy(w io.Writer, first []byte) error {
	if _, err := w.Write(first); err != nil {
		return err
	}
	p := buffers.Get().(*[copyBytes]byte)
	defer buffers.Put(p)
	for {
		n, err := c.read(p[:])
		if n > 0 {
			if _, err := w.Write(p[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// discard lets a script that has nothing for the client do its work to the
// end, but not for ever.
func (c *call) discard(first []byte) {
	c.out.end(linger)
	if c.copy(io.Discard, first) != nil {
		c.kill()
	}
}

// finish waits for the process, takes down what is left of the call, and
// reports whether its output may be taken for whole.
func (c *call) finish(flush bool, ctl *http.ResponseController) (whole bool) {
	var lingered atomic.Bool
	t := time.AfterFunc(linger, func() {
		lingered.Store(true) // it had said all that it had to say
		c.kill()
	})
	c.ended(role.Nanotime())
	if r := c.proc.Resident; r != nil && r.Over() && c.letGo() {
		t.Stop()
		if flush {
			ctl.Flush() // the client needn't wait for what follows
		}
		c.rest()
		return true
	}
	select {
	case <-c.child.done:
	default:
		c.child.wait()
	}
	t.Stop()
	c.child.killRest()
	status := c.child.status
	whole = lingered.Load() || status.ExitStatus() == 0 // -1 if a signal ended it
	crashed := !whole && !c.child.killed
	if crashed && c.held.flags&board.CarriesFault != 0 {
		c.held.flags |= board.ExecutingFault
	}
	destroy := c.proc.Destroy
	if r := c.proc.Resident; r != nil {
		destroy = r.destroy
	}
	var ooms uint64
	if destroy != nil {
		if flush && whole {
			ctl.Flush() // the client needn't wait for it
		}
		now := role.Nanotime()
		ooms = c.h.takeDown(c.child.pid, destroy)
		if c.h.Board != nil {
			c.h.Board.Destroys.Add((role.Nanotime() - now) / 1000)
		}
	}
	if crashed && c.h.Died != nil {
		c.h.Died(Death{Pid: c.child.pid, Status: status, Request: c.held.request, Port: c.held.port,
			Flags: c.held.flags, OOMKills: ooms})
	}
	c.h.gone(c.place, c.held.flags, role.Nanotime())
	return whole
}
