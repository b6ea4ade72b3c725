package live_test

import (
	"testing"
	"time"

	"forklore/sim"
)

var (
	loopOnly    = sim.Models(0).With(sim.EventLoop)
	preforkOnly = sim.Models(0).With(sim.Prefork)
)

// wait lets so much of the run pass.
func (l *lab) wait(what string, d time.Duration) *sim.Snapshot {
	l.t.Helper()
	at := l.last.At
	return l.until(what, func(s *sim.Snapshot) bool { return s.At > at+d })
}

// TestCloseDuringProbe: the lab's end waits for no probe.
func TestCloseDuringProbe(t *testing.T) {
	l := open(t, nil)
	l.serving()
	l.do(sim.Command{Inject: &sim.Inject{Fault: sim.FaultSlowBackend, Strength: int64(time.Minute), Models: loopOnly}})
	l.wait("the probe", 500*time.Millisecond)
	began := time.Now()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
