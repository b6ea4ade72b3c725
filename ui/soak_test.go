package ui

import (
	"context"
	"runtime"
	"testing"
	"time"

	"forklore/assets"
	"forklore/sim"
)

// soaking is the source of a run that somebody else tells the time.
type soaking struct{}

func (soaking) Snapshots() <-chan *sim.Snapshot { return nil }
func (soaking) Do(sim.Command) error            { return nil }
func (soaking) Close() error                    { return nil }

// TestSoak is an hour on the screen, without the waiting: ten snapshots a second,
// a fault each minute, every page in turn. What the screen keeps is bounded, so
// an hour needs no more memory than the first minutes did.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("36,000 snapshots")
	}
	p := newProgram(context.Background(), soaking{}, Options{Lang: "en"}, map[string]*palette{"mono": noColour})
	p.word = assets.Words("en")
	p.w, p.h = 200, 60
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const hour, early = time.Hour, 6 * time.Minute
	var then uint64
	faults := []*sim.Snapshot{after(), leak(), hanging(), killed(), big(), calm()}
	for at := sim.Interval; at <= hour; at += sim.Interval {
		tick := int(at / sim.Interval)
		from := faults[tick/600%len(faults)]
		s := *from
		s.At = at
		s.Current = nil
		for _, in := range from.Current { // as long ago as in the fixture
			in.At += at - from.At
			if in.Closed > 0 {
				in.Closed += at - from.At
			}
			in.N += tick / 600
			s.Current = append(s.Current, in)
		}
		s.Events = nil
		if tick%20 == 0 {
			s.Events = []sim.Event{{At: at, Model: sim.EventLoop, What: sim.EventRestart, Pid: tick}}
		}
		p.Update(snapshotMsg{&s})
		if tick%10 == 0 {
			p.st.over = overlay(tick / 10 % int(nOverlays))
			if p.st.over == lessonsOverlay {
				p.st.over = noOverlay
			}
			if p.View() == "" {
				t.Fatal("nothing is drawn")
			}
		}
		if at == early {
			then = held()
		}
	}
	if now := held(); now > then+1<<20 {
		t.Errorf("%d KiB after an hour, %d KiB after %v", now>>10, then>>10, early)
	} else {
		t.Logf("%d KiB after an hour, %d KiB after %v", now>>10, then>>10, early)
	}
	runtime.KeepAlive(p)
}
