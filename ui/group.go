package ui

import (
	"slices"
	"time"

	"forklore/sim"
)

const (
	backTo   = 10 * time.Second // after which an older, still open group is shown again
	together = 2 * time.Second  // deaths from outside that belong together
)

// groupID names the incidents that one strip tells of: those of one injection,
// by its number, or the deaths from outside around one moment, which have no
// number. The zero value is none.
type groupID struct {
	n  int
	at time.Duration // of the newest death, where n is 0
}

func idOf(in *sim.Incident) groupID {
	if in.N != 0 {
		return groupID{n: in.N}
	}
	return groupID{at: in.At}
}

func (id groupID) has(in *sim.Incident) bool {
	if id.n != 0 || in.N != 0 {
		return id.n == in.N
	}
	return in.At <= id.at && in.At > id.at-together
}

// pickGroup is the group to tell of: the newest since the reset, but an older
// one that is still open comes back when the newest has been closed for a while.
func pickGroup(was groupID, group, current []sim.Incident, resetAt, now time.Duration) (groupID, []sim.Incident) {
	if resetAt > 0 {
		current = slices.DeleteFunc(slices.Clone(current), func(in sim.Incident) bool { return in.At <= resetAt })
	}
	newest, newestAt := was, time.Duration(0)
	for i := range group {
		newestAt = max(newestAt, group[i].At)
	}
	var open groupID
	var openAt time.Duration
	for i := range current {
		in := &current[i]
		if in.At > newestAt {
			newest, newestAt = idOf(in), in.At
		}
		if in.Open() && in.At > openAt {
			open, openAt = idOf(in), in.At
		}
	}
	last := gather(newest, group, current)
	if open != newest && openAt > 0 && !anyOpen(last) && now-lastClosed(last) > backTo {
		return open, gather(open, group, current)
	}
	return newest, last
}

// gather collects a group's incidents, one for each model. Those that have
// left the snapshot stay as they were last seen.
func gather(id groupID, was, current []sim.Incident) []sim.Incident {
	var of [sim.NModels]*sim.Incident
	for _, from := range [][]sim.Incident{was, current} {
		for i := range from {
			if in := &from[i]; id.has(in) && in.Model >= 0 && in.Model < sim.NModels {
				of[in.Model] = in
			}
		}
	}
	var group []sim.Incident
	for _, in := range of {
		if in != nil {
			group = append(group, *in)
		}
	}
	return group
}

func anyOpen(group []sim.Incident) bool {
	for i := range group {
		if group[i].Open() {
			return true
		}
	}
	return false
}

func lastClosed(group []sim.Incident) time.Duration {
	var at time.Duration
	for i := range group {
		at = max(at, group[i].Closed)
	}
	return at
}

// hasCarrier are the faults that one request carries. Of those that many carry,
// none is the one to look at.
var hasCarrier = map[sim.Fault]bool{
	sim.FaultCrash: true, sim.FaultSegv: true, sim.FaultExit: true, sim.FaultOOM: true,
	sim.FaultSpin: true, sim.FaultForkBomb: true,
}

func groupCarrier(group []sim.Incident) uint64 {
	for i := range group {
		if group[i].Carrier != 0 && hasCarrier[group[i].Fault] {
			return group[i].Carrier
		}
	}
	return 0
}

// incident is the model's part of the group, nil if it has none.
func (s *state) incident(m sim.Model) *sim.Incident {
	for i := range s.group {
		if s.group[i].Model == m {
			return &s.group[i]
		}
	}
	return nil
}
