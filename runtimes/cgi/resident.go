package cgi

import (
	"log/slog"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

// Resident is a process that has a place, and so a row of the board, without a
// call: one that was started ahead, or is kept after its call. Config.Start may
// return it for the call that has the place.
//
//	Launch ── waits ──> call ── Over ── Keep ── waits ──> call ... ── Kill ── Bury
//
// Who keeps such processes decides when they start and end; how a call goes on
// in them is the Host's business, as with any process.
type Resident struct {
	Pid   int
	Place int
	// LeakedBytes is what it holds of memory that no call needs any more.
	LeakedBytes int64
	// Over waits until the call is over, and reports whether the process has
	// survived it.
	Over func() bool
	// Keep is asked after such a call whether the process stays, and in what
	// state, a letter of the board. It ends otherwise.
	Keep func() (state uint32, ok bool)
	// Wake, if set, makes a process that is stopped take a signal.
	Wake func()

	h       *Host
	child   *child
	destroy func() (uint64, error)
	bornNS  int64
	served  uint64
}

// Launch starts a process that waits in a place, which has to be the caller's:
// reserved, or that of a call.
func (h *Host) Launch(place int, start func() (Process, error)) (*Resident, error) {
	ticket := h.reaper.begin()
	r := &Resident{Place: place, h: h, bornNS: role.Nanotime()}
	p, err := start()
	if err != nil {
		h.reaper.started(ticket, 0, nil)
		return nil, err
	}
	r.Pid, r.destroy = p.Pid, p.Destroy
	if h.Board != nil {
		h.counted.Lock()
		h.Board.Born(place, r.Pid, r.bornNS)
		h.counted.Unlock()
	}
	r.child = h.reaper.started(ticket, r.Pid, nil)
	return r, nil
}

// Ready notes that it waits, and since when it could.
func (r *Resident) Ready(ns int64) {
	r.h.ready((ns - r.bornNS) / 1000)
	r.state(board.Idle)
}

func (r *Resident) state(letter uint32) {
	if r.h.Board != nil {
		r.h.Board.Row[r.Place].Set(letter, role.Nanotime())
	}
}

// Ended is closed when the process has ended, by whatever.
func (r *Resident) Ended() <-chan struct{} { return r.child.done }

// End ends a process that waits, and takes it down. A death that nobody here
// wanted is reported. The place is still taken then.
func (r *Resident) End() {
	now := role.Nanotime()
	r.child.kill()
	if r.Wake != nil {
		r.Wake()
	}
	r.child.wait()
	r.child.killRest()
	ooms := r.h.takeDown(r.Pid, r.destroy)
	if r.h.Board != nil {
		r.h.Board.Destroys.Add((role.Nanotime() - now) / 1000)
	}
	if !r.child.killed && r.h.Died != nil {
		r.h.Died(Death{Pid: r.Pid, Status: r.child.status, OOMKills: ooms})
	}
	r.h.gone(r.Place, 0, role.Nanotime())
}

// takeDown takes down what was built for a process that has been waited for.
func (h *Host) takeDown(pid int, destroy func() (uint64, error)) (ooms uint64) {
	if destroy == nil {
		return 0
	}
	ooms, err := destroy()
	if err != nil {
		slog.Error("cgi: take down", "pid", pid, "err", err)
	}
	if h.Board != nil {
		if err != nil {
			h.Board.Leftover.Add(1)
		}
		h.Board.OOMKills.Add(ooms)
	}
	return ooms
}

// Reserve takes a place that is empty, unless someone waits for one.
func (h *Host) Reserve() (place int, ok bool) { return h.places.reserve() }

// Claim takes the place of a process that waits there, unless a call has it.
func (h *Host) Claim(place int) bool { return h.places.claim(place) }

// Leave gives a place back that was reserved or claimed. kept: a process waits
// there now.
func (h *Host) Leave(place int, kept bool) { h.places.leave(place, kept) }

// rest lets the process of a call that is over wait for another, or end.
func (c *call) rest() {
	r := c.proc.Resident
	r.served++
	if b := c.h.Board; b != nil {
		row := &b.Row[c.place]
		row.LeakKiB.Store(uint64(r.LeakedBytes >> 10))
		row.Release(board.Working, role.Nanotime()) // it isn't back yet
	}
	r.child.notify(nil)
	state, ok := r.Keep()
	if !ok {
		r.End()
		return
	}
	r.state(state)
	c.kept = true
}
