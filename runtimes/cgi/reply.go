package cgi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"forklore/runtimes/app"
)

// reply is a response on its way to the client.
type reply struct {
	c    *call
	rw   http.ResponseWriter
	ctl  *http.ResponseController
	left int64 // bytes of its Content-Length, -1 if it has none
	over bool  // the client has, or gets, all that there is for it
}

// reply sends the response: the header, what was read with it, and the rest of
// the output as it comes.
func (c *call) reply(rw http.ResponseWriter, ctl *http.ResponseController, hdr header, rest []byte) error {
	if c.h.Application {
		if ns, err := strconv.ParseInt(hdr.take(app.ReadyHeader), 10, 64); err == nil {
			c.readyNS = ns
			c.started((ns - c.forkNS) / 1000)
		}
	}
	r := &reply{c: c, rw: rw, ctl: ctl, left: -1}
	r.header(hdr)
	c.out.send = func() { ctl.Flush() }
	err := c.copy(r, rest)
	if r.over && errors.Is(err, errSilence) {
		return nil // see finished
	}
	return err
}

func (r *reply) header(hdr header) {
	to := r.rw.Header()
	to["Content-Type"] = nil // net/http shall not guess one
	for _, f := range hdr.Fields {
		to.Add(f.Name, f.Value)
	}
	status := hdr.Status
	if hdr.Location != "" {
		to.Set("Location", hdr.Location)
		if status == 0 {
			status = http.StatusFound // RFC 3875, 6.2.3
		}
	}
	if status == 0 {
		status = http.StatusOK // 6.3.3
	}
	if n, err := strconv.ParseInt(to.Get("Content-Length"), 10, 64); err == nil {
		r.left = n
	}
	r.rw.WriteHeader(status)
}

// Write sends a part of the body. What the reply has no room for, as a HEAD's,
// is taken all the same: a script that can't write is killed by SIGPIPE in the
// middle of its work.
func (r *reply) Write(b []byte) (int, error) {
	if r.over || len(b) == 0 {
		return len(b), nil
	}
	if r.c.h.Timeout > 0 {
		r.ctl.SetWriteDeadline(time.Now().Add(r.c.h.Timeout)) // a client that doesn't read
	}
	part := b
	if r.left >= 0 {
		part = b[:min(int64(len(b)), r.left)] // it wrote more than it announced
		r.left -= int64(len(part))
	}
	last := r.left == 0 && r.c.req.Method != http.MethodHead
	if last {
		r.c.unhook() // before the client can have it all
	}
	_, err := r.rw.Write(part)
	switch {
	case errors.Is(err, http.ErrBodyNotAllowed): // 204, 304
		return len(b), nil
	case err != nil:
		r.c.kill()
		return 0, fmt.Errorf("send to client: %w", err)
	case r.c.req.Method == http.MethodHead: // nothing was sent
		return len(b), nil
	}
	r.c.out.held = true
	if last {
		r.finished()
	}
	return len(b), nil
}

// finished: the client has its answer and may leave, which is no reason to
// kill a script that is about to end. But it has to end.
func (r *reply) finished() {
	r.over = true
	r.ctl.Flush()
	r.c.out.held = false
	r.c.out.end(linger)
}
