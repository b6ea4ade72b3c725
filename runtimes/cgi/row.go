package cgi

import (
	"net/http"
	"strconv"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
)

// What a host writes to the board, if it has one. Its rows are the places, so
// each has one writer; the counters have many.

// holding is what the board says about a call.
type holding struct {
	request uint64
	port    uint16
	flags   uint32
}

func (h *Host) holding(req *http.Request) (held holding) {
	held.request, _ = strconv.ParseUint(req.Header.Get(app.RequestHeader), 10, 63)
	_, port := hostPort(req.RemoteAddr)
	p, _ := strconv.ParseUint(port, 10, 16)
	held.port = uint16(p)
	var steps app.Steps
	if h.Application && steps.Parse(req.URL.RawQuery) && steps.Fault() {
		held.flags = board.CarriesFault
	}
	return held
}

func (h *Host) born(place, pid int, held holding, now int64) {
	if h.Board == nil {
		return
	}
	h.counted.Lock()
	defer h.counted.Unlock()
	h.Board.Born(place, pid, now)
	h.Board.Row[place].Hold(held.request, held.port, held.flags, now)
}

func (h *Host) gone(place int, flags uint32, now int64) {
	if h.Board == nil {
		return
	}
	h.counted.Lock()
	defer h.counted.Unlock()
	h.Board.Row[place].Flags.Store(flags)
	h.Board.Died(place, now)
}

// hold notes the call of a process that was there before.
func (h *Host) hold(place int, held holding, now int64) {
	if h.Board != nil {
		h.Board.Row[place].Hold(held.request, held.port, held.flags, now)
	}
}

// ready notes how long the start of a process took.
func (h *Host) ready(us int64) {
	if h.Board != nil {
		h.Board.AddStart(us)
	}
}

// started notes how long a call has waited until its program had it.
func (c *call) started(us int64) {
	b := c.h.Board
	switch {
	case b == nil:
	case c.proc.Waited:
		b.WarmStarts.Add(us)
	default:
		b.ColdCalls.Add(1)
		b.AddStart(us)
	}
}

// ended notes how long the program was at it.
func (c *call) ended(now int64) {
	if c.h.Board != nil && c.readyNS != 0 {
		c.h.Board.Calls.Add((now - c.readyNS) / 1000)
	}
}

func (h *Host) queued(now int) {
	if h.Board == nil {
		return
	}
	h.Board.QueueNow.Store(uint64(now)) // under the queue's lock
	if uint64(now) > h.Board.QueueMax.Load() {
		h.Board.QueueMax.Store(uint64(now))
	}
}

func (h *Host) answered() {
	if h.Board != nil {
		h.Board.Answered.Add(1)
	}
}
