package traffic

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"forklore/runtimes/app"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseWorkload(t *testing.T) {
	for _, c := range []struct{ in, canonical string }{
		{"hello", "hello"},
		{"api", "cpu 1ms, io 250ms"},
		{" report ", "cpu 50ms, mem 8MiB"},
		{"cpu 2ms, io 20ms, mem 4MiB, reply 1KiB", "cpu 2ms, io 20ms, mem 4MiB, reply 1KiB"},
		{"cpu 0.5ms,io 1.5s", "cpu 500us, io 1500ms"},
		{"cpu 0.3ms", "cpu 300us"},
		{"mem 0.5KiB", "mem 512B"},
		{"mem 1024 KiB", "mem 1MiB"},
		{"cpu 0ms", "cpu 0us"},
		{"io const(20ms)", "io 20ms"},
		{"cpu 1ms, io exp(150ms)", "cpu 1ms, io exp(150ms)"},
		{"cpu uniform( 1ms , 3ms ), io 1ms", "cpu uniform(1ms,3ms), io 1ms"},
		{"io lognormal(20ms,0.5)", "io lognormal(20ms,0.5)"},
		{"mem uniform(1MiB,4MiB)", "mem uniform(1MiB,4MiB)"},
		{"cpu 60s, io 600s, mem 1GiB, reply 16MiB", "cpu 60s, io 600s, mem 1GiB, reply 16MiB"},
	} {
		w, err := ParseWorkload(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if got := w.String(); got != c.canonical {
			t.Errorf("%q is written %q, want %q", c.in, got, c.canonical)
		}
	}
}

// What a user gets to read must name the place, the mistake and the remedy.
func TestParseWorkloadErrors(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", []string{"empty", "api, hello, report"}},
		{"sleep 2ms", []string{"step 1", `"sleep 2ms"`, "unknown step", "cpu, io, mem, reply"}},
		{"cpu 2ms, io 20", []string{"step 2", `"20" has no unit`, "20ms", "us, ms, s"}},
		{"cpu 2ms, mem 4MB", []string{"step 2", `unknown unit "MB"`, "B, KiB, MiB, GiB"}},
		{"cpu 2MiB", []string{`unknown unit "MiB"`, "us, ms, s"}},
		{"cpu -2ms", []string{"negative"}},
		{"cpu two", []string{"not a number with a unit, like 2ms"}},
		{"cpu", []string{"no quantity", "cpu 2ms"}},
		{"cpu 2ms,", []string{"step 2", "comma too many"}},
		{"cpu 1.2.3ms", []string{`"1.2.3" is not a number`}},
		{"cpu 61s", []string{"over the bound of 60s"}},
		{"io exp(601s)", []string{"over the bound of 600s"}},
		{"mem 2GiB", []string{"over the bound of 1GiB"}},
		{"cpu 99999999999999999999999999s", []string{"over the bound"}},
		{"cpu 0.1us", []string{"finer than 1us"}},
		{"crash", []string{"crash is a fault", "--inject crash@3s"}},
		{"cpu 1ms, leak 4MiB", []string{"step 2", "leak is a fault", "--inject"}},
		{"api, mem 1MiB", []string{"the preset api stands alone"}},
		{"io gauss(1ms)", []string{`unknown distribution "gauss"`, "const, exp, lognormal, uniform"}},
		{"io exp(1ms", []string{"not closed"}},
		{"io exp(1ms,2ms)", []string{"takes 1 value(s), like exp(1ms)"}},
		{"cpu uniform(1ms)", []string{"takes 2 value(s), like uniform(1ms,3ms)"}},
		{"cpu uniform(3ms,1ms)", []string{"the smaller comes first"}},
		{"io lognormal(1ms,9)", []string{`sigma "9"`, "0 to 4"}},
		{"io lognormal(1ms,NaN)", []string{`sigma "NaN"`}},
		{strings.Repeat("cpu 1ms,", 12) + "cpu 1ms", []string{"13 steps, at most 12"}},
		{strings.Repeat("x", 5000), []string{"5000 characters, at most 1024"}},
	} {
		_, err := ParseWorkload(c.in)
		if err == nil {
			t.Errorf("%.40q: accepted", c.in)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%.40q: %q doesn't say %q", c.in, err, w)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: %q is more than a line", c.in, err)
		}
	}
}

func TestParseWeight(t *testing.T) {
	for in, want := range map[string]app.Weight{
		"function":    {},
		"application": {CPUUS: 2000, MemBytes: 2 << 20},
		"monolith":    {CPUUS: 60_000, MemBytes: 8 << 20},
	} {
		got, err := ParseWeight(in)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", in, got, err, want)
		}
	}
	if _, err := ParseWeight("heavy\n"); err == nil || !strings.Contains(err.Error(), "function, application, monolith") {
		t.Errorf("heavy: %v", err)
	}
}

func FuzzParseWorkload(f *testing.F) {
	for _, s := range []string{"hello", "api", "cpu 2ms, io exp(20ms), mem uniform(4KiB,1MiB), reply 1KiB", "io lognormal(1ms,1e-3)", "cpu 1ms,,", "io exp((1ms)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := ParseWorkload(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("%q: %q is more than a line", s, err)
			}
			return
		}
		again, err := ParseWorkload(w.String())
		if err != nil {
			t.Fatalf("%q is written %q, which is refused: %v", s, w, err)
		}
		if d := cmp.Diff(w, again, cmp.AllowUnexported(Workload{}, step{}, dist{})); d != "" {
			t.Fatalf("%q is written %q, which differs: %s", s, w, d)
		}
		steps := w.Draw(rand.New(rand.NewPCG(1, 2)))
		if len(steps.All()) != len(w.steps) {
			t.Fatalf("%q: drew %d of %d steps", w, len(steps.All()), len(w.steps))
		}
		var read app.Steps
		if !read.Parse(string(steps.AppendQuery(nil))) || read != steps {
			t.Fatalf("%q: the application doesn't read %q as it was meant", w, steps.AppendQuery(nil))
		}
	})
}

func FuzzParseWeight(f *testing.F) {
	f.Add("application")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := ParseWeight(s); (err == nil) != (s == "function" || s == "application" || s == "monolith") {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

// Whatever is drawn, the application takes it, and its mean is what Mean says.
func TestDrawProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]app.Kind{app.CPU, app.IO, app.Mem, app.Reply}).Draw(t, "kind")
		d := dist{
			shape: rapid.SampledFrom([]shape{constant, exp, uniform, lognormal}).Draw(t, "shape"),
			a:     rapid.Int64Range(0, kind.Most()).Draw(t, "a"),
			sigma: rapid.Float64Range(0, maxSigma).Draw(t, "sigma"),
		}
		d.b = rapid.Int64Range(d.a, kind.Most()).Draw(t, "b")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		w := Workload{[]step{{kind, d}}}
		for range 20 {
			s := w.Draw(rng)
			if n := len(s.All()); n != 1 {
				t.Fatalf("%v: %d steps drawn", w, n)
			}
			n := s.All()[0].N
			if d.shape == uniform && (n < d.a || n > d.b) || d.shape == constant && n != d.a {
				t.Fatalf("%v drew %d", w, n)
			}
		}
	})
}

func TestDrawMeans(t *testing.T) {
	w, err := ParseWorkload("cpu exp(2ms), io uniform(10ms,30ms), io lognormal(5ms,0.5), mem 4MiB, reply 1KiB")
	if err != nil {
		t.Fatal(err)
	}
	want := Mean{
		CPU:      2 * time.Millisecond,
		IO:       20*time.Millisecond + time.Duration(5e6*math.Exp(0.125)),
		MemBytes: 4 << 20, ReplyBytes: 1 << 10,
	}
	if d := cmp.Diff(want, w.Mean()); d != "" {
		t.Error(d)
	}
	const n = 100_000
	rng := rand.New(rand.NewPCG(1, 1))
	var cpu, io float64
	for range n {
		s := w.Draw(rng)
		l := s.All()
		cpu += float64(l[0].N) * 1e3 / n
		io += float64(l[1].N+l[2].N) * 1e3 / n
	}
	if math.Abs(cpu/float64(want.CPU)-1) > 0.02 || math.Abs(io/float64(want.IO)-1) > 0.02 {
		t.Errorf("drew cpu %.0f, io %.0f ns on average, want %d, %d", cpu, io, want.CPU, want.IO)
	}
}

func TestAutoRate(t *testing.T) {
	parse := func(s string) Mean {
		w, err := ParseWorkload(s)
		if err != nil {
			t.Fatal(err)
		}
		return w.Mean()
	}
	application, _ := ParseWeight("application")
	monolith, _ := ParseWeight("monolith")
	for _, c := range []struct {
		name          string
		mean          Mean
		workers, cpus int
		start         time.Duration
		rate          float64
		why           string
	}{
		{"the default", parse("api"), 8, 2, StartCPU(2, application, 0), 16, RuleDefault},
		{"many cores", parse("api"), 8, 64, StartCPU(2, application, 0), 16, RuleDefault},
		{"one core", parse("api"), 8, 1, StartCPU(2, application, 0), 10, RuleCPU},
		{"a slow machine", parse("api"), 8, 2, StartCPU(2, application, 25*time.Millisecond), 11, RuleCPU},
		{"a fast one", parse("api"), 8, 2, StartCPU(2, application, 5*time.Millisecond), 16, RuleDefault},
		{"a heavy application", parse("api"), 8, 2, StartCPU(2, monolith, 0), 5.1, RuleCPU},
		{"reports", parse("report"), 8, 2, StartCPU(2, application, 0), 3.1, RuleCPU},
		{"a slow backend", parse("io 1s"), 8, 2, StartCPU(2, application, 0), 4, RuleWorkers},
		{"hello", parse("hello"), 8, 2, 0, 16, RuleDefault},
	} {
		rate, why := AutoRate(c.mean, c.workers, c.cpus, 4, c.start)
		if rate != c.rate || why != c.why {
			t.Errorf("%s: %v (%s), want %v (%s)", c.name, rate, why, c.rate, c.why)
		}
	}
}
