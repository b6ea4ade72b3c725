package prefork

// guard keeps workers that die as soon as they are started from burning the
// machine: nginx refuses to respawn them, gunicorn halts, fasthttp counts to
// a threshold. This one slows down, and never gives up: what they miss may
// come back.
//
// A death is young if the worker was younger than youngNS and had served
// nobody. As many as there are workers, one after the other, are taken for
// accidents, and replaced at once. From then on one worker is started after
// each pause, and each that dies young doubles the pause.
type guard struct {
	accidents int
	deaths    int    // young ones, with no sign of health in between
	served    uint64 // by all workers, when the last of them died
	lastNS    int64  // when that was
	nextNS    int64  // no start before
}

const (
	youngNS      = 1_000_000_000
	firstPauseNS = 100_000_000
	longPauseNS  = 10_000_000_000
)

// died notes a young death, and reports whether it leads to a pause. That
// others have been served in the meantime shows that workers can live.
func (g *guard) died(now int64, served uint64) (pause bool) {
	if served != g.served {
		g.deaths = 0
	}
	g.served, g.lastNS = served, now
	g.deaths++
	g.nextNS = now + g.pauseNS()
	return g.pauseNS() > 0
}

// lives notes a worker that is up. Once it's older than any that died young,
// the matter is over.
func (g *guard) lives(now, born int64) {
	if born > g.lastNS && now-born > youngNS {
		g.deaths = 0
	}
}

// allows reports whether a worker may be started now, and spaces the starts
// while the guard is on.
func (g *guard) allows(now int64) bool {
	pause := g.pauseNS()
	if pause > 0 && now < g.nextNS {
		return false
	}
	g.nextNS = now + pause
	return true
}

// pauseNS is 0 while all may be accidents.
func (g *guard) pauseNS() int64 {
	over := g.deaths - g.accidents
	if over <= 0 {
		return 0
	}
	if over > 7 {
		return longPauseNS
	}
	return firstPauseNS << (over - 1)
}
