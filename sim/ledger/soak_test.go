package ledger

import (
	"runtime"
	"testing"
	"time"

	"forklore/sim"
)

// TestSoak keeps the books of an hour: 16 requests a second, and every half minute
// a crash of the only process. They hold no more at its end than after the first
// minutes, for what has been told is forgotten.
func TestSoak(t *testing.T) {
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	b := New(sim.EventLoop)
	const early = 40 * time.Minute // as many incidents as a book keeps are there
	var then uint64
	id, pid, up := uint64(0), 1, time.Duration(0)
	for at := sim.Interval; at <= time.Hour; at += sim.Interval {
		for range 2 - int(at/sim.Interval)%5/3 { // 16 in ten ticks
			id++
			r := Request{ID: id, Sent: at, Opened: at, End: at + 50*time.Millisecond, Latency: 50 * time.Millisecond}
			b.Sent(id, at)
			switch since := at % (30 * time.Second); {
			case since == 0:
				b.Carries(id, Carrier{N: pid, Fault: sim.FaultCrash, Kills: true})
				r.Outcome = Reset
				b.Died(Death{Pid: pid, At: at + 40*time.Millisecond, UpSince: up, Listener: true, Held: []Held{{ID: id, Executing: true}}})
			case since <= time.Second:
				r.Opened, r.Outcome = 0, Refused
			}
			b.Ended(r)
		}
		if at%(30*time.Second) == time.Second {
			pid, up = pid+1, at+sim.Interval/2
			b.Listening(up)
			b.Refilled(up)
		}
		b.Tick(at+sim.Interval-1, Vital{Up: at%(30*time.Second) > time.Second, Procs: 1, Started: uint64(pid)})
		if at == early {
			then = held()
		}
	}
	now := held()
	if now > then+256<<10 {
		t.Errorf("%d KiB after an hour, %d KiB after %v", now>>10, then>>10, early)
	}
	c := b.Requests()
	if c.Sent != id || c.Sent != c.OK+c.Failed()+c.InFlight {
		t.Errorf("%+v of %d", c, id)
	}
	if all := b.Incidents(); len(all) != maxIncidents {
		t.Errorf("%d incidents, want the newest %d", len(all), maxIncidents)
	}
	t.Logf("%d requests; %d KiB after an hour, %d KiB after %v", id, now>>10, then>>10, early)
}
