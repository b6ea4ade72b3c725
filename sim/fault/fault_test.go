package fault

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/runtimes/app"
	"forklore/sim"
)

func TestParse(t *testing.T) {
	loop := sim.Models(0).With(sim.EventLoop)
	all := sim.AllModels
	for _, c := range []struct {
		text string
		want Injection
	}{
		{"crash@3s", Injection{3 * time.Second, sim.Inject{Fault: "crash", Models: all, Strength: 1}}},
		{"crash=3@3s", Injection{3 * time.Second, sim.Inject{Fault: "crash", Models: all, Strength: 3}}},
		{"leak@5s:eventloop", Injection{5 * time.Second, sim.Inject{Fault: "leak", Models: loop, Strength: 4 << 20, Duration: 20 * time.Second}}},
		{"leak=8MiB@1m+500ms:cgi,eventloop", Injection{time.Minute, sim.Inject{Fault: "leak", Models: loop.With(sim.CGI), Strength: 8 << 20, Duration: 500 * time.Millisecond}}},
		{"spin=500ms@1s", Injection{time.Second, sim.Inject{Fault: "spin", Models: all, Strength: 5e8}}},
		{"slow-client=64@1s+2s", Injection{time.Second, sim.Inject{Fault: "slow-client", Models: all, Strength: 64, Duration: 2 * time.Second}}},
		{"retry-storm=200ms@0s", Injection{0, sim.Inject{Fault: "retry-storm", Models: all, Strength: 2e8, Duration: 4 * time.Second}}},
		{"dead-backend@0s", Injection{0, sim.Inject{Fault: "dead-backend", Models: all, Duration: 3 * time.Second}}},
	} {
		got, err := Parse(c.text, sim.AllModels)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
	for text, want := range map[string]string{
		"crash":              "no @ with a time",
		"crush@3s":           "unknown fault \"crush\"",
		"crash=0@3s":         "from 1 to 20",
		"crash=x@3s":         "from 1 to 20",
		"leak=4@3s":          "from 4KiB to 1GiB",
		"dead-backend=3@1s":  "has no strength",
		"spin=1h@1s":         "from 1ms to 30s",
		"crash@3s+1s":        "strikes once",
		"leak@3s+1h":         "not a duration",
		"leak@3s:cgi,apache": "unknown model \"apache\"",
		"burst=1000@1s":      "from 2 to 100",
		"retry-storm=20s@1s": "from 0s to 10s",
	} {
		if _, err := Parse(text, sim.AllModels); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), Syntax) {
			t.Errorf("%s: %v, want %q and the syntax", text, err, want)
		}
	}
}

// TestCatalogue: each entry can be written as the help says, in its own bounds,
// and each bound is one.
func TestCatalogue(t *testing.T) {
	for _, k := range Catalogue {
		text := string(k.Fault)
		if k.Unit != "" {
			text += "=" + k.Unit.Text(k.Strength)
		}
		in, err := Parse(text+"@1s", sim.AllModels)
		if err != nil || in.Strength != k.Strength || in.Duration != k.Duration {
			t.Errorf("%s: %+v, %v; want its own strength and duration", text, in, err)
		}
		if k.Unit != "" && (k.Strength < k.Least || k.Strength > k.Most || k.Most <= k.Least) {
			t.Errorf("%s: %d is not from %d to %d", k.Fault, k.Strength, k.Least, k.Most)
		}
		if k.Every > 0 && k.Duration == 0 {
			t.Errorf("%s: nothing ends it", k.Fault)
		}
		if k.Step != 0 && !k.Step.Fault() {
			t.Errorf("%s: its step needs no token", k.Fault)
		}
		if n := k.StepN(k.Most, 128<<20); k.Step != 0 && (n < 1 || n > k.Step.Most()) {
			t.Errorf("%s: at its strongest the step has %d, the application takes %d at most", k.Fault, n, k.Step.Most())
		}
	}
	if some, err := ParseNames("leak,crash"); err != nil || len(some) != 2 || some[0].Fault != sim.FaultCrash {
		t.Errorf("leak,crash: %v, %v; want both, in the catalogue's order", some, err)
	}
	if _, err := ParseNames("leak,crush"); err == nil {
		t.Error("leak,crush: want an error")
	}
}

// FuzzParse: whatever is written, it is an injection in bounds or one line that
// says what would be right.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"crash@3s", "leak@5s+1s:eventloop,cgi", "@", "crash@", "crash@1s:", "leak@1s+", "crash@-1s", "leak@1s+99h", "x@1s\n", "spin=2s@1s", "burst=10@1s+1s:cgi", "leak=@1s", "oom=-1@1s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		in, err := Parse(s, sim.AllModels)
		if err != nil {
			if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), Syntax) {
				t.Fatalf("%q: %q is not one line with the syntax", s, err)
			}
			return
		}
		if in.At < 0 || in.At > maxAt || in.Duration < 0 || in.Duration > maxDuration || in.Models == 0 || in.Models&^sim.AllModels != 0 {
			t.Fatalf("%q: out of bounds: %+v", s, in)
		}
	})
}

func steps(t *testing.T, query string) (s app.Steps) {
	t.Helper()
	if !s.Parse(query) {
		t.Fatalf("bad steps %q", query)
	}
	return s
}

func query(s app.Steps) string { return string(s.AppendQuery(nil)) }

func kind(t *testing.T, f sim.Fault) Kind {
	t.Helper()
	k, ok := Find(f)
	if !ok {
		t.Fatalf("no %s in the catalogue", f)
	}
	return k
}

// TestOneCarrier: one arrival carries the crash, in every targeted model, and
// after half of its first io.
func TestOneCarrier(t *testing.T) {
	var p Plan
	api := steps(t, "cpu_us=1000&io_us=250001&io_us=8")
	c7 := p.Carry(7, kind(t, sim.FaultCrash), 1, 1, sim.Models(0).With(sim.CGI).With(sim.EventLoop))
	if _, more := p.Found(c7); p.Waiting() != sim.FaultCrash || !more {
		t.Error("a crash without a carrier waits")
	}
	for id := uint64(1); id <= 2; id++ {
		for m := range sim.NModels {
			got, c := p.Steps(id, api, m)
			want, carried := query(api), Carried{}
			if id == 1 && (m == sim.CGI || m == sim.EventLoop) {
				want, carried = "cpu_us=1000&io_us=125000&crash=1&io_us=125001&io_us=8", Carried{Fault: sim.FaultCrash, N: 7, StepN: 1}
			}
			if query(got) != want || c != carried {
				t.Errorf("arrival %d in %s: %s %+v, want %s %+v", id, m, query(got), c, want, carried)
			}
		}
	}
	if n, more := p.Found(c7); p.Waiting() != "" || more || n != 1 {
		t.Error("it has its carrier")
	}
	p.Carry(8, kind(t, sim.FaultCrash), 1, 1, sim.AllModels)
	got, _ := p.Steps(3, steps(t, "cpu_us=5"), sim.CGI)
	if query(got) != "cpu_us=5&crash=1" {
		t.Errorf("without io: %s, want the crash last", query(got))
	}
}

// TestSeveral: as many requests carry it as its strength says, one after the
// other; a fault that kills nobody comes first in its request.
func TestSeveral(t *testing.T) {
	var p Plan
	p.Carry(1, kind(t, sim.FaultSegv), 2, 1, sim.AllModels)
	p.Carry(2, kind(t, sim.FaultSpin), 5, 77, sim.AllModels)
	var got []string
	for id := uint64(1); id <= 4; id++ {
		s, _ := p.Steps(id, steps(t, "io_us=8"), sim.Prefork)
		got = append(got, query(s))
	}
	want := []string{"io_us=4&segv=1&io_us=4", "io_us=4&segv=1&io_us=4", "spin_us=77&io_us=8", "io_us=8"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCarrierFits: who would be given up before its crash makes no carrier.
func TestCarrierFits(t *testing.T) {
	p := Plan{Timeout: 200 * time.Millisecond}
	p.Carry(1, kind(t, sim.FaultCrash), 1, 1, sim.AllModels)
	if _, c := p.Steps(1, steps(t, "io_us=150000"), sim.CGI); c.Fault != "" {
		t.Error("half of 150 ms is too near to a time-out of 200 ms")
	}
	if _, c := p.Steps(2, steps(t, "io_us=50000"), sim.CGI); c.Fault != sim.FaultCrash {
		t.Error("half of 50 ms is well before it")
	}
}

func TestEveryFourthLeaks(t *testing.T) {
	var p Plan
	leak := kind(t, sim.FaultLeak)
	models := sim.Models(0).With(sim.Prefork)
	c5 := p.Carry(5, leak, leak.Strength, leak.StepN(leak.Strength, 0), models)
	if p.Waiting() != "" {
		t.Error("a fault that lasts waits for nobody")
	}
	var leaky []uint64
	for id := uint64(11); id < 21; id++ {
		for m := range sim.NModels {
			got, c := p.Steps(id, steps(t, "io_us=9"), m)
			if c.Fault == "" {
				continue
			}
			if m != sim.Prefork || c.StepN != leak.Strength || query(got) != "leak_bytes=4194304&io_us=9" {
				t.Errorf("arrival %d in %s: %s %+v", id, m, query(got), c)
			}
			leaky = append(leaky, id)
		}
	}
	if diff := cmp.Diff([]uint64{11, 15, 19}, leaky); diff != "" {
		t.Errorf("leaky arrivals (-want +got):\n%s", diff)
	}
	p.End(c5)
	if _, c := p.Steps(23, steps(t, ""), sim.Prefork); c.Fault != "" {
		t.Error("it leaks after its end")
	}
	p.Carry(6, leak, 1, 1, models)
	p.Carry(7, kind(t, sim.FaultCrash), 1, 1, models)
	p.Undo()
	if _, c := p.Steps(27, steps(t, ""), sim.Prefork); c != (Carried{}) {
		t.Errorf("after undo it carries %+v", c)
	}
}

// TestLeakLimit: where no cgroup bounds what leaks leave behind, the plan does.
func TestLeakLimit(t *testing.T) {
	p := Plan{LeakLimit: 8 << 20}
	leak := kind(t, sim.FaultLeak)
	p.Carry(1, leak, 4<<20, 4<<20, sim.AllModels)
	n := map[sim.Model]int{}
	for id := uint64(1); id <= 40; id++ {
		for _, m := range []sim.Model{sim.CGI, sim.EventLoop} {
			if _, c := p.Steps(id, steps(t, ""), m); c.Fault != "" {
				n[m]++
			}
		}
	}
	if n[sim.CGI] != 10 || n[sim.EventLoop] != 2 {
		t.Errorf("leaks %v, want 10 in cgi, whose processes end, and 2 in the loop", n)
	}
}

// TestFull: a request whose list is full carries nothing, rather than losing a
// step; the next one that has room carries it.
func TestFull(t *testing.T) {
	var p Plan
	p.Carry(2, kind(t, sim.FaultCrash), 1, 1, sim.AllModels)
	full := steps(t, strings.TrimSuffix(strings.Repeat("cpu_us=1&", app.MaxSteps), "&"))
	if got, c := p.Steps(1, full, sim.CGI); query(got) != query(full) || c != (Carried{}) {
		t.Errorf("%s %+v", query(got), c)
	}
	if _, c := p.Steps(2, steps(t, "cpu_us=1"), sim.CGI); c.Fault != sim.FaultCrash {
		t.Error("the next one carries nothing either")
	}
}

// TestPlanSkips: an arrival that passes a model by carries nothing for it, and
// counts for nothing; two faults that last don't stand in each other's light.
func TestPlanSkips(t *testing.T) {
	p := Plan{Skips: func(id uint64, m sim.Model) bool { return m == sim.Prefork && id%10 != 0 }}
	crash, _ := Find(sim.FaultCrash)
	leak, _ := Find(sim.FaultLeak)
	hang, _ := Find(sim.FaultHang)
	only := sim.Models(0).With(sim.Prefork)
	got := map[sim.Fault]int{}
	arrive := func(from, to uint64) {
		for id := from; id <= to; id++ {
			for _, m := range []sim.Model{sim.CGI, sim.Prefork} {
				if m == sim.CGI || id%10 == 0 {
					_, c := p.Steps(id, app.Steps{}, m)
					got[c.Fault]++
				}
			}
		}
	}
	p.Carry(1, crash, 1, 1, only)
	arrive(1, 9)
	if got[sim.FaultCrash] != 0 || p.Waiting() != sim.FaultCrash {
		t.Errorf("%v, waiting %q; want it to wait for one that comes", got, p.Waiting())
	}
	arrive(10, 20)
	p.Carry(2, leak, 1, 1<<20, only)
	p.Carry(3, hang, 1, 1, only)
	arrive(21, 100)
	if got[sim.FaultCrash] != 1 || got[sim.FaultLeak] != 2 || got[sim.FaultHang] != 2 {
		t.Errorf("%v, want one crash, and of eight that come two each that leak and that hang", got)
	}
}
