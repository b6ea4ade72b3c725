package ui

import (
	"math"
	"time"

	"forklore/sim"
)

// minute are the snapshots of the minute before the last one: its own figures,
// a little up and down, and of a leak what it does to the memory.
func minute(last *sim.Snapshot) []*sim.Snapshot {
	var all []*sim.Snapshot
	for ago := time.Minute; ago > 0; ago -= sim.Interval {
		s := *last
		s.At -= ago
		s.Current, s.Events, s.Active = nil, nil, nil
		t := s.At.Seconds()
		for m := range s.Model {
			ms := &s.Model[m]
			base := calm().Model[m]
			ms.State, ms.ProcsNow = sim.OK, base.ProcsNow
			if m == int(sim.CGI) || m == int(sim.Container) {
				ms.ProcsNow += int(2 * math.Sin(t*2+float64(m)))
			}
			ms.Memory.Bytes = base.Memory.Bytes + int64(math.Sin(t+float64(m))*float64(2<<20))
			ms.Recent.Latency.P99 += 40 * math.Sin(t/3+float64(m))
			for i := range last.Current {
				in := &last.Current[i]
				since := s.At - in.At
				if in.Model != sim.Model(m) || since < 0 {
					continue
				}
				if in.Fault == sim.FaultLeak && (m == int(sim.Prefork) || m == int(sim.EventLoop)) {
					ms.Memory.Bytes += int64(since.Seconds() * float64(10<<20))
				}
				if m == int(sim.EventLoop) && since < in.Downtime {
					ms.Memory.Bytes, ms.ProcsNow = 0, 0
				}
			}
			ms.Requests.OK = uint64(16 * t)
		}
		all = append(all, &s)
	}
	for m := range last.Model {
		last.Model[m].Requests.OK = uint64(16 * last.At.Seconds())
		last.Model[m].Recent.Histogram = sim.Histogram{15: 2, 16: 9, 17: 120, 18: 27, 20: 2}
		mem := &last.Model[m].Memory
		mem.AnonBytes, mem.FileBytes, mem.KernelBytes = mem.Bytes*7/10, mem.Bytes/5, mem.Bytes/10
		mem.PidsNow, mem.PidsPeak = 9, 14
	}
	return append(all, last)
}
