package ledger

import (
	"testing"
	"time"

	"forklore/sim"
)

// TestLacked has rule (e): what a server says that it lacks is the fault's doing
// only where the fault takes just that away, and only while it is at work.
func TestLacked(t *testing.T) {
	for _, c := range []struct {
		fault   sim.Fault
		outcome Outcome
		status  int
		blamed  bool
	}{
		{sim.FaultDeadBackend, ErrorStatus, 502, true},
		{sim.FaultDeadBackend, ErrorStatus, 500, false},
		{sim.FaultDeadBackend, Timeout, 0, false},
		{sim.FaultDeadBackend, Reset, 0, false},
		{sim.FaultSlowBackend, ErrorStatus, 429, true},
		{sim.FaultSlowBackend, ErrorStatus, 502, false},
		{sim.FaultHang, ErrorStatus, 503, true},
		{sim.FaultBurst, ErrorStatus, 503, true},
		{sim.FaultForkBomb, ErrorStatus, 503, true},
		{sim.FaultForkBomb, Reset, 0, false},
		{sim.FaultFDLeak, ErrorStatus, 502, true},
		{sim.FaultFDLeak, Reset, 0, true},
		{sim.FaultLeak, ErrorStatus, 503, false},
		{sim.FaultBleed, ErrorStatus, 502, false},
	} {
		b := New(sim.EventLoop)
		b.Inject(1, c.fault, time.Second, 5*time.Second)
		for id, end := range []time.Duration{900 * msec, 2 * time.Second} { // before it, and during it
			r := request(uint64(id+1), 800*msec, end, c.outcome)
			r.Status = c.status
			b.Sent(r.ID, r.Sent)
			b.Ended(r)
		}
		b.Tick(10*time.Second, up)
		want := 0
		if c.blamed {
			want = 1
		}
		if i := b.Incidents()[0]; i.Lost != want || i.Carriers != 0 || b.Unattributed() != uint64(2-want) {
			t.Errorf("%s, %v %d: lost %d, unattributed %d; want %d and %d", c.fault, c.outcome, c.status, i.Lost, b.Unattributed(), want, 2-want)
		}
	}
}

// TestHang has rule (d): who hangs and is given up on is lost by what it carried,
// and no delay of its own; who waited behind it was delayed.
func TestHang(t *testing.T) {
	b := New(sim.Prefork)
	for id := uint64(1000); id < 1100; id++ {
		b.Sent(id, 0)
		b.Ended(request(id, 0, 250*msec, OK))
	}
	b.Inject(4, sim.FaultHang, time.Second, 5*time.Second)
	b.Carries(1, Carrier{N: 4, Fault: sim.FaultHang})
	b.Sent(1, 1100*msec)
	b.Sent(2, 1200*msec)
	if got := b.Carriers(4); len(got) != 1 || !got[1] {
		t.Errorf("carriers in flight: %v, want request 1", got)
	}
	b.Ended(request(1, 1100*msec, 5*time.Second, Timeout))
	b.Ended(request(2, 1200*msec, 5*time.Second, OK))
	b.Ended(request(3, 1200*msec, 5*time.Second, Timeout)) // waited, and gave up: nothing says for whom
	b.Tick(8*time.Second, up)
	if i := b.Incidents()[0]; i.Lost != 1 || i.Carriers != 1 || i.Collateral() != 0 || i.Delayed != 1 || i.Carrier != 1 || b.Unattributed() != 1 {
		t.Errorf("%+v, unattributed %d; want one carrier, one delayed, one unattributed", i, b.Unattributed())
	}
	if !b.OwnFault(1) || b.OwnFault(2) {
		t.Error("request 1 was lost by its own fault, 2 was not")
	}
}

// TestCondemned: the lab's own kill is told from one from outside by the pid, and
// from another death of that pid by the signal.
func TestCondemned(t *testing.T) {
	for _, c := range []struct {
		pid, signal int
		want        sim.Fault
	}{{7, 9, sim.FaultKill}, {8, 9, sim.FaultOutside}, {7, 0, sim.FaultOutside}} {
		b := New(sim.Prefork)
		b.Condemn(3, 7, time.Second)
		if !b.Expecting() {
			t.Error("a death is on its way")
		}
		b.Sent(1, 900*msec)
		b.Died(Death{At: 1010 * msec, Pid: c.pid, Signal: c.signal, Held: []Held{{ID: 1}}})
		b.Ended(request(1, 900*msec, 1005*msec, Reset))
		if i := b.Incidents()[0]; i.Fault != c.want || i.Collateral() != 1 {
			t.Errorf("pid %d, signal %d: %+v, want %s with one other", c.pid, c.signal, i, c.want)
		}
	}
}

// TestKillMissed: a kill of a process that was about to end killed nobody, and that
// is told when no death can come of it any more.
func TestKillMissed(t *testing.T) {
	b := New(sim.Container)
	b.Condemn(3, 7, time.Second)
	if missed := b.Tick(time.Second+settle, Vital{Up: true}); len(missed) != 0 || !b.Expecting() {
		t.Errorf("%+v; its death may still be told", missed)
	}
	missed := b.Tick(1100*msec+settle, Vital{Up: true})
	if len(missed) != 1 || missed[0].N != 3 || missed[0].Fault != sim.FaultKill || b.Expecting() || len(b.Incidents()) != 0 {
		t.Errorf("missed %+v, incidents %+v", missed, b.Incidents())
	}
}

// TestSeveralCarriers: a fault that several requests carry is one incident.
func TestSeveralCarriers(t *testing.T) {
	b := New(sim.Prefork)
	for id := uint64(1); id <= 3; id++ {
		b.Carries(id, Carrier{N: 1, Fault: sim.FaultSegv, Kills: true})
		b.Sent(id, 0)
		b.Died(Death{At: time.Duration(id) * 100 * msec, Pid: int(id), Signal: 11, Held: []Held{{ID: id, Executing: true}}})
		b.Ended(request(id, 0, time.Duration(id)*100*msec, Reset))
	}
	all := b.Incidents()
	if len(all) != 1 || all[0].Carriers != 3 || all[0].Lost != 3 || all[0].Deaths != 3 || all[0].Carrier != 1 {
		t.Errorf("%+v, want one incident of three carriers", all)
	}
}

// TestNeighbourOfAHog: if the kernel takes another process first, that is the
// hog's doing, and that process's request is no carrier.
func TestNeighbourOfAHog(t *testing.T) {
	b := New(sim.CGI)
	b.Carries(1, Carrier{N: 1, Fault: sim.FaultOOM, Kills: true})
	b.Sent(1, 0)
	b.Sent(2, 0)
	b.Died(Death{At: 300 * msec, Pid: 2, Signal: 9, OOMKills: 1, Held: []Held{{ID: 2}}})
	b.Died(Death{At: 310 * msec, Pid: 1, Signal: 9, OOMKills: 1, Held: []Held{{ID: 1, Executing: true}}})
	b.Ended(request(2, 0, 301*msec, ErrorStatus))
	b.Ended(request(1, 0, 311*msec, ErrorStatus))
	all := b.Incidents()
	if len(all) != 1 || all[0].Fault != sim.FaultOOM || all[0].Carriers != 1 || all[0].Collateral() != 1 || all[0].OOMKills != 2 {
		t.Errorf("%+v, want one incident, one carrier, one other", all)
	}
}

// TestStuckLoop has rule (f) for a loop that spins: who gives up meanwhile was
// lost by it, also who had come before, and as long as it spins it is not steady.
func TestStuckLoop(t *testing.T) {
	b := New(sim.EventLoop)
	sents := map[uint64]time.Duration{1: time.Second, 2: 900 * msec, 3: 3 * time.Second}
	b.Inject(1, sim.FaultSpin, time.Second, 2*time.Second)
	b.Carries(1, Carrier{N: 1, Fault: sim.FaultSpin})
	for id, sent := range sents {
		b.Sent(id, sent)
	}
	for at := 1100 * msec; at < 8*time.Second; at += 100 * msec {
		v := up
		if at < 7*time.Second {
			v.LagMS = (at - 1010*msec).Seconds() * 1000
		} else {
			b.Sent(4, at)
			b.Ended(request(4, at, at+20*msec, OK))
		}
		if at == 4*time.Second {
			for id, sent := range sents {
				b.Ended(request(id, sent, at, Timeout))
			}
		}
		b.Tick(at, v)
		if at < 7*time.Second && !b.Open() {
			t.Fatalf("closed at %v, while it spins", at)
		}
	}
	if i := b.Incidents()[0]; i.Lost != 3 || i.Carriers != 1 || i.Open() || b.Unattributed() != 0 {
		t.Errorf("%+v, unattributed %d; want the carrier and two others, and it over", i, b.Unattributed())
	}
}

// TestYoungLab: without enough samples to say what is late, an incident is open
// until everybody of its fault's time has been answered.
func TestYoungLab(t *testing.T) {
	b := New(sim.Prefork)
	b.Inject(1, sim.FaultHang, time.Second, 3*time.Second)
	b.Sent(1, 2*time.Second)
	for now := time.Second; now < 9*time.Second; now += 100 * msec {
		b.Tick(now, up)
	}
	if !b.Open() {
		t.Error("closed, and request 1 has been waiting for seven seconds")
	}
	b.Ended(request(1, 2*time.Second, 9*time.Second, OK))
	for now := 9 * time.Second; now < 11*time.Second; now += 100 * msec {
		b.Tick(now, up)
	}
	if b.Open() {
		t.Error("open, and everybody has been answered")
	}
}
