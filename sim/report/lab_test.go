package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"forklore/sim/report"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests run the real program, on real processes, and read its JSON.

// binary builds forklore once, where any user can run it.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lab-test-")
	if err != nil {
		return "", err
	}
	buildDir = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "forklore")
	out, err := exec.Command("go", "build", "-o", path, "forklore").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

var buildDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// lab is one run of the program.
type lab struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func command(t *testing.T, args ...string) *lab {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{Cmd: exec.Command(path, args...)}
	l.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "GORACE=atexit_sleep_ms=0")
	l.Stdout, l.Stderr = &l.out, &l.err
	return l
}

// status is the exit status of the finished program.
func (l *lab) status() int { return l.ProcessState.ExitCode() }

// finish runs it to its end, and checks that nothing is left.
func (l *lab) finish(t *testing.T) *lab {
	t.Helper()
	l.Run() // its status is what the caller looks at
	if left := l.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	return l
}

// document reads the JSON that was printed.
func (l *lab) document(t *testing.T) report.Document {
	t.Helper()
	var d report.Document
	dec := json.NewDecoder(bytes.NewReader(l.out.Bytes()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		t.Fatalf("JSON: %v\nstdout: %s\nstderr: %s", err, l.out.Bytes(), l.err.Bytes())
	}
	if dec.More() {
		t.Errorf("more than one object on standard output")
	}
	for name, m := range d.Models {
		if r := m.Requests; r.Sent != r.OK+r.ErrorStatus+r.Reset+r.Refused+r.Timeout+r.InFlight {
			t.Errorf("%s: %+v doesn't add up", name, r)
		}
	}
	for _, i := range d.Incidents {
		if i.Lost != i.Carriers+i.Collateral || i.Collateral < 0 {
			t.Errorf("incident %+v doesn't add up", i)
		}
	}
	return d
}

// run is a finished `run --json` with status 0.
func run(t *testing.T, args ...string) report.Document {
	t.Helper()
	l := command(t, append([]string{"run", "--json"}, args...)...).finish(t)
	if l.status() != 0 {
		t.Fatalf("status %d\nstderr: %s", l.status(), l.err.Bytes())
	}
	return l.document(t)
}

// leftovers are the processes, groups and folders of a lab that has ended.
// Every role of a lab has the lab's folder, named by its pid, in its environment.
func (l *lab) leftovers() (left []string) {
	left = append(left, l.processes()...)
	for _, pattern := range []string{"/sys/fs/cgroup/forklore/%d-*", "/sys/fs/cgroup/*/forklore/%d-*"} {
		found, _ := filepath.Glob(fmt.Sprintf(pattern, l.Process.Pid))
		left = append(left, found...)
	}
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("*forklore-%d-*", l.Process.Pid)))
	left = append(left, found...)
	if mounts, err := os.ReadFile("/proc/self/mounts"); err == nil && bytes.Contains(mounts, []byte("forklore")) {
		left = append(left, "a mount")
	}
	return left
}

func (l *lab) processes() (left []string) {
	mark := fmt.Appendf(nil, "forklore-%d-", l.Process.Pid)
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		if env, err := os.ReadFile(path); err == nil && bytes.Contains(env, mark) {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "comm"))
			left = append(left, path+" "+strings.TrimSpace(string(name)))
		}
	}
	return left
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: for cgroups and sandboxes")
	}
}

// incident finds the one incident of a fault in a model.
func incident(t *testing.T, d report.Document, fault, model string) report.Incident {
	t.Helper()
	var found []report.Incident
	for _, i := range d.Incidents {
		if string(i.Fault) == fault && i.Model == model {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d incidents of %s in %s, want 1: %+v", len(found), fault, model, d.Incidents)
	}
	return found[0]
}

// waitUntilServing waits until processes of all models are there.
func (l *lab) waitUntilServing(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		names := strings.Join(l.processes(), " ")
		if strings.Contains(names, "cgi call") && strings.Contains(names, "event loop") && strings.Count(names, "prefork worker") >= 8 {
			return
		}
	}
	t.Fatalf("not serving; stderr: %s", l.err.Bytes())
}
