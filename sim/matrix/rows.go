package matrix

import (
	"maps"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// row is a fault: how it is put in here, and what should come of it.
type row struct {
	// Strength and duration, where not the catalogue's: a limit that the fault
	// drives at is to be reached in about three seconds.
	strength int64
	duration time.Duration
	tells    []tell // what the table shows beside blast radius and downtime: the first that isn't 0
	cells    [NColumns]Expectation
}

// tell is a figure and its word in the table.
type tell struct{ figure, word string }

// rows is the table. Its parts stand in the files of their kind.
var rows = func() map[sim.Fault]row {
	all := map[sim.Fault]row{}
	for _, part := range []map[sim.Fault]row{endings, keepers, holdups, outsiders} {
		maps.Copy(all, part)
	}
	return all
}()

// dose is how the fault is put in.
func dose(k fault.Kind) sim.Inject {
	in := sim.Inject{Fault: k.Fault, Strength: k.Strength, Duration: k.Duration}
	if r := rows[k.Fault]; r.strength != 0 {
		in.Strength = r.strength
	}
	if r := rows[k.Fault]; r.duration != 0 {
		in.Duration = r.duration
	}
	return in
}

// What is expected in more than one cell. An expectation that nothing happens to
// others also asks, where there is a figure, that the fault itself happened.
const (
	onlyItself = "carriers == 1 && collateral == 0"
	everybody  = "collateral >= 0.8 * in_flight && downtime_ms > 0"
	unmoved    = "collateral == 0 && delayed <= 0.3 * arrivals"
	heldUp     = "delayed >= 0.8 * in_flight"

	carried = "carried > 0"
	burst   = "arrivals >= 0.5 * strength * rate_per_s * duration_ms / 1000"
	// Alive are as many as arrive, times how long they take (Little). Half of
	// that, since not all of it comes in the time that there is.
	pileUp = "procs_peak >= 0.5 * rate_per_s * strength_ms / 1000"
	// The same, of the fourth that hangs.
	hanging = "procs_peak >= 0.5 * rate_per_s / 4 * duration_ms / 1000"
	// What the clients do to a model that can't get out of it lasts longer than
	// they do it.
	rides    = "retries > 0 && downtime_ms <= duration_ms"
	outlives = "retries > 0 && downtime_ms > duration_ms"
)
