package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/lessons"
	"forklore/sim"
	"forklore/ui"
)

// madeUpLab is a source that does what it is told, and notes it.
type madeUpLab struct {
	did    []sim.Command
	closed bool
}

func (l *madeUpLab) Snapshots() <-chan *sim.Snapshot { return nil }
func (l *madeUpLab) Do(c sim.Command) error          { l.did = append(l.did, c); return nil }
func (l *madeUpLab) Close() error                    { l.closed = true; return nil }

// pupil is a player with a new lesson of its own, in a made-up lab that is as
// the lesson wants it.
type pupil struct {
	*player
	t    *testing.T
	lab  *madeUpLab
	snap sim.Snapshot
}

func newPupil(t *testing.T, mode lessons.Mode) *pupil {
	t.Helper()
	dir := t.TempDir()
	if _, err := lessons.New(dir, "backlog"); err != nil {
		t.Fatal(err)
	}
	return newPupilOf(t, mode, dir)
}

// newPupilOf has the lesson backlog in a folder of lessons.
func newPupilOf(t *testing.T, mode lessons.Mode, dir string) *pupil {
	t.Helper()
	lab := &madeUpLab{}
	p := newPlayer(dir, mode, lab, nil)
	if p.store != nil {
		p.store = &lessons.Store{Path: filepath.Join(t.TempDir(), "progress.json")}
	}
	if err := p.load(); err != nil {
		t.Fatal(err)
	}
	p.running = flagsOf(p.set.Lessons[0].Setup)
	u := &pupil{player: p, t: t, lab: lab}
	u.snap.Kind, u.snap.Load.RatePerS, u.snap.Load.Weight = sim.Live, 16, "application"
	for _, m := range []sim.Model{sim.Prefork, sim.EventLoop} {
		u.snap.Model[m].State, u.snap.Model[m].Recent.OKShare, u.snap.Model[m].ProcsNow = sim.OK, 1, 8
	}
	if l, err := p.Choose("backlog"); err != nil || l != nil {
		t.Fatalf("lab %v, %v", l != nil, err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil || !lab.closed {
			t.Errorf("close: %v, the lab is closed: %v", err, lab.closed)
		}
	})
	return u
}

// wait lets time pass in the lab.
func (u *pupil) wait(d time.Duration) {
	for end := u.snap.At + d; u.snap.At < end; {
		u.snap.At += sim.Interval
		snap := u.snap
		if u.Observe(&snap) != nil {
			u.t.Fatal("the lesson wants another lab")
		}
	}
}

// forward turns so many pages, each of which may be turned.
func (u *pupil) forward(n int) {
	u.t.Helper()
	for range n {
		if err := u.Forward(); err != nil {
			u.t.Fatalf("from %+v: %v", u.Page("en"), err)
		}
	}
}

// words are the screen's own on the page.
func (u *pupil) words() (list []string) {
	for _, b := range u.Page("en").Blocks {
		if b.Word != "" {
			list = append(list, strings.TrimPrefix(b.Word, "say."))
		}
	}
	return list
}

// answer gives the question's option with that id.
func (u *pupil) answer(id string) {
	u.t.Helper()
	if err := u.Answer(ui.LessonAnswer{Option: id}); err != nil {
		u.t.Fatal(err)
	}
}

// crash has one worker die of the crash that was asked for.
func (u *pupil) crash(others int) {
	u.snap.Current = []sim.Incident{{
		N: 1, Fault: sim.FaultCrash, Model: sim.Prefork, At: u.snap.At, Lost: 1 + others, Carriers: 1, Deaths: 1, InFlight: 4, Proof: "exit status 2",
	}}
	u.snap.Current[0].Before.Procs = 8
	u.wait(2 * time.Second)
	u.snap.Current = slices.Clone(u.snap.Current)
	u.snap.Current[0].Closed, u.snap.Current[0].Recovered = u.snap.At, true
	u.wait(20 * time.Second)
}

func TestPlayerTakesALesson(t *testing.T) {
	u := newPupil(t, lessons.Self)
	u.wait(time.Second)
	if p := u.Page("en"); p.Step != "intro" || p.N != 1 || len(p.Blocks) == 0 || p.Hints != -1 {
		t.Errorf("%+v", p)
	}
	if err := u.Back(); err != ui.NothingYet {
		t.Errorf("before the first page: %v", err)
	}
	u.forward(1)
	q := u.Page("en").Question
	if q == nil || len(q.Options) < 2 || q.Answered {
		t.Fatalf("%+v", q)
	}
	if err := u.Forward(); err != ui.NoAnswer {
		t.Errorf("without an answer: %v", err)
	}
	if err := u.Answer(ui.LessonAnswer{Option: "nonsense"}); err != ui.NotOffered {
		t.Errorf("an answer that is none: %v", err)
	}
	u.answer("all")
	if q := u.Page("en").Question; !q.Answered || q.Graded || q.Fixed {
		t.Errorf("a prediction is judged before it was tried: %+v", q)
	}
	u.forward(1)
	if p := u.Page("en"); p.Step != "act" || p.Waits {
		t.Errorf("%+v", p)
	}
	if err := u.Start(); err != ui.NoAction {
		t.Errorf("too early: %v", err)
	}
	u.wait(5 * time.Second)
	if p := u.Page("en"); !p.Waits || p.Key != "c" || p.Hints != 3 {
		t.Fatalf("%+v", p)
	}
	if err := u.Forward(); err != ui.NotDone {
		t.Errorf("before the experiment: %v", err)
	}
	if err := errors.Join(u.Hint(), u.Start()); err != nil {
		t.Fatal(err)
	}
	u.wait(time.Second)
	if len(u.lab.did) != 1 || u.lab.did[0].Inject == nil || u.lab.did[0].Inject.Fault != sim.FaultCrash {
		t.Fatalf("%+v", u.lab.did)
	}
	u.crash(0)
	if got := u.words(); !slices.Contains(got, "judged") || !slices.Contains(got, "effect") || !slices.Contains(got, "hint_1") {
		t.Errorf("after the experiment: %q", got)
	}
	for u.forward(1); u.Page("en").Question != nil; u.forward(1) {
		u.answer("refilled")
		if q := u.Page("en").Question; !q.Graded || !q.Right || !q.Fixed {
			t.Errorf("what was seen: %+v", q)
		}
	}
	got := u.words()
	for _, want := range []string{"claim", "holds", "measured", "all_hold", "hinted", "predicted_wrong"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q on the check's page: %q", want, got)
		}
	}
	u.forward(1)
	if p := u.Page("ja"); p.Step != "explain" || !p.Again {
		t.Errorf("%+v", p)
	}
	kept, err := u.store.Load()
	if err != nil || kept.State("backlog") != lessons.StateHinted {
		t.Errorf("progress %s, %v", kept.State("backlog"), err)
	}
	if err := u.Leave(); err != nil || u.Page("en") != nil {
		t.Errorf("left: %v", err)
	}
}

// A claim that does not hold says what was seen instead, and can be tried again.
func TestPlayerSaysWhatFailed(t *testing.T) {
	u := newPupil(t, lessons.Demo)
	u.forward(2) // on a stage nothing has to be answered
	u.wait(5 * time.Second)
	if err := u.Hint(); err != ui.NoHint {
		t.Errorf("a hint on a stage: %v", err)
	}
	if _, err := u.Again(); err != ui.NotDone {
		t.Errorf("nothing has been done: %v", err)
	}
	if err := u.Start(); err != nil {
		t.Fatal(err)
	}
	u.wait(time.Second)
	u.crash(7)
	for u.forward(1); u.Page("en").Question != nil; u.forward(1) {
	}
	got := u.words()
	for _, want := range []string{"fails", "instead", "not_all", "once_more"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q on the check's page: %q", want, got)
		}
	}
	if slices.Contains(got, "solved") || slices.Contains(got, "shown") {
		t.Errorf("a stage keeps no progress: %q", got)
	}
	if l, err := u.Again(); err != nil || l != nil {
		t.Fatalf("again: %v", err)
	}
	if p := u.Page("en"); p.Step != "act" || p.Again {
		t.Errorf("again: %+v", p)
	}
}

// Who leaves in the middle leaves no fault behind, and has started the lesson.
func TestPlayerLeaves(t *testing.T) {
	u := newPupil(t, lessons.Self)
	u.forward(1)
	u.answer("one")
	u.forward(1)
	u.wait(5 * time.Second)
	if err := u.Start(); err != nil {
		t.Fatal(err)
	}
	u.wait(time.Second)
	if err := u.Leave(); err != nil {
		t.Fatal(err)
	}
	if n := len(u.lab.did); n != 2 || !u.lab.did[1].Undo {
		t.Errorf("%+v", u.lab.did)
	}
	list, err := u.Lessons("en")
	if err != nil || len(list) != 1 || list[0].State != "started" || list[0].Setup != "" {
		t.Errorf("%+v, %v", list, err)
	}
	u.snap.Load.RatePerS = 64 // by the user's hand
	u.wait(time.Second)
	if list, _ := u.Lessons("en"); list[0].Setup == "" {
		t.Error("a lab that was changed is as the lesson needs it")
	}
}

// Shown is not solved: the solution is played, and begun anew it is not.
func TestPlayerShows(t *testing.T) {
	u := newPupil(t, lessons.Self)
	u.forward(1)
	u.answer("one")
	u.forward(1)
	for range 4 {
		if err := u.Hint(); err != nil {
			t.Fatal(err)
		}
	}
	u.wait(6 * time.Second)
	if len(u.lab.did) != 1 || u.lab.did[0].Inject == nil {
		t.Fatalf("the lesson did nothing: %+v", u.lab.did)
	}
	u.crash(0)
	kept, err := u.store.Load()
	if err != nil || kept.State("backlog") != lessons.StateShown {
		t.Errorf("progress %s, %v", kept.State("backlog"), err)
	}
	if _, err := u.Again(); err != nil {
		t.Fatal(err)
	}
	u.wait(6 * time.Second)
	if len(u.lab.did) != 1 || !u.Page("en").Waits {
		t.Errorf("the second time: %+v", u.lab.did)
	}
}

// What is due from an earlier day is asked first, once, and can be skipped.
func TestPlayerAsksWhatIsDue(t *testing.T) {
	u := newPupil(t, lessons.Self)
	l := u.set.Lessons[0]
	if len(l.Recall) == 0 {
		t.Skip("the new lesson has nothing to recall")
	}
	for _, skip := range []bool{true, false} {
		err := u.store.Update(func(p *lessons.Progress) {
			p.Of("backlog").Recalls = map[string]*lessons.Recall{l.Recall[0].ID: {Due: time.Now().Add(-time.Hour)}}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Choose("backlog"); err != nil {
			t.Fatal(err)
		}
		p := u.Page("en")
		if p.Step != "due" || p.Question == nil {
			t.Fatalf("%+v", p)
		}
		if !skip {
			u.answer(l.Recall[0].Right())
			if q := u.Page("en").Question; !q.Graded || !q.Right || !q.Fixed {
				t.Errorf("%+v", q)
			}
		}
		u.forward(1)
		if p := u.Page("en"); p.Step != "intro" {
			t.Errorf("%+v", p)
		}
		kept, _ := u.store.Load()
		if diff := cmp.Diff(map[bool]int{true: 0, false: 1}[skip], kept.Of("backlog").Recalls[l.Recall[0].ID].Right); diff != "" {
			t.Error(diff)
		}
	}
}

// What can't be taken here says why, and is not begun.
func TestPlayerRefuses(t *testing.T) {
	u := newPupil(t, lessons.Self)
	l := u.set.Lessons[0]
	l.Requires.CPUs, l.Fallback = 1<<20, lessons.ToModel
	list, err := u.Lessons("en")
	if err != nil || !strings.Contains(list[0].Missing, "CPUs are needed") || list[0].Fallback != "model" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := u.Choose("backlog"); err == nil || !strings.Contains(err.Error(), "CPUs") {
		t.Errorf("%v", err)
	}
	l.Requires.CPUs, u.mode, l.Modes = 0, lessons.Workshop, []lessons.Mode{lessons.Self}
	if list, _ := u.Lessons("en"); !strings.Contains(list[0].Missing, "--mode workshop") || list[0].Fallback != "" {
		t.Errorf("%+v", list)
	}
	if _, err := u.Choose("nothing"); err == nil {
		t.Error("a lesson that isn't there")
	}
}

// Where the machine lacks what a lesson needs, and the lesson has a recording, it
// is taken from that: each page says so, and the lab is left alone.
func TestPlayerTellsARecording(t *testing.T) {
	dir := t.TempDir()
	if _, err := lessons.New(dir, "backlog"); err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(dir, "*-backlog"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("%q, %v", folders, err)
	}
	logic := filepath.Join(folders[0], "lesson.toml")
	text, err := os.ReadFile(logic)
	if err != nil {
		t.Fatal(err)
	}
	for old, new := range map[string]string{`fallback       = "none"`: `fallback = "recording"`, "[setup]": "[requires]\ncpus = 64\n\n[setup]"} {
		if !strings.Contains(string(text), old) {
			t.Fatalf("no %q", old)
		}
		text = []byte(strings.Replace(string(text), old, new, 1))
	}
	if err := os.WriteFile(logic, text, 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := lessons.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	golden := `{"schema": "forklore/golden/v1", "recorded": "2026-11-27", "seed": 1, "experiment": "` + set.Lessons[0].Experiment() + `", "figures": {"lost": 1},
"machine": {"os": "linux", "kernel": "6.1", "cpus": 64, "mem_bytes": 8589934592, "cgroup": "v1", "root": true},
"evidence": {"prefork.procs_now": 8, "prefork.incident.before_procs": 8, "prefork.incident.lost": 1, "prefork.incident.carriers": 1}}`
	if err := os.WriteFile(filepath.Join(folders[0], "golden.json"), []byte(golden), 0o600); err != nil {
		t.Fatal(err)
	}
	u := newPupilOf(t, lessons.Self, dir)
	list, err := u.Lessons("en")
	if err != nil || list[0].Missing != "" || !strings.Contains(list[0].Recorded, "64 CPUs are needed") ||
		list[0].Where != "2026-11-27, linux 6.1, 64 CPUs, 8 GiB" || list[0].Setup != "" {
		t.Errorf("%+v, %v", list, err)
	}
	seen := map[string]bool{}
	for page := u.Page("en"); ; page = u.Page("en") {
		if !page.Recorded || page.Again || page.Waits || page.Hints >= 0 || page.Blocks[0].Word != "say.recorded" {
			t.Errorf("page %d does not say that it is recorded, or offers what it can't do: %+v", page.N, page)
		}
		for _, word := range u.words() {
			seen[word] = true
		}
		if _, err := u.Again(); err != ui.NotDone {
			t.Errorf("once more: %v", err)
		}
		if page.Last {
			break
		}
		if page.Question != nil && !page.Question.Graded {
			u.answer(page.Question.Options[0].ID)
		}
		u.wait(time.Second)
		u.forward(1)
	}
	for _, word := range []string{"lacks", "recorded_acts", "recorded_showed", "recorded_judged", "recorded_measured", "recorded_all_hold", "recorded_shown", "holds", "predicted_right"} {
		if !seen[word] {
			t.Errorf("no page says %q", word)
		}
	}
	if seen["measured"] || seen["all_hold"] {
		t.Error("a page says that it was measured here")
	}
	if err := u.Leave(); err != nil || len(u.lab.did) > 0 {
		t.Errorf("%v, the lab was told %+v", err, u.lab.did)
	}
	if kept, err := u.store.Load(); err != nil || kept.State("backlog") != lessons.StateShown {
		t.Errorf("kept: %s, %v", kept.State("backlog"), err)
	}
}
