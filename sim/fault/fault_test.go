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
	for _, c := range []struct {
		text string
		want Injection
	}{
		{"crash@3s", Injection{3 * time.Second, sim.Inject{Fault: "crash", Models: sim.AllModels}}},
		{"leak@5s:eventloop", Injection{5 * time.Second, sim.Inject{Fault: "leak", Models: loop, Duration: 20 * time.Second}}},
		{"leak@1m+500ms:cgi,eventloop", Injection{time.Minute, sim.Inject{Fault: "leak", Models: loop.With(sim.CGI), Duration: 500 * time.Millisecond}}},
	} {
		got, err := Parse(c.text, sim.AllModels)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

// FuzzParse: whatever is written, it is an injection in bounds or one line that
// says what would be right.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"crash@3s", "leak@5s+1s:eventloop,cgi", "@", "crash@", "crash@1s:", "leak@1s+", "crash@-1s", "leak@1s+99h", "x@1s\n"} {
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

// TestOneCarrier: one arrival carries the crash, in every targeted model, and
// after half of its first io.
func TestOneCarrier(t *testing.T) {
	var p Plan
	api := steps(t, "cpu_us=1000&io_us=250001&io_us=8")
	p.Crash(7, sim.Models(0).With(sim.CGI).With(sim.EventLoop))
	if !p.Waiting() {
		t.Error("a crash without a carrier waits")
	}
	for id := uint64(1); id <= 2; id++ {
		for m := range sim.NModels {
			got, c := p.Steps(id, api, m)
			want, carried := query(api), Carried{}
			if id == 1 && (m == sim.CGI || m == sim.EventLoop) {
				want, carried = "cpu_us=1000&io_us=125000&crash=1&io_us=125001&io_us=8", Carried{Crash: true, N: 7}
			}
			if query(got) != want || c != carried {
				t.Errorf("arrival %d in %s: %s %+v, want %s %+v", id, m, query(got), c, want, carried)
			}
		}
	}
	if p.Waiting() {
		t.Error("it has its carrier")
	}
	p.Crash(8, sim.AllModels)
	got, _ := p.Steps(3, steps(t, "cpu_us=5"), sim.CGI)
	if query(got) != "cpu_us=5&crash=1" {
		t.Errorf("without io: %s, want the crash last", query(got))
	}
}

// TestCarrierFits: who would be given up before its crash makes no carrier.
func TestCarrierFits(t *testing.T) {
	p := Plan{Timeout: 200 * time.Millisecond}
	p.Crash(1, sim.AllModels)
	if _, c := p.Steps(1, steps(t, "io_us=150000"), sim.CGI); c.Crash {
		t.Error("half of 150 ms is too near to a time-out of 200 ms")
	}
	if _, c := p.Steps(2, steps(t, "io_us=50000"), sim.CGI); !c.Crash {
		t.Error("half of 50 ms is well before it")
	}
}

func TestEveryFourthLeaks(t *testing.T) {
	var p Plan
	models := sim.Models(0).With(sim.Prefork)
	p.Leak(models)
	var leaky []uint64
	for id := uint64(11); id < 21; id++ {
		for m := range sim.NModels {
			got, c := p.Steps(id, steps(t, "io_us=9"), m)
			if c.Leak == 0 {
				continue
			}
			if m != sim.Prefork || c.Leak != LeakBytes || query(got) != "leak_bytes=4194304&io_us=9" {
				t.Errorf("arrival %d in %s: %s %+v", id, m, query(got), c)
			}
			leaky = append(leaky, id)
		}
	}
	if diff := cmp.Diff([]uint64{11, 15, 19}, leaky); diff != "" {
		t.Errorf("leaky arrivals (-want +got):\n%s", diff)
	}
	p.EndLeak(models)
	if _, c := p.Steps(23, steps(t, ""), sim.Prefork); c.Leak != 0 {
		t.Error("it leaks after its end")
	}
	p.Leak(models)
	p.Crash(1, models)
	p.Undo()
	if _, c := p.Steps(27, steps(t, ""), sim.Prefork); c != (Carried{}) {
		t.Errorf("after undo it carries %+v", c)
	}
}

// TestFull: a request whose list is full carries nothing, rather than losing a step.
func TestFull(t *testing.T) {
	var p Plan
	p.Leak(sim.AllModels)
	p.Crash(1, sim.AllModels)
	full := steps(t, strings.TrimSuffix(strings.Repeat("cpu_us=1&", app.MaxSteps), "&"))
	if got, c := p.Steps(1, full, sim.CGI); query(got) != query(full) || c != (Carried{}) {
		t.Errorf("%s %+v", query(got), c)
	}
}
