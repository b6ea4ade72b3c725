package cage

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestGauge(t *testing.T) {
	words := map[string]func(*Figures, int64){"anon": addAnon, "inactive_file": subMemory, "oom_kill": addOOM, "usage_usec": addMicros}
	cases := []struct {
		name string
		g    gauge
		text string
		want Figures
	}{
		{"number", gauge{number: addMemory}, "4096\n", Figures{MemoryBytes: 4096}},
		{"max is none", gauge{number: setPids}, "max\n", Figures{}},
		{"empty", gauge{words: words}, "", Figures{}},
		{"words", gauge{words: words}, "anon 10\nactive_file 9\ninactive_file 3\noom_kill 2", Figures{AnonBytes: 10, MemoryBytes: -3, OOMKills: 2}},
		{"a name that begins alike", gauge{words: words}, "anon_thp 10\noom_kill_disable 1\n", Figures{}},
		{"microseconds", gauge{words: words}, "usage_usec 1500\nuser_usec 1\n", Figures{CPU: 1500 * time.Microsecond}},
		{"no number", gauge{words: words}, "anon\nanon \nanon x\n", Figures{}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var got Figures
			tc.g.take(&got, []byte(tc.text))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzGauge(f *testing.F) {
	f.Add([]byte("anon 10\nfile 99999999999999999999\n\n x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var got Figures
		g := gauge{words: map[string]func(*Figures, int64){"anon": func(f *Figures, n int64) {
			if n < 0 {
				t.Errorf("%d from %q", n, text)
			}
			addAnon(f, n>>32)
		}}}
		g.take(&got, text)
	})
}

func TestShares(t *testing.T) {
	for weight, want := range map[uint64]uint64{1: 10, 50: 512, 100: 1024, 10000: 102400} {
		if got := sharesOf(weight); got != want {
			t.Errorf("weight %d: %d shares, want %d", weight, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"": false, ".": false, "..": false, "a/b": false, "memory.max": false, "12-345": true, "event_loop": true} {
		if got := validName(name); got != want {
			t.Errorf("validName(%q) = %v", name, got)
		}
	}
	if _, err := Open("../x"); err == nil {
		t.Error("Open of a bad name did not fail")
	}
	if _, err := new(Yard).New("../x", Limits{}); err == nil {
		t.Error("New of a bad name did not fail")
	}
}

// TestNone: without groups the figures come from /proc, and nothing fails.
func TestNone(t *testing.T) {
	y := &Yard{why: "for the test"}
	c, err := y.New("cgi", Limits{MemoryBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Figures(); f.MemoryBytes != 0 || f.Source != "pss" {
		t.Errorf("figures of nothing: %+v", f)
	}
	c.looked = time.Time{} // don't wait the second
	p := start(t, c, "cage eater", "FORKLORE_MB=20")
	line(t, p)
	c.SetPids(func() []int { return []int{p.Pid, 1 << 30} })
	f := c.Figures()
	if f.MemoryBytes < 20<<20 || f.MemoryBytes > 200<<20 || f.PidsNow < 2 {
		t.Errorf("figures of one that ate 20 MiB: %+v", f)
	}
	p.Kill()
	if again := c.Figures(); again != f {
		t.Error("the processes were looked at twice in a second")
	}
	c.looked = time.Time{}
	if after := c.Figures(); after.MemoryBytes != 0 || after.CPU < f.CPU || after.PeakBytes < f.MemoryBytes {
		t.Errorf("after its end: %+v, before: %+v", after, f)
	}
	for _, err := range []error{c.Kill(), c.Delete(), y.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
	if c.Env() != "" || y.Mode() != "none" {
		t.Errorf("env %q, mode %q", c.Env(), y.Mode())
	}
}

func TestCPUOfTheGone(t *testing.T) {
	var p processes
	steps := []struct {
		name string
		now  map[int]usage
		want time.Duration
	}{
		{"host and call", map[int]usage{1: {9, 0, 10}, 2: {9, 1, 5}}, 15},
		{"the host has waited for the call", map[int]usage{1: {9, 0, 16}}, 16},
		{"the host is another", map[int]usage{1: {20, 0, 1}}, 17},
		{"nobody is left", nil, 17},
	}
	for _, s := range steps {
		if got := p.addCPU(s.now); got != s.want {
			t.Errorf("%s: %d, want %d", s.name, got, s.want)
		}
	}
}

func TestMachineCgroup(t *testing.T) {
	got := MachineCgroup()
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); (err == nil) != (got == "v2") {
		t.Errorf("MachineCgroup is %s, cgroup.controllers at the top: %v", got, err)
	}
}

func BenchmarkPSSOneProcess(b *testing.B) {
	var p processes
	for b.Loop() {
		p.figures([]int{os.Getpid()})
	}
}
