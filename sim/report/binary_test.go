package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forklore/sim/report"
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

func TestAllFourServe(t *testing.T) {
	needRoot(t)
	d := run(t, "--for", "4s", "--rate", "12")
	if d.Schema != report.Schema || d.Source != "live" || len(d.Models) != 4 || len(d.Incidents) != 0 {
		t.Errorf("schema %q, source %q, %d models, incidents %+v", d.Schema, d.Source, len(d.Models), d.Incidents)
	}
	for name, m := range d.Models {
		if m.Requests.Sent < 20 || m.Requests.OK*100 < m.Requests.Sent*99 {
			t.Errorf("%s: %+v, want some fifty, at least 99%% ok", name, m.Requests)
		}
		if m.Memory.Now <= 0 || m.Memory.Peak < m.Memory.Now/2 || m.Memory.Limit != 128<<20 || m.CPUMS <= 0 {
			t.Errorf("%s: memory %+v, cpu %v ms", name, m.Memory, m.CPUMS)
		}
		if m.Start.P50 <= 0 || m.Latency.P50 < 250 {
			t.Errorf("%s: start %+v, latency %+v; want a start, and 250 ms of io at least", name, m.Start, m.Latency)
		}
	}
	for _, name := range []string{"cgi", "container"} {
		if m := d.Models[name]; m.Processes.Started < m.Requests.Sent {
			t.Errorf("%s: %d processes for %d requests", name, m.Processes.Started, m.Requests.Sent)
		}
	}
	if p := d.Models["prefork"].Processes; p.Now != 9 || p.Started != 9 {
		t.Errorf("prefork: %+v, want a parent and 8 workers", p)
	}
	if p := d.Models["eventloop"].Processes; p.Now != 1 || p.Started != 1 {
		t.Errorf("event loop: %+v, want one process", p)
	}
}

func TestCrashSpreads(t *testing.T) {
	needRoot(t)
	d := run(t, "--for", "5s", "--rate", "12", "--inject", "crash@2s")
	for _, model := range []string{"cgi", "prefork", "container"} {
		i := incident(t, d, "crash", model)
		if i.Carriers != 1 || i.Collateral != 0 || i.Proof != "exit status 2" {
			t.Errorf("%s: %+v, want the carrier alone", model, i)
		}
	}
	i := incident(t, d, "crash", "eventloop")
	if i.Carriers != 1 || i.Collateral < i.InFlight-1 || i.DowntimeMS <= 0 || !i.Recovered || i.Refused == 0 {
		t.Errorf("event loop: %+v, want everyone in flight lost, then refusals, then recovery", i)
	}
	if d.Models["eventloop"].Restarts != 1 || d.Models["prefork"].Processes.Started != 10 {
		t.Errorf("restarts %d, prefork started %d; want 1 and 10", d.Models["eventloop"].Restarts, d.Models["prefork"].Processes.Started)
	}
}

func TestCrashTakesEveryoneInFlight(t *testing.T) {
	d := run(t, "--models", "eventloop", "--workload", "cpu 1ms, io 1s", "--inject", "crash@3s", "--for", "5s")
	i := incident(t, d, "crash", "eventloop")
	if i.InFlight < 10 || float64(i.Reset) < 0.8*float64(i.InFlight) {
		t.Errorf("%+v, want at least 10 in flight, and 0.8 of them cut off", i)
	}
}

func TestSupervisorOwnsTheListener(t *testing.T) {
	d := run(t, "--models", "eventloop", "--rate", "16", "--inject", "crash@2s", "--for", "5s", "--loop-listener", "supervisor")
	i := incident(t, d, "crash", "eventloop")
	if i.Refused != 0 || i.Carriers != 1 || !i.Recovered {
		t.Errorf("%+v, want nobody refused: new connections wait", i)
	}
}

func TestBlameIsNotByTheClock(t *testing.T) {
	d := run(t, "--models", "cgi,prefork", "--rate", "12", "--timeout", "500ms", "--workload", "cpu 1ms, io exp(400ms)",
		"--inject", "crash@2s", "--for", "5s")
	for _, model := range []string{"cgi", "prefork"} {
		if i := incident(t, d, "crash", model); i.Collateral != 0 {
			t.Errorf("%s: %+v, want no collateral: its neighbours' time-outs are their own", model, i)
		}
		if d.Models[model].Requests.Timeout == 0 {
			t.Errorf("%s: no time-outs, so this test shows nothing", model)
		}
	}
	if d.Unattributed == 0 {
		t.Error("unattributed 0, want the time-outs")
	}
}

func TestLeakIsKilledByTheKernel(t *testing.T) {
	needRoot(t)
	d := run(t, "--memory", "64MiB", "--rate", "8", "--inject", "leak@1s", "--for", "16s")
	i := incident(t, d, "leak", "eventloop")
	if !strings.Contains(i.Proof, "oom_kill") || i.Collateral == 0 || i.Carriers != 0 {
		t.Errorf("event loop: %+v, want an OOM kill with collateral", i)
	}
	for _, model := range []string{"cgi", "container"} {
		m := d.Models[model]
		if m.Requests.OK*100 < m.Requests.Sent*97 {
			t.Errorf("%s: %+v, want at least 97%% ok", model, m.Requests)
		}
		if i := incident(t, d, "leak", model); strings.Contains(i.Proof, "oom_kill") || i.Lost != 0 {
			t.Errorf("%s: %+v, want nobody lost", model, i)
		}
	}
}

func TestSignalPrintsWhatWasMeasured(t *testing.T) {
	l := command(t, "run", "--json", "--for", "1m", "--models", "cgi,prefork,eventloop")
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	l.waitUntilServing(t)
	time.Sleep(time.Second)
	l.Process.Signal(syscall.SIGINT)
	l.Wait()
	if l.status() != 130 {
		t.Errorf("status %d, want 130; stderr: %s", l.status(), l.err.Bytes())
	}
	if d := l.document(t); d.Models["prefork"].Requests.Sent == 0 {
		t.Error("nothing was measured")
	}
	if left := l.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
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

// TestKilledLabLeavesNothing: kill -9 of the lab in the middle of traffic. Its
// processes are gone within two seconds, the rest with the next start.
func TestKilledLabLeavesNothing(t *testing.T) {
	l := command(t, "run", "--json", "--for", "1m")
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	l.waitUntilServing(t)
	l.Process.Kill()
	l.Wait()
	deadline := time.Now().Add(2 * time.Second)
	for len(l.processes()) > 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if left := l.processes(); len(left) > 0 {
		t.Errorf("after 2 s there are still %q", left)
	}
	command(t, "run", "--for", "1s", "--models", "eventloop").finish(t)
	if left := l.leftovers(); len(left) > 0 {
		t.Errorf("after the next start there are still %q", left)
	}
}

// TestTwoLabs: side by side on free ports; on the same ports the second is refused.
func TestTwoLabs(t *testing.T) {
	first := command(t, "run", "--json", "--for", "5s", "--models", "cgi,prefork,eventloop", "--port", "21471")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	first.waitUntilServing(t)
	second := command(t, "run", "--models", "cgi", "--port", "21471").finish(t)
	if second.status() != 2 || !oneLine(second.err.String()) || !strings.Contains(second.err.String(), "21471") {
		t.Errorf("taken port: status %d, %q; want 2 and a line that names it", second.status(), second.err.String())
	}
	d := run(t, "--for", "2s", "--models", "prefork,eventloop")
	if r := d.Models["prefork"].Requests; r.OK != r.Sent {
		t.Errorf("beside another lab: %+v", r)
	}
	first.Wait()
	if first.status() != 0 || first.document(t).Models["eventloop"].Address != "127.0.0.1:21473" {
		t.Errorf("the first lab: status %d, stderr %s", first.status(), first.err.Bytes())
	}
	if left := first.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestWithoutRoot(t *testing.T) {
	needRoot(t)
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("needs setpriv, to give up root")
	}
	l := command(t, "run", "--json", "--for", "3s", "--rate", "8")
	l.Args = append([]string{setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"}, l.Args...)
	l.Args[4], l.Path = l.Cmd.Path, setpriv
	l.Env = append(os.Environ(), "XDG_STATE_HOME=/nonexistent", "HOME=/nonexistent", "GORACE=atexit_sleep_ms=0")
	l.finish(t)
	d := l.document(t)
	names := []string{"cgi", "prefork", "eventloop"}
	want := 3
	if why := d.Models["container"].Unavailable; why != "" {
		t.Logf("no user namespaces for users here: %s", why)
		if !strings.Contains(why, ": ") {
			t.Errorf("container: %q, want what is missing and the remedy", why)
		}
	} else { // sandboxes in a user namespace, without groups
		names, want = append(names, "container"), 0
	}
	if l.status() != want {
		t.Errorf("status %d, want %d", l.status(), want)
	}
	for _, name := range names {
		m := d.Models[name]
		if m.Requests.Sent == 0 || m.Requests.OK != m.Requests.Sent || m.Memory.Source != "pss" || m.Memory.Peak == 0 {
			t.Errorf("%s: %+v, memory %+v; want all ok, and PSS", name, m.Requests, m.Memory)
		}
	}
}

func oneLine(s string) bool { return strings.Count(s, "\n") == 1 && strings.HasSuffix(s, "\n") }

func TestBadInput(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(notExecutable, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--models", "cgi,threads"}, `unknown model "threads"`},
		{[]string{"--rate", "-1"}, "--rate"},
		{[]string{"--rate", "NaN"}, "--rate"},
		{[]string{"--rate", "fast"}, "--rate"},
		{[]string{"--inject", "crash"}, "no @"},
		{[]string{"--inject", "crash@soon"}, "soon"},
		{[]string{"--inject", "earthquake@1s"}, "unknown fault"},
		{[]string{"--inject", "crash@1s:threads"}, "unknown model"},
		{[]string{"--inject", "crash@1s", "--inject", "crash@2s:cgi", "--models", "prefork"}, "not part of this run"},
		{[]string{"--inject", "crash@1m"}, "ends at"},
		{[]string{"--inject", "crash@1s+2s"}, "no duration"},
		{[]string{"--memory", "4MiB"}, "too small"},
		{[]string{"--memory", "lots"}, "lots"},
		{[]string{"--memory", "128"}, "unit"},
		{[]string{"--pids", "3"}, "too small"},
		{[]string{"--workers", "0"}, "--workers"},
		{[]string{"--workload", "cpu 1ms, sleep 2s"}, "sleep"},
		{[]string{"--workload", "crash"}, "--inject"},
		{[]string{"--weight", "heavy"}, "heavy"},
		{[]string{"--arrivals", "bursty"}, "bursty"},
		{[]string{"--timeout", "-1s"}, "--timeout"},
		{[]string{"--restart-delay", "later"}, "later"},
		{[]string{"--engine", "kata"}, `unknown engine "kata"`},
		{[]string{"--engine", "runc", "--models", "cgi"}, "container model is not part of this run"},
		{[]string{"--loop-listener", "nobody"}, "nobody"},
		{[]string{"--port", "70000"}, "--port"},
		{[]string{"--cgi", "/nonexistent/script"}, "no such file"},
		{[]string{"--cgi", notExecutable}, "not executable"},
		{[]string{"--cgi", "/"}, "not a file"},
		{[]string{"--cgi", "/bin/sh", "--models", "prefork"}, "not part of this run"},
		{[]string{"--for", "-1s"}, "--for"},
		{[]string{"--nonsense"}, "--nonsense"},
		{[]string{"argument"}, "argument"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			l := command(t, append([]string{"run"}, c.args...)...).finish(t)
			if l.status() != 2 || !oneLine(l.err.String()) || !strings.Contains(l.err.String(), c.says) {
				t.Errorf("status %d, stderr %q; want 2 and one line with %q", l.status(), l.err.String(), c.says)
			}
			if l.out.Len() > 0 {
				t.Errorf("standard output: %q", l.out.String())
			}
		})
	}
	t.Run("no terminal", func(t *testing.T) {
		l := command(t).finish(t)
		if l.status() != 2 || !oneLine(l.err.String()) || !strings.Contains(l.err.String(), "forklore run") {
			t.Errorf("status %d, stderr %q; want 2 and the way without a screen", l.status(), l.err.String())
		}
	})
	t.Run("unknown role", func(t *testing.T) {
		l := command(t, "run")
		l.Env = append(l.Env, "FORKLORE_ROLE=king")
		l.finish(t)
		if l.status() != 2 || !oneLine(l.err.String()) {
			t.Errorf("status %d, stderr %q", l.status(), l.err.String())
		}
	})
}

// TestScript: a CGI program that isn't ours, behind the CGI column.
func TestScript(t *testing.T) {
	script := filepath.Join(t.TempDir(), "hello.cgi")
	text := "#!/bin/sh\necho 'Content-Type: text/plain'\necho\necho \"$REQUEST_METHOD $QUERY_STRING\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	l := command(t, "run", "--json", "--models", "cgi,eventloop", "--for", "3s", "--rate", "8", "--cgi", script, "--inject", "crash@1s:cgi")
	l.finish(t)
	d := l.document(t)
	if r := d.Models["cgi"].Requests; r.Sent == 0 || r.OK != r.Sent {
		t.Errorf("cgi: %+v, want all ok", r)
	}
	if l.status() != 1 || len(d.Refused) != 1 || !strings.Contains(d.Refused[0], "shell") {
		t.Errorf("status %d, refused %q; want 1, and that a script can't be asked to crash", l.status(), d.Refused)
	}
}

// TestScriptsInOtherLanguages: path, query and body arrive, as RFC 3875 says.
func TestScriptsInOtherLanguages(t *testing.T) {
	perl := `print "Content-Type: text/plain\n\n", join("|", "perl", @ENV{qw(REQUEST_METHOD PATH_INFO QUERY_STRING CONTENT_LENGTH)}, scalar <STDIN>);`
	python := `import os, sys
print("Content-Type: text/plain\n")
print("|".join(["python"] + [os.environ.get(k, "") for k in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH")] + [sys.stdin.read()]), end="")
`
	for name, text := range map[string]string{"perl": perl, "python3": python} {
		t.Run(name, func(t *testing.T) {
			interpreter, err := exec.LookPath(name)
			if err != nil {
				t.Skip("needs " + name)
			}
			script := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(script, []byte("#!"+interpreter+"\n"+text), 0o755); err != nil {
				t.Fatal(err)
			}
			l := command(t, "run", "--models", "cgi", "--rate", "1", "--for", "1m", "--port", "21490", "--cgi", script)
			if err := l.Start(); err != nil {
				t.Fatal(err)
			}
			var answer string
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				resp, err := http.Post("http://127.0.0.1:21490/script/some%20where?a=b", "text/plain", strings.NewReader("a body"))
				if err != nil {
					continue // it doesn't serve yet
				}
				b, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				answer = string(b)
				break
			}
			language, _, _ := strings.Cut(name, "3")
			if want := language + "|POST|/some where|a=b|6|a body"; answer != want {
				t.Errorf("answer %q, want %q; stderr %s", answer, want, l.err.Bytes())
			}
			l.Process.Signal(syscall.SIGTERM)
			l.Wait()
			if l.status() != 143 {
				t.Errorf("status %d after SIGTERM, want 143", l.status())
			}
			if left := l.leftovers(); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestEarlySignal: also in the first moments a signal cleans up, and the JSON
// is one object.
func TestEarlySignal(t *testing.T) {
	for _, ms := range []int{30, 60, 100, 160, 300} {
		l := command(t, "run", "--json", "--for", "1m")
		if err := l.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		l.Process.Signal(syscall.SIGINT)
		l.Wait()
		if left := l.leftovers(); len(left) > 0 {
			t.Errorf("after %d ms, left behind: %q", ms, left)
		}
		if ms < 100 && l.status() == -1 {
			continue // it hadn't come as far as to hear of it, nor to start anything
		}
		if l.status() != 130 {
			t.Errorf("after %d ms: status %d, want 130; stderr %s", ms, l.status(), l.err.Bytes())
		}
		l.document(t)
	}
}

// TestClosedPipe: whoever reads our output has gone; the lab cleans up all the same.
func TestClosedPipe(t *testing.T) {
	l := command(t, "run", "--for", "1s", "--models", "eventloop")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l.Stdout, l.Stderr = w, w
	r.Close()
	l.finish(t)
	w.Close()
	if l.status() != 1 {
		t.Errorf("status %d, want 1: its figures could not be printed", l.status())
	}
}

// TestReadOnlyCgroups: three models run without cgroups, and the container says
// what it lacks.
func TestReadOnlyCgroups(t *testing.T) {
	needRoot(t)
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("needs unshare, for a mount namespace")
	}
	l := command(t)
	script := `mount --make-rprivate / && for m in $(grep -o '/sys/fs/cgroup[^ ]*' /proc/self/mounts); do mount -o remount,ro,bind "$m" || exit 99; done; exec "$@"`
	l.Args = []string{unshare, "-m", "sh", "-c", script, "sh", l.Cmd.Path, "run", "--json", "--for", "2s", "--rate", "8"}
	l.Path = unshare
	l.finish(t)
	if l.status() == 99 {
		t.Skip("cgroups can't be mounted read-only here")
	}
	d := l.document(t)
	for _, name := range []string{"cgi", "prefork", "eventloop"} {
		if m := d.Models[name]; m.Requests.Sent == 0 || m.Requests.OK != m.Requests.Sent || m.Memory.Source != "pss" {
			t.Errorf("%s: %+v, memory %+v; want all ok, and PSS", name, m.Requests, m.Memory)
		}
	}
	if why := d.Models["container"].Unavailable; l.status() != 3 || !strings.Contains(why, "cgroup") {
		t.Errorf("status %d, container %q; want 3 and that it lacks cgroups", l.status(), why)
	}
	if err := exec.Command(l.Args[6], "run", "--for", "1s", "--models", "eventloop").Run(); err != nil {
		t.Errorf("afterwards, with cgroups: %v", err)
	}
}

// TestHungIsNotKilledFromOutside: a worker that its parent ends is no incident.
func TestHungIsNotKilledFromOutside(t *testing.T) {
	d := run(t, "--models", "prefork,cgi", "--rate", "3", "--for", "4s", "--call-timeout", "1s", "--workload", "cpu 1ms, io 3s", "--timeout", "20s")
	if len(d.Incidents) != 0 || d.Unattributed == 0 {
		t.Errorf("incidents %+v, unattributed %d; want none, and some", d.Incidents, d.Unattributed)
	}
}

// TestBackendComesBack: its death is said, and it answers again.
func TestBackendComesBack(t *testing.T) {
	l := command(t, "run", "--json", "--models", "prefork,eventloop", "--rate", "10", "--for", "4s", "--workload", "io 20ms")
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	for deadline := time.Now().Add(20 * time.Second); !killed && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		all := l.processes()
		if strings.Count(strings.Join(all, " "), "prefork worker") < 8 {
			continue
		}
		time.Sleep(time.Second) // in the middle of the traffic
		for _, p := range all {
			var pid int
			if n, _ := fmt.Sscanf(p, "/proc/%d/environ backend", &pid); n == 1 && strings.HasSuffix(p, " backend") {
				killed = syscall.Kill(pid, syscall.SIGKILL) == nil
			}
		}
	}
	l.Wait()
	if !killed {
		t.Fatal("no backend found")
	}
	d := l.document(t)
	for name, m := range d.Models {
		// Those whose answer it held are lost; who came after found it again.
		if m.Requests.OK == 0 || m.Requests.OK*10 < m.Requests.Sent*8 {
			t.Errorf("%s: %+v, want most of them answered", name, m.Requests)
		}
	}
}
