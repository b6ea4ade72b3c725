package eventloop

import (
	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

// tickNS is how often the loop looks at its own lateness.
const tickNS = 20_000_000

// standsNS is how long a figure stays on the board if no worse one comes:
// whoever looks ten times a second sees each, and a person can read it.
const standsNS = 500_000_000

// lag measures how long the loop keeps everyone waiting, the way Node's
// monitorEventLoopDelay does: a timer is due, how late does it fire? A round
// that was over before the timer was due would go unseen, so the longest round
// since the last tick counts as well.
type lag struct {
	due     int64 // when the next tick is
	longest int64 // round since the last one
	shown   int64
	shownAt int64
}

// observe is called at the end of each round.
func (g *lag) observe(l *loop, began, now int64) {
	g.longest = max(g.longest, now-began)
	if began < g.due && now < g.due {
		return
	}
	late := max(g.longest, began-g.due)
	g.longest, g.due = 0, now+tickNS
	if late >= g.shown || now-g.shownAt > standsNS {
		g.shown, g.shownAt = late, now
		l.board.LagNowUS.Store(uint64(late / 1000))
	}
	l.board.LagMaxUS.Store(max(l.board.LagMaxUS.Load(), uint64(late/1000)))
	// The process's own row: who reads it knows from the time that the loop
	// has stood still since.
	l.board.Row[0].Set(l.letter(), role.Nanotime())
}

func (l *loop) letter() uint32 {
	switch {
	case l.stopping:
		return board.Graceful
	case len(l.rows) < len(l.board.Row)-1:
		return board.Working
	}
	return board.Idle
}
