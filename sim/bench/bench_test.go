package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/sim/bench"
)

// binary is the real program: what is measured has to be what people run.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lab-bench-test-")
	if err == nil {
		binary = filepath.Join(dir, "forklore")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", binary, "forklore").CombinedOutput(); err != nil {
			err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

type run struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func command(t *testing.T, args ...string) *run {
	r := &run{Cmd: exec.Command(binary, append([]string{"bench"}, args...)...)}
	r.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	r.Stdout, r.Stderr = &r.out, &r.err
	t.Cleanup(func() {
		if left := r.leftovers(); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
	return r
}

// leftovers are what names the process: each role has the lab's folder in its
// environment.
func (r *run) leftovers() (left []string) {
	if r.Process == nil {
		return nil
	}
	mark := fmt.Sprintf("forklore-%d-", r.Process.Pid)
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		if env, err := os.ReadFile(path); err == nil && strings.Contains(string(env), mark) {
			left = append(left, path)
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/forklore/%d-*", "/sys/fs/cgroup/*/forklore/%d-*", os.TempDir() + "/*forklore-%d-*"} {
		found, _ := filepath.Glob(fmt.Sprintf(pattern, r.Process.Pid))
		left = append(left, found...)
	}
	return left
}

// TestJSON: the shape, and in it everything that this machine has.
func TestJSON(t *testing.T) {
	r := command(t, "--quick", "--json")
	if err := r.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &r.err)
	}
	var shape map[string]any
	if err := json.Unmarshal(r.out.Bytes(), &shape); err != nil {
		t.Fatalf("%v\n%s", err, &r.out)
	}
	want := map[string]string{"schema": "", "machine": "cgroup cpus kernel mem_bytes os root",
		"starts": "p50_us p99_us ratio what", "memory": "pss_bytes what", "throughput": "requests_per_s what"}
	got := map[string]string{}
	for name, v := range shape {
		got[name] = ""
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		if o, ok := v.(map[string]any); ok {
			var keys []string
			for k := range o {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			got[name] = strings.Join(keys, " ")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shape (-want +got):\n%s", diff)
	}
	var d bench.Document
	if err := json.Unmarshal(r.out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Schema != bench.Schema || d.Machine.CPUs == 0 || d.Machine.Kernel == "" {
		t.Errorf("schema %q, machine %+v", d.Schema, d.Machine)
	}
	starts := map[string]bench.Start{}
	for _, s := range d.Starts {
		if s.P50US <= 0 || s.P99US < s.P50US || s.Ratio <= 0 {
			t.Errorf("start %+v", s)
		}
		starts[s.What] = s
	}
	if d.Starts[0].What != "bare fork+exec" || d.Starts[0].Ratio != 1 {
		t.Errorf("the first start is %+v, want the bare one, with ratio 1", d.Starts[0])
	}
	if starts["cgi call"].P50US == 0 {
		t.Error("no start of a cgi call")
	}
	for name, program := range map[string]string{"container native fresh": "", "container native prewarmed": "", "container native warm": "", "crun": "crun", "runc": "runc", "bubblewrap": "bwrap"} {
		_, measured := starts[name]
		said := strings.Contains(r.err.String(), name)
		if program != "" {
			if _, err := exec.LookPath(program); err == nil && os.Geteuid() == 0 && !measured {
				t.Errorf("%s is installed, and not measured", program)
			}
		}
		if !measured && !said {
			t.Errorf("%s is left out, and standard error doesn't say so: %s", name, &r.err)
		}
	}
	throughput := map[string]float64{}
	for _, p := range d.Throughput {
		throughput[p.What] = p.RequestsPerS
	}
	for _, name := range []string{"prefork", "event loop"} {
		if throughput[name] < 100 {
			t.Errorf("%s at full load: %v requests/s", name, throughput[name])
		}
	}
	memory := map[string]int64{}
	for _, m := range d.Memory {
		memory[m.What] = m.PSSBytes
	}
	for _, name := range []string{"prefork worker", "event loop"} {
		if memory[name] < 100<<10 || memory[name] > 64<<20 {
			t.Errorf("%s: PSS %d", name, memory[name])
		}
	}
}

// TestSignal ends it, wherever it is, and nothing is left.
func TestSignal(t *testing.T) {
	for _, after := range []time.Duration{100 * time.Millisecond, time.Second, 3 * time.Second} {
		r := command(t)
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		r.Process.Signal(syscall.SIGINT)
		r.Wait()
		if code := r.ProcessState.ExitCode(); code != 130 {
			t.Errorf("after %v: exit status %d, want 130; %s", after, code, &r.err)
		}
		if r.out.Len() > 0 {
			t.Errorf("after %v it printed figures: %s", after, &r.out)
		}
	}
}

func TestBadFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--models", "cgi"}, "--models"},
		{[]string{"--rate", "5"}, "--rate"},
		{[]string{"--fast"}, "--fast"},
		{[]string{"everything"}, "everything"},
	} {
		r := command(t, c.args...)
		r.Run()
		if said := r.err.String(); r.ProcessState.ExitCode() != 2 || strings.Count(said, "\n") != 1 || !strings.Contains(said, c.says) {
			t.Errorf("%q: status %d, %q; want 2 and a line that names %s", c.args, r.ProcessState.ExitCode(), said, c.says)
		}
	}
}
