package report_test

import (
	"fmt"
	"forklore/sim/report"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a run of the real program measures.

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
