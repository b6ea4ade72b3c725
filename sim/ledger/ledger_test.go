package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"forklore/sim"
)

const msec = time.Millisecond

// blame is what the tests look at.
type blame struct {
	Fault                                                        sim.Fault
	InFlight, Lost, Carriers, Reset, Refused, Errors, Collateral int
}

func blames(b *Book) (out []blame) {
	for _, i := range b.Incidents() {
		out = append(out, blame{i.Fault, i.InFlight, i.Lost, i.Carriers, i.Reset, i.Refused, i.Errors, i.Collateral()})
	}
	return out
}

// up is a model without a care.
var up = Vital{Up: true}

func request(id uint64, sent, end time.Duration, o Outcome) Request {
	return Request{ID: id, Sent: sent, Opened: sent + msec, End: end, Latency: end - sent, Outcome: o}
}

// TestBlame has the rules one by one: what a death explains, and what it doesn't.
func TestBlame(t *testing.T) {
	loop := Death{At: 1000 * msec, Pid: 7, Proof: "exit status 2", Listener: true, UpSince: 0,
		Held: []Held{{ID: 1, Executing: true}, {ID: 2}}}
	worker := Death{At: 1000 * msec, Pid: 7, Proof: "exit status 2", Held: []Held{{ID: 1, Executing: true}}}
	refused := func(id uint64, sent time.Duration) Request {
		return Request{ID: id, Sent: sent, End: sent + msec, Outcome: Refused}
	}
	for _, c := range []struct {
		name         string
		death        Death
		listening    time.Duration
		before       []Request // the client saw their end before the lab saw the death
		after        []Request
		want         blame
		unattributed uint64
	}{
		{
			name: "(a) the carrier alone", death: worker,
			before: []Request{request(1, 800*msec, 999*msec, Reset)},
			want:   blame{Fault: "crash", InFlight: 1, Lost: 1, Carriers: 1, Reset: 1},
		},
		{
			name: "(a) a request that the dead process held, answered with an error by its host", death: worker,
			after: []Request{request(1, 800*msec, 1002*msec, ErrorStatus)},
			want:  blame{Fault: "crash", InFlight: 1, Lost: 1, Carriers: 1, Errors: 1},
		},
		{
			name: "a worker's death explains no other worker's reset", death: worker,
			before:       []Request{request(1, 800*msec, 999*msec, Reset), request(2, 800*msec, 999*msec, Reset)},
			want:         blame{Fault: "crash", InFlight: 1, Lost: 1, Carriers: 1, Reset: 1},
			unattributed: 1,
		},
		{
			name: "(a) neighbours on the loop's board", death: loop,
			before: []Request{request(1, 800*msec, 999*msec, Reset)},
			after:  []Request{request(2, 900*msec, 1001*msec, Reset)},
			want:   blame{Fault: "crash", InFlight: 2, Lost: 2, Carriers: 1, Reset: 2, Collateral: 1},
		},
		{
			name: "(b) connected, but not read yet", death: loop,
			before: []Request{request(1, 800*msec, 999*msec, Reset), request(3, 990*msec, 999*msec, Reset)},
			want:   blame{Fault: "crash", InFlight: 2, Lost: 2, Carriers: 1, Reset: 2, Collateral: 1},
		},
		{
			name: "(b) a connection that ended long before is not its", death: loop,
			before:       []Request{request(1, 800*msec, 999*msec, Reset), request(3, 100*msec, 500*msec, Reset)},
			want:         blame{Fault: "crash", InFlight: 1, Lost: 1, Carriers: 1, Reset: 1},
			unattributed: 1,
		},
		{
			name: "(c) refused while nobody listens, and not after", death: loop, listening: 2000 * msec,
			before:       []Request{request(1, 800*msec, 999*msec, Reset)},
			after:        []Request{refused(4, 1100*msec), refused(5, 1900*msec), refused(6, 2100*msec)},
			want:         blame{Fault: "crash", InFlight: 1, Lost: 3, Carriers: 1, Reset: 1, Refused: 2, Collateral: 2},
			unattributed: 1,
		},
		{
			name: "a time-out while a neighbour crashes is nobody's fault here", death: worker,
			before:       []Request{request(1, 800*msec, 999*msec, Reset), request(9, 700*msec, 999*msec, Timeout)},
			after:        []Request{request(10, 900*msec, 1100*msec, Timeout)},
			want:         blame{Fault: "crash", InFlight: 2, Lost: 1, Carriers: 1, Reset: 1}, // 10 was open
			unattributed: 2,
		},
		{
			name: "a client that gave up before its process died was not lost by it", death: loop,
			before:       []Request{request(1, 800*msec, 999*msec, Reset), request(2, 700*msec, 900*msec, Timeout)},
			want:         blame{Fault: "crash", InFlight: 1, Lost: 1, Carriers: 1, Reset: 1},
			unattributed: 1,
		},
		{
			name: "a death without a carrier is nobody's here", death: Death{At: 1000 * msec, Proof: "signal 9 (SIGKILL)", Held: []Held{{ID: 5}}},
			before: []Request{request(5, 900*msec, 999*msec, Reset)},
			want:   blame{Fault: "outside", InFlight: 1, Lost: 1, Reset: 1, Collateral: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New(sim.EventLoop)
			b.Carries(1, Carrier{N: 1, Fault: sim.FaultCrash, Kills: true})
			for _, r := range append(append([]Request{}, c.before...), c.after...) {
				if r.Sent <= c.death.At {
					b.Sent(r.ID, r.Sent)
				}
			}
			for _, r := range c.before {
				b.Ended(r)
			}
			b.Died(c.death)
			for _, r := range c.after {
				if r.Sent > c.death.At {
					b.Sent(r.ID, r.Sent)
				}
				if c.listening != 0 && r.End > c.listening {
					b.Listening(c.listening)
				}
				b.Ended(r)
			}
			b.Tick(5000*msec, up)
			if diff := cmp.Diff([]blame{c.want}, blames(b)); diff != "" {
				t.Errorf("blame (-want +got):\n%s", diff)
			}
			if got := b.Unattributed(); got != c.unattributed {
				t.Errorf("unattributed %d, want %d", got, c.unattributed)
			}
		})
	}
}

// TestDowntime: from the first innocent failure to the first success after the
// last, and the incident closes a second after all is well.
func TestDowntime(t *testing.T) {
	b := New(sim.EventLoop)
	b.Carries(1, Carrier{N: 3, Fault: sim.FaultCrash, Kills: true})
	b.Sent(1, 800*msec)
	b.Sent(2, 900*msec)
	b.Ended(request(1, 800*msec, 999*msec, Reset))
	b.Ended(request(2, 900*msec, 1000*msec, Reset))
	b.Died(Death{At: 1001 * msec, Listener: true, Proof: "exit status 2", Held: []Held{{ID: 1, Executing: true}, {ID: 2}}})
	b.Sent(3, 1500*msec)
	b.Ended(Request{ID: 3, Sent: 1500 * msec, End: 1501 * msec, Outcome: Refused})
	for at := 1100 * msec; at < 2000*msec; at += 100 * msec {
		b.Tick(at, Vital{})
	}
	b.Listening(2000 * msec)
	b.Refilled(2000 * msec)
	b.Sent(4, 2050*msec)
	b.Ended(request(4, 2050*msec, 2300*msec, OK))
	for at := 2000 * msec; at < 4000*msec; at += 100 * msec {
		b.Tick(at, up)
	}
	i := b.Incidents()[0]
	if got, want := i.Downtime, 1300*msec; got != want {
		t.Errorf("downtime %v, want %v: from the reset of 2 to the answer to 4", got, want)
	}
	if !i.Recovered || i.Closed != 3000*msec {
		t.Errorf("recovered %v at %v, want at 3s: a second after it was whole again", i.Recovered, i.Closed)
	}
	if i.Lacking != 999*msec {
		t.Errorf("capacity lost for %v, want 999ms", i.Lacking)
	}
	if i.N != 3 || i.Carrier != 1 {
		t.Errorf("incident %d of carrier %d, want 3 of 1", i.N, i.Carrier)
	}
}

// TestDelayed: late is more than 1.5 times the steady p99 and 50 ms more, by at
// least a hundred samples.
func TestDelayed(t *testing.T) {
	for _, c := range []struct {
		samples int
		latency time.Duration
		want    int
	}{
		{samples: 99, latency: time.Second, want: 0},
		{samples: 100, latency: 140 * msec, want: 0},
		{samples: 100, latency: 151 * msec, want: 1},
	} {
		b := New(sim.Prefork)
		for id := range uint64(c.samples) {
			b.Sent(id+10, 0)
			b.Ended(request(id+10, 0, 100*msec, OK))
		}
		b.Inject(1, sim.FaultLeak, 500*msec, 20*time.Second)
		b.Sent(1, 600*msec)
		b.Ended(request(1, 600*msec, 600*msec+c.latency, OK))
		if got := b.Incidents()[0].Delayed; got != c.want {
			t.Errorf("%d samples, %v: delayed %d, want %d", c.samples, c.latency, got, c.want)
		}
	}
}

// TestBaseline: what was sent while a fault pressed on the machine, in whichever
// model, or within a second of that, says nothing of the steady state; unless there
// is nothing better.
func TestBaseline(t *testing.T) {
	for _, c := range []struct {
		before int
		want   float64
	}{
		{200, 120},
		{50, 3000}, // too few to say anything
	} {
		b := New(sim.CGI)
		id := uint64(0)
		answers := func(n int, sent, latency time.Duration) {
			for range n {
				id++
				b.Sent(id, sent)
				b.Ended(request(id, sent, sent+latency, OK))
			}
		}
		answers(c.before, 0, 100*msec)
		b.Tick(time.Second, Vital{Up: true, Pressed: true})
		answers(200, 1100*msec, 3*time.Second) // the others' fault
		b.Tick(4*time.Second, Vital{Up: true})
		answers(200, 1900*msec, 2*time.Second) // what it left
		answers(4, 4*time.Second, 120*msec)
		b.Inject(1, sim.FaultLeak, 5*time.Second, 20*time.Second)
		if got := b.Incidents()[0].Before.P99MS; got != c.want {
			t.Errorf("%d answers before: steady p99 %v ms, want %v", c.before, got, c.want)
		}
	}
}

// TestQueueDrains: an incident is not over while a queue that began with it has not
// been empty since, unless that takes so long that it is the load's.
func TestQueueDrains(t *testing.T) {
	for _, c := range []struct {
		before  int
		emptyAt time.Duration
		want    time.Duration
	}{
		{0, 7 * time.Second, 7 * time.Second},
		{0, time.Hour, 4*time.Second + drainsFor},
		{3, time.Hour, 4 * time.Second},
	} {
		b := New(sim.CGI)
		b.Tick(time.Second, Vital{Up: true, Queue: c.before})
		b.Inject(1, sim.FaultBurst, time.Second, 4*time.Second)
		for at := 1100 * msec; at < 30*time.Second; at += 100 * msec {
			v := Vital{Up: true, Queue: 50}
			if at >= c.emptyAt {
				v.Queue = 0
			}
			b.Tick(at, v)
		}
		if got := b.Incidents()[0].Closed; got != c.want {
			t.Errorf("%+v: closed at %v", c, got)
		}
	}
}

// TestLeak: an OOM kill during a leak belongs to the leak, has no carrier, and
// its proof is the kernel's count; without one the slope of memory is.
func TestLeak(t *testing.T) {
	b := New(sim.EventLoop)
	b.Inject(1, sim.FaultLeak, 0, 20*time.Second)
	b.Carries(1, Carrier{N: 1, Fault: sim.FaultLeak, Bytes: 4 << 20})
	b.Sent(1, 10*msec)
	b.Ended(request(1, 10*msec, 300*msec, OK))
	for at := time.Duration(0); at < 5*time.Second; at += 100 * msec {
		b.Tick(at, Vital{Up: true, MemoryBytes: 10<<20 + int64(at/msec)<<10})
	}
	if i := b.Incidents()[0]; i.Leaks != 1 || i.LeakB != 4<<20 || i.SlopeBPS < 0.99*1000*1024 || i.SlopeBPS > 1.01*1000*1024 {
		t.Errorf("leaks %d, bytes %d, slope %.0f; want 1, 4 MiB, 1 MiB/s", i.Leaks, i.LeakB, i.SlopeBPS)
	}
	b.Sent(2, 5000*msec)
	b.Died(Death{At: 5100 * msec, Pid: 42, Signal: 9, Proof: "signal 9 (SIGKILL)", OOMKills: 1, Listener: true, Held: []Held{{ID: 2}}})
	b.Ended(request(2, 5000*msec, 5100*msec, Reset))
	i := b.Incidents()[0]
	if i.Carriers != 0 || i.Collateral() != 1 || i.Proof != "oom_kill 1; pid 42, signal 9 (SIGKILL)" {
		t.Errorf("carriers %d, collateral %d, proof %q", i.Carriers, i.Collateral(), i.Proof)
	}
	b.Undo(5200 * msec)
	b.Listening(6200 * msec)
	b.Sent(3, 6300*msec)
	b.Ended(request(3, 6300*msec, 6400*msec, OK))
	for at := 6200 * msec; at < 8000*msec; at += 100 * msec {
		b.Tick(at, up)
	}
	if i := b.Incidents()[0]; !i.Undone || !i.Recovered {
		t.Errorf("undone %v, recovered %v, want both", i.Undone, i.Recovered)
	}
}

var allFaults = []sim.Fault{sim.FaultCrash, sim.FaultOOM, sim.FaultLeak, sim.FaultFDLeak, sim.FaultBleed, sim.FaultHang,
	sim.FaultSpin, sim.FaultForkBomb, sim.FaultSlowClient, sim.FaultSlowBackend, sim.FaultDeadBackend, sim.FaultBurst, sim.FaultRetryStorm}

// TestInvariants: whatever happens in whatever order, the books add up.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(sim.Model(rapid.IntRange(0, 3).Draw(t, "model")))
		now, next := time.Duration(0), uint64(1)
		open := map[uint64]time.Duration{}
		anyOpen := func() (uint64, bool) {
			if len(open) == 0 {
				return 0, false
			}
			ids := make([]uint64, 0, len(open))
			for id := uint64(1); id < next; id++ {
				if _, ok := open[id]; ok {
					ids = append(ids, id)
				}
			}
			return rapid.SampledFrom(ids).Draw(t, "id"), true
		}
		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) {
				now += time.Duration(rapid.IntRange(1, 900).Draw(t, "ms")) * msec
				b.Tick(now, Vital{Up: rapid.Bool().Draw(t, "up"), MemoryBytes: rapid.Int64Range(0, 1<<30).Draw(t, "mem")})
			},
			"send": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "carrier") {
					f := rapid.SampledFrom(allFaults).Draw(t, "fault")
					b.Carries(next, Carrier{N: rapid.IntRange(1, 5).Draw(t, "n"), Fault: f, Kills: rapid.Bool().Draw(t, "kills")})
				}
				if rapid.Bool().Draw(t, "retry") {
					b.Retried(next, now)
				} else {
					b.Sent(next, now)
				}
				open[next] = now
				next++
			},
			"end": func(t *rapid.T) {
				id, ok := anyOpen()
				if !ok {
					return
				}
				r := request(id, open[id], now, Outcome(rapid.IntRange(0, 4).Draw(t, "outcome")))
				r.Status = rapid.SampledFrom([]int{500, 502, 503, 429}).Draw(t, "status")
				r.Wrong = rapid.Bool().Draw(t, "wrong")
				b.Ended(r)
				delete(open, id)
			},
			"local": func(t *rapid.T) {
				if id, ok := anyOpen(); ok {
					b.Local(id)
					delete(open, id)
				}
			},
			"die": func(t *rapid.T) {
				d := Death{At: now, Pid: rapid.IntRange(1, 3).Draw(t, "pid"), Signal: rapid.SampledFrom([]int{0, 9, 11}).Draw(t, "signal"), Listener: rapid.Bool().Draw(t, "listener"), OOMKills: rapid.Uint64Range(0, 1).Draw(t, "oom")}
				if id, ok := anyOpen(); ok {
					d.Held = []Held{{ID: id, Executing: rapid.Bool().Draw(t, "executing")}}
				}
				b.Died(d)
			},
			"listen": func(*rapid.T) { b.Listening(now); b.Refilled(now) },
			"kill":   func(t *rapid.T) { b.Condemn(6, rapid.IntRange(1, 3).Draw(t, "pid"), now) },
			"inject": func(t *rapid.T) {
				b.Inject(rapid.IntRange(1, 5).Draw(t, "n"), rapid.SampledFrom(allFaults).Draw(t, "fault"), now, now+time.Second)
			},
			"undo": func(*rapid.T) { b.Undo(now) },
			"": func(t *rapid.T) {
				if err := b.Check(); err != nil {
					t.Fatal(err)
				}
				r := b.Requests()
				if sum := r.OK + r.Failed() + r.InFlight; r.Sent != sum {
					t.Fatalf("sent %d, the rest adds up to %d", r.Sent, sum)
				}
				if int(r.InFlight) != len(open) {
					t.Fatalf("in flight %d, want %d", r.InFlight, len(open))
				}
				lost := 0
				for _, i := range b.Incidents() {
					lost += i.Lost
					if i.Lost != i.Carriers+i.Collateral() || i.Lost < i.Reset+i.Refused+i.Errors || i.Carriers > i.Lost || i.Carriers < 0 {
						t.Fatalf("incident %+v doesn't add up", i)
					}
					if i.OK+i.Wrong > i.InFlight+i.Arrivals {
						t.Fatalf("incident %+v: more answers than there were requests", i)
					}
					if i.Downtime < 0 || i.Lacking < 0 {
						t.Fatalf("incident %+v has a negative time", i)
					}
				}
				if len(b.incidents) < maxIncidents && uint64(lost)+b.Unattributed()+uint64(len(b.pending)) != r.Failed() {
					t.Fatalf("failed %d; lost %d, unattributed %d, pending %d", r.Failed(), lost, b.Unattributed(), len(b.pending))
				}
			},
		})
	})
}

// TestGuilt: a request that is at its leak when its process dies of another's
// crash, or of a kill from outside, is a victim and no carrier.
func TestGuilt(t *testing.T) {
	b := New(sim.EventLoop)
	b.Inject(1, sim.FaultLeak, 0, 20*time.Second)
	b.Carries(10, Carrier{N: 2, Fault: sim.FaultCrash, Kills: true})
	for id := uint64(9); id <= 12; id++ {
		b.Sent(id, 900*msec)
	}
	own := b.Died(Death{At: 1000 * msec, Proof: "exit status 2", Listener: true,
		Held: []Held{{ID: 9, Executing: true}, {ID: 10, Executing: true}, {ID: 11}, {ID: 12}}})
	if diff := cmp.Diff([]uint64{10}, own); diff != "" {
		t.Errorf("died of their own fault (-want +got):\n%s", diff)
	}
	for id := uint64(9); id <= 12; id++ {
		b.Ended(request(id, 900*msec, 1000*msec, Reset))
	}
	i := b.Incidents()[1]
	if i.Fault != sim.FaultCrash || i.Carriers != 1 || i.Collateral() != 3 || i.InFlight != 4 {
		t.Errorf("%+v, want a crash with one carrier, three others, four in flight", i)
	}
	b.Listening(2000 * msec)
	b.Sent(13, 3000*msec)
	b.Died(Death{At: 6000 * msec, Signal: 9, Proof: "signal 9 (SIGKILL)", Listener: true, Held: []Held{{ID: 13, Executing: true}}})
	b.Ended(request(13, 3000*msec, 6000*msec, Reset))
	if i := b.Incidents()[2]; i.Fault != sim.FaultOutside || i.Carriers != 0 || i.Lost != 1 {
		t.Errorf("%+v, want a kill from outside without a carrier", i)
	}
}

// TestOldLeak: an OOM kill belongs to a leak that is over only where something
// of it can be left.
func TestOldLeak(t *testing.T) {
	for _, c := range []struct {
		model   sim.Model
		renewed bool
		want    sim.Fault
	}{
		{sim.Prefork, false, sim.FaultLeak},
		{sim.EventLoop, false, sim.FaultLeak},
		{sim.EventLoop, true, sim.FaultOutside},
		{sim.CGI, false, sim.FaultOutside},
		{sim.Container, false, sim.FaultOutside},
	} {
		b := New(c.model)
		b.Inject(1, sim.FaultLeak, 0, time.Second)
		b.Carries(1, Carrier{N: 1, Fault: sim.FaultLeak, Bytes: 4 << 20})
		b.Sent(1, 0)
		b.Ended(request(1, 0, 100*msec, OK))
		for at := time.Duration(0); at < 4*time.Second; at += 100 * msec {
			b.Tick(at, up)
		}
		if b.Open() {
			t.Fatalf("%s: the leak is still open", c.model)
		}
		if c.renewed {
			b.Listening(5 * time.Second)
		}
		b.Died(Death{At: time.Hour, Signal: 9, Proof: "signal 9 (SIGKILL)", OOMKills: 1})
		all := b.Incidents()
		found := sim.FaultOutside
		for _, i := range all {
			if i.Fault == sim.FaultLeak && i.Open() {
				found = sim.FaultLeak
			}
		}
		if found != c.want {
			t.Errorf("%s, renewed %v: the OOM kill went to %s, want %s", c.model, c.renewed, found, c.want)
		}
	}
}

// TestOutages: losses with answers in between are outages of their own, and one
// that nobody asks about any more ends when the processes are back.
func TestOutages(t *testing.T) {
	b := New(sim.Prefork)
	b.Inject(1, sim.FaultLeak, 0, 20*time.Second)
	kill := func(id uint64, at time.Duration) {
		b.Sent(id, at-100*msec)
		b.Ended(request(id, at-100*msec, at, Reset))
		b.Died(Death{At: at, Signal: 9, OOMKills: 1, Held: []Held{{ID: id}}})
	}
	for k := range 3 {
		at := time.Duration(1+4*k) * time.Second
		kill(uint64(10+k), at)
		b.Refilled(at + 30*msec)
		if k < 2 {
			b.Sent(uint64(20+k), at)
			b.Ended(request(uint64(20+k), at, at+50*msec, OK))
		}
	}
	b.Tick(15*time.Second, Vital{Up: true, Paused: true})
	if i := b.Incidents()[0]; i.Lost != 3 || i.Downtime != 130*msec {
		t.Errorf("lost %d, downtime %v; want 3, and 50 + 50 + 30 ms", i.Lost, i.Downtime)
	}
}

// TestTrouble: a model that fails requests says so, whoever is to blame; a
// carrier that waits for its death doesn't count.
func TestTrouble(t *testing.T) {
	b := New(sim.CGI)
	b.Sent(1, 0)
	b.Ended(request(1, 0, 100*msec, ErrorStatus))
	for _, c := range []struct {
		at   time.Duration
		want bool
	}{{150 * msec, false}, {400 * msec, true}, {2000 * msec, true}, {2200 * msec, true}, {3500 * msec, false}} {
		b.Tick(c.at, up)
		if losing, _ := b.Trouble(); losing != c.want {
			t.Errorf("at %v: losing %v, want %v", c.at, losing, c.want)
		}
	}
}

// TestLacking: processes are missing from the first death of a burst until all
// are there again.
func TestLacking(t *testing.T) {
	b := New(sim.Prefork)
	for k := range 3 {
		b.Died(Death{At: time.Duration(1000+100*k) * msec, Proof: "signal 9 (SIGKILL)", Signal: 9})
	}
	b.Refilled(1500 * msec)
	if i := b.Incidents()[0]; i.Deaths != 3 || i.Lacking != 500*msec {
		t.Errorf("%d deaths, lacking %v; want 3 and 500ms", i.Deaths, i.Lacking)
	}
}

// A leak in a sandbox that has served others before is everybody's, as in a
// worker; in one that served this request alone it's its own. What stays in
// warm sandboxes may strike after the fault's end; with the mode it goes.
func TestWarmLeak(t *testing.T) {
	for _, tc := range []struct {
		name   string
		reused bool
		own    int
	}{{"reused", true, 0}, {"first call", false, 1}} {
		b := New(sim.Container)
		b.Mode(sim.ModeWarm)
		b.Inject(1, sim.FaultLeak, 0, 10*time.Second)
		b.Sent(1, 900*msec)
		b.Carries(1, Carrier{N: 1, Fault: sim.FaultLeak, Bytes: 4 << 20})
		own := b.Died(Death{At: 1000 * msec, OOMKills: 1, Proof: "signal 9", Held: []Held{{ID: 1, Executing: true, Reused: tc.reused}}})
		b.Ended(Request{ID: 1, Sent: 900 * msec, Opened: 901 * msec, End: 1000 * msec, Outcome: ErrorStatus})
		if i := b.Incidents()[0]; len(own) != tc.own || i.Carriers != tc.own || i.Lost != 1 || i.Mode != sim.ModeWarm {
			t.Errorf("%s: own %v, %+v; want %d carriers of 1 lost", tc.name, own, i, tc.own)
		}
	}
	for _, tc := range []struct {
		mode      string
		incidents int
	}{{sim.ModeWarm, 1}, {sim.ModeFresh, 2}} {
		b := New(sim.Container)
		b.Mode(sim.ModeWarm)
		b.Inject(1, sim.FaultLeak, 0, 500*msec)
		b.Sent(1, 100*msec)
		b.Carries(1, Carrier{N: 1, Fault: sim.FaultLeak, Bytes: 4 << 20})
		b.Ended(Request{ID: 1, Sent: 100 * msec, Opened: 101 * msec, End: 200 * msec, Outcome: OK})
		for now := 200 * msec; now < 5000*msec; now += 100 * msec {
			b.Tick(now, Vital{Up: true})
		}
		if b.Open() {
			t.Fatal("the leak is still open")
		}
		if tc.mode != sim.ModeWarm {
			b.Mode(tc.mode)
		}
		b.Died(Death{At: 5000 * msec, OOMKills: 1, Proof: "signal 9"})
		if n := len(b.Incidents()); n != tc.incidents {
			t.Errorf("an OOM kill after the leak, mode %s: %d incidents, want %d", tc.mode, n, tc.incidents)
		}
	}
}
