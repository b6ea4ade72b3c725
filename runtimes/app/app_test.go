package app_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/runtimes/app"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		query string
		want  []app.Step
		bad   bool
	}{
		{query: "", want: []app.Step{}},
		{query: "cpu_us=1000&io_us=250000", want: []app.Step{{Kind: app.CPU, N: 1000}, {Kind: app.IO, N: 250000}}},
		{query: "io_us=1&io_us=2&crash=1", want: []app.Step{{Kind: app.IO, N: 1}, {Kind: app.IO, N: 2}, {Kind: app.Crash, N: 1}}},
		{query: "other=5&cpu_us=7&flag&=3", want: []app.Step{{Kind: app.CPU, N: 7}}},
		{query: "cpu_us=-1", bad: true},
		{query: "cpu_us=1e3", bad: true},
		{query: "cpu_us=", bad: true},
		{query: "cpu_us=99999999999", bad: true},
		{query: "crash=2", bad: true},
		{query: "segv=1&exit=125&hog_bytes=68719476736", want: []app.Step{{Kind: app.Segv, N: 1}, {Kind: app.Exit, N: 125}, {Kind: app.Hog, N: 64 << 30}}},
		{query: "fds_pct=100&forks=4096", want: []app.Step{{Kind: app.FDLeak, N: 100}, {Kind: app.ForkBomb, N: 4096}}},
		{query: "segv=2", bad: true},
		{query: "exit=0", bad: true},
		{query: "exit=126", bad: true},
		{query: "hog_bytes=68719476737", bad: true},
		{query: "fds_pct=101", bad: true},
		{query: "forks=4097", bad: true},
		{query: strings.Repeat("cpu_us=1&", app.MaxSteps) + "cpu_us=1", bad: true},
	} {
		var s app.Steps
		if ok := s.Parse(c.query); ok == c.bad {
			t.Errorf("Parse(%q) = %v, want %v", c.query, ok, !c.bad)
		}
		if diff := cmp.Diff(c.want, s.All()); !c.bad && diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", c.query, diff)
		}
	}
}

func TestNeedsToken(t *testing.T) {
	for query, want := range map[string]bool{
		"": false, "cpu_us=1000000&io_us=600000000": false, "mem_bytes=33554432": false,
		"crash=1": true, "segv=1": true, "exit=1": true, "hog_bytes=1": true, "fds_pct=1": true, "forks=1": true, "mem_bytes=33554433": true, "mem_bytes=20000000&mem_bytes=20000000": true, "cpu_us=900000&cpu_us=900000": true,
	} {
		var s app.Steps
		if !s.Parse(query) || s.NeedsToken() != want {
			t.Errorf("%q: needs a token: %v, want %v", query, s.NeedsToken(), want)
		}
	}
}

// FuzzParse: what is accepted is in bounds, and written and read again is the same.
func FuzzParse(f *testing.F) {
	f.Add("cpu_us=1000&io_us=250000")
	f.Add("&&=&crash=1&leak_bytes=4194304")
	f.Fuzz(func(t *testing.T, query string) {
		var s, again app.Steps
		if !s.Parse(query) {
			return
		}
		for _, st := range s.All() {
			if st.N < 0 || st.N > st.Kind.Most() {
				t.Fatalf("%q: %v is out of bounds", query, st)
			}
		}
		if text := string(s.AppendQuery(nil)); !again.Parse(text) || !cmp.Equal(s.All(), again.All()) {
			t.Fatalf("%q became %q, which is %v, not %v", query, text, again.All(), s.All())
		}
	})
}

// server is a backend that answers at once, and says what it was asked.
func server(t *testing.T) (path string, asked chan string) {
	path = filepath.Join(t.TempDir(), "b.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked = make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 32)
			n, _ := c.Read(b)
			asked <- string(b[:n])
			c.Write([]byte(app.IOAnswer))
			c.Close()
		}
	}()
	return path, asked
}

func TestRun(t *testing.T) {
	backend, asked := server(t)
	c := app.Call{ID: 5, Backend: backend, ItersPerMS: app.Calibrate()}
	c.Steps.Parse("cpu_us=2000&io_us=30&mem_bytes=65536&reply_bytes=100&leak_bytes=8192")
	faults := 0
	c.BeforeFault = func() { faults++ }
	want := app.Answer{User: 5, BodyBytes: 100, Leaked: 8192}
	if diff := cmp.Diff(want, c.Run()); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if got := <-asked; got != "30\n" {
		t.Errorf("the backend was asked %q, want \"30\\n\"", got)
	}
	if faults != 1 {
		t.Errorf("%d faults were announced, want 1", faults)
	}
}

func TestBackendIsGone(t *testing.T) {
	c := app.Call{ID: 5, Backend: filepath.Join(t.TempDir(), "nobody.sock")}
	c.Steps.Parse("io_us=30&crash=1")
	if a := c.Run(); !strings.Contains(a.Failed, "backend") { // and it didn't go on to the crash
		t.Errorf("answer %+v, want a failure that names the backend", a)
	}
}

// TestBleed: a global remembers the last user, and the next one is taken for it, once.
func TestBleed(t *testing.T) {
	answer := func(id uint64, query string) uint64 {
		c := app.Call{ID: id}
		c.Steps.Parse(query)
		return c.Run().User
	}
	got := []uint64{answer(1, ""), answer(2, "bleed=1"), answer(3, ""), answer(4, "")}
	if diff := cmp.Diff([]uint64{1, 2, 2, 4}, got); diff != "" {
		t.Errorf("answered as (-want +got):\n%s", diff)
	}
}

// TestCrash: an uncaught panic, exit status 2, the request's number in the trace.
func TestCrash(t *testing.T) {
	if os.Getenv("CRASH_NOW") != "" {
		app.Panic(77)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), "CRASH_NOW=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "injected crash, request 77") {
		t.Errorf("%v, output %s", err, out)
	}
}

// TestSpinIsWork: twice the work takes about twice the time; it is no wait for the clock.
func TestSpinIsWork(t *testing.T) {
	iters := app.Calibrate()
	best := func(ms int64) time.Duration {
		least := time.Hour
		for range 20 {
			start := time.Now()
			app.Spin(iters * ms)
			least = min(least, time.Since(start))
		}
		return least
	}
	if one, four := best(1), best(4); four < 2*one {
		t.Errorf("1 ms of work took %v, 4 ms took %v", one, four)
	}
}
