package lessons

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/sim"
)

// recorded is a golden.json of the template's lesson: so many are lost, one by
// its own doing.
func recorded(experiment string, lost int) string {
	return fmt.Sprintf(`{"schema": "forklore/golden/v1", "recorded": "2026-11-27",
"machine": {"os": "linux", "kernel": "6.1", "cpus": 2, "mem_bytes": 8589934592, "cgroup": "v1", "root": true},
"seed": 7, "experiment": %q, "figures": {"lost": %d}, "evidence": {"prefork.procs_now": 8, "prefork.incident.before_procs": 8, "prefork.incident.lost": %d,
"prefork.incident.carriers": 1, "prefork.incident.collateral": %d}}`, experiment, lost, lost, lost-1)
}

// experimentOf is the hash of a lesson's experiment.
func experimentOf(t testing.TB, files fstest.MapFS, id string) string {
	t.Helper()
	set, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	l, err := set.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return l.Experiment()
}

// TestEvidence: what a run was judged by can be written down and judged again; of
// a model that no fault has hit nothing can be claimed then either.
func TestEvidence(t *testing.T) {
	snap := sim.Snapshot{At: 3 * time.Second, Unattributed: 2}
	snap.Model[sim.Prefork].State, snap.Model[sim.Prefork].ProcsNow = sim.OK, 8
	snap.Model[sim.EventLoop].LagMS = 1.23456
	models := sim.Models(0).With(sim.Prefork).With(sim.EventLoop)
	hit := [sim.NModels]*sim.Incident{sim.Prefork: {At: 3 * time.Second, Recovered: true}} // a moment ago: all of it is 0
	e := environmentOf(&snap, models, &hit, map[string]float64{"before": 0, "after": 2})
	want := Evidence{"at_ms": 3000, "unattributed": 2, "prefork.up": 1, "prefork.procs_now": 8, "prefork.incident.open": 1,
		"prefork.incident.recovered": 1, "prefork.incident.age_ms": 0, "eventloop.lag_ms": 1.235, "noted.before": 0, "noted.after": 2}
	got := e.evidence(models)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	back, unknown := got.environment(models)
	if len(unknown) > 0 {
		t.Errorf("unknown: %v", unknown)
	}
	if diff := cmp.Diff(got, back.evidence(models)); diff != "" {
		t.Error(diff)
	}
	if !back.Prefork.Incident.known || back.EventLoop.Incident.known || !math.IsNaN(back.EventLoop.Incident.Lost) || len(back.Models) != 2 {
		t.Errorf("back: %+v", back)
	}
}

// TestRecorded: where the machine can't do the experiment, the learner predicts and
// sees what was recorded; nothing is asked of the lab, and nothing is solved.
func TestRecorded(t *testing.T) {
	l := newLab(t, map[string]string{`"none"`: `"recording"`}, Options{Mode: Self})
	lesson := l.s.Lesson()
	if lesson.Recorded() {
		t.Error("a recording, without one")
	}
	var f findings
	lesson.Golden = parseGolden("golden.json", []byte(recorded(lesson.Experiment(), 1)), &f)
	lesson.recorded, _ = lesson.Golden.Evidence.environment(lesson.models)
	if len(f) > 0 || !lesson.Recorded() {
		t.Fatalf("no recording: %v", f)
	}
	lesson.Warmup++
	if lesson.Recorded() {
		t.Error("a recording of another experiment")
	}
	lesson.Warmup--
	l.s = NewSession(lesson, Options{Mode: Self, Recorded: true})
	l.run(time.Minute)
	if l.s.Grade("q1") != nil || len(l.s.Verdicts()) != 0 {
		t.Error("told before it was asked")
	}
	l.must(l.s.Next())
	l.must(l.s.Answer("q1", Answer{Option: "all"}))
	l.must(l.s.Next())
	if err := l.s.Answer("q1", Answer{Option: "one"}); err != ErrTooLate {
		t.Errorf("a prediction after the fact: %v", err)
	}
	l.run(time.Minute)
	if g := l.s.Grade("q1"); g == nil || g.Right || g.Want.Option != "one" {
		t.Errorf("the prediction: %+v", g)
	}
	want := []string{"prefork: lost 1, collateral 0, wrong 0, downtime_ms 0, deaths 0, oom_kills 0, procs_peak 0, queue_peak 0"}
	if diff := cmp.Diff(want, l.s.Showed()); diff != "" { // and not how many were late: nobody knows
		t.Error(diff)
	}
	if n := l.s.Note("en"); n.Recorded != "2026-11-27, linux 6.1, 2 CPUs, 8 GiB" || !strings.Contains(strings.Join(n.Lines(80, 24), "\n"), "RECORDED: 2026-11-27") {
		t.Errorf("the presenter sees %+v", n)
	}
	l.must(l.s.Next())
	l.must(l.s.Answer("seen", Answer{Option: "refilled"}))
	for l.s.Step() < StepRecall {
		l.must(l.s.Next())
	}
	r := l.s.Result()
	if l.s.Outcome() != StateShown || !r.Good() || r.Source != sim.Replay || r.Seed != 7 || r.Machine.Kernel != "6.1" || l.s.Seen()["lost"] != 1 {
		t.Errorf("%s, %+v", l.s.Outcome(), r)
	}
	if todo := l.s.Undo(); len(l.did) != 0 || len(todo) != 0 {
		t.Errorf("it did %+v, and undoes %+v", l.did, todo)
	}
	var kept Progress
	kept.Note(l.s, time.Now())
	if kept.State(lesson.ID) != StateShown || len(kept.Lessons[lesson.ID].Recalls) == 0 {
		t.Errorf("kept: %+v", kept.Lessons[lesson.ID])
	}
}
