package lessons

import (
	"errors"
	"strings"
	"testing"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// lab is a made-up source: a test says what its models are like.
type lab struct {
	t    *testing.T
	s    *Session
	snap sim.Snapshot
	did  []sim.Command
	// on is called for each command; its error is the source's.
	on func(*lab, sim.Command) error
}

func newLab(t *testing.T, change map[string]string, o Options) *lab {
	t.Helper()
	files := folder(t, "one")
	for old, new := range change {
		if !strings.Contains(string(files["01-one/lesson.toml"].Data), old) {
			t.Fatalf("no %q", old)
		}
		replace(files, "01-one/lesson.toml", old, new)
	}
	set, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, s: NewSession(set.Lessons[0], o)}
	for _, m := range []sim.Model{sim.Prefork, sim.EventLoop} {
		l.snap.Model[m].State = sim.OK
		l.snap.Model[m].Recent.OKShare = 1
		l.snap.Model[m].ProcsNow = 8
	}
	l.snap.Kind = sim.Live
	return l
}

// run lets time pass, a snapshot every tenth of a second.
func (l *lab) run(d time.Duration) {
	for end := l.snap.At + d; l.snap.At < end; {
		l.snap.At += sim.Interval
		snap := l.snap // delivered ones don't change
		for _, d := range l.s.Observe(&snap) {
			if d.Restart != nil {
				l.snap.At = 0
				l.snap.Current = nil
				l.s.Opened()
				return
			}
			l.did = append(l.did, *d.Command)
			if l.on != nil {
				if err := l.on(l, *d.Command); err != nil {
					l.s.Refused(d, err)
				}
			}
		}
	}
}

// crashes answers an injection with one incident in prefork.
func crashes(lost int) func(*lab, sim.Command) error {
	return func(l *lab, c sim.Command) error {
		if c.Inject != nil {
			i := sim.Incident{N: 1, Fault: c.Inject.Fault, Model: sim.Prefork, At: l.snap.At + 1, Closed: l.snap.At + 2,
				InFlight: 3, Carriers: 1, Lost: lost, Deaths: 1, Recovered: true}
			i.Before.Procs = 8
			l.snap.Current = []sim.Incident{i}
		}
		return nil
	}
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// predict goes to the action, with an answer.
func (l *lab) predict(option string) {
	l.t.Helper()
	l.must(l.s.Next())
	l.must(l.s.Answer("q1", Answer{Option: option}))
	l.must(l.s.Next())
}

// TestWay: a lesson from its introduction to its end, with a prediction that is
// wrong and a claim that holds.
func TestWay(t *testing.T) {
	l := newLab(t, nil, Options{Mode: Self})
	l.on = crashes(1)
	if err := l.s.Prev(); !errors.Is(err, ErrFirst) {
		t.Errorf("before the first step: %v", err)
	}
	l.must(l.s.Next())
	if err := l.s.Next(); !errors.Is(err, ErrUnanswered) {
		t.Errorf("without a prediction: %v", err)
	}
	if err := l.s.Answer("q1", Answer{Option: "both"}); !errors.Is(err, ErrNoOption) {
		t.Errorf("an option that there is not: %v", err)
	}
	l.must(l.s.Answer("q1", Answer{Option: "all"}))
	l.must(l.s.Next())
	if err := l.s.Start(); !errors.Is(err, ErrNoAction) {
		t.Errorf("while it warms up: %v", err)
	}
	l.run(4 * time.Second)
	if a := l.s.Pending(); a == nil || a.ID != "crash" || len(l.did) != 0 {
		t.Fatalf("pending %v, done %v: the crash waits for its learner", a, l.did)
	}
	if err := l.s.Next(); !errors.Is(err, ErrNotDone) {
		t.Errorf("without the experiment: %v", err)
	}
	l.must(l.s.Start())
	l.run(time.Second)
	if len(l.did) != 1 || l.did[0].Inject == nil || l.did[0].Inject.Models != sim.Models(0).With(sim.Prefork) || l.did[0].Inject.Strength != 1 {
		t.Fatalf("it did %+v", l.did)
	}
	if err := l.s.Answer("q1", Answer{Option: "one"}); !errors.Is(err, ErrTooLate) {
		t.Errorf("a prediction after the fact: %v", err)
	}
	if l.s.Grade("q1") != nil {
		t.Error("graded before anything was judged")
	}
	l.run(10 * time.Second)
	if l.s.Phase() != Judged || len(l.did) != 1 {
		t.Fatalf("%s (%s), did %+v: a crash that is over needs no undo", l.s.Phase(), l.s.Why(), l.did)
	}
	l.must(l.s.Next())
	l.must(l.s.Answer("seen", Answer{Option: "refilled"}))
	if g := l.s.Grade("seen"); g == nil || !g.Right || !g.Measured {
		t.Errorf("the observation: %+v", g)
	}
	if g := l.s.Grade("q1"); g == nil || g.Right || g.Want.Option != "one" || g.Misconception != "a-pool-is-one-program" {
		t.Errorf("the prediction: %+v", g)
	}
	l.must(l.s.Next())
	v := l.s.Verdicts()[0]
	if !v.Held || len(v.Figures) != 2 || v.Figures[0] != (Figure{"prefork.incident.collateral", 0}) {
		t.Errorf("the verdict: %+v", v)
	}
	l.must(l.s.Next())
	if text := l.s.Lesson().Text("en", "explain", l.s.Seen()).Body; !strings.Contains(text, ": 1 lost") {
		t.Errorf("the learner's figure is not in %q", text)
	}
	l.must(l.s.Next())
	if l.s.Step() != StepRecall || l.s.Outcome() != StateSolved || !l.s.Result().Good() {
		t.Errorf("%s, %s, %+v", l.s.Step(), l.s.Outcome(), l.s.Result())
	}
	if err := l.s.Next(); !errors.Is(err, ErrLast) {
		t.Errorf("after the last step: %v", err)
	}
}

// TestOutcomes: how an experiment ends that does not go as the lesson hopes.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]string
		on     func(*lab, sim.Command) error
		before func(*lab)
		after  func(*lab)
		want   Outcome
		why    string
	}{
		{name: "a claim that does not hold", on: crashes(4), want: OutcomeFailed},
		{name: "not steady", before: func(l *lab) { l.snap.Model[sim.EventLoop].Recent.OKShare = 0.5 }, want: OutcomeRefused, why: "answering"},
		{name: "no effect", on: func(*lab, sim.Command) error { return nil }, want: OutcomeFailed, why: "crash did not take effect"},
		{name: "refused", on: func(*lab, sim.Command) error { return sim.ErrDown }, want: OutcomeRefused, why: "it is down"},
		{name: "never steady for the source", on: func(*lab, sim.Command) error { return sim.ErrNotSteady }, want: OutcomeRefused, why: "not in steady state"},
		{name: "too far", on: crashes(1), after: func(l *lab) { l.snap.Model[sim.Prefork].Recent.OKShare = 0.1 }, want: OutcomeAborted, why: "prefork.ok_share 0.10"},
		{name: "too long", change: map[string]string{`max_duration = "1m"`: `max_duration = "2s"`}, on: crashes(1), want: OutcomeAborted, why: "longer than 2s"},
		{name: "a model is missing", before: func(l *lab) { l.snap.Model[sim.Prefork] = sim.ModelState{State: sim.Unavailable, Why: "no fork"} }, want: OutcomeUnavailable, why: "no fork"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, c.change, Options{Mode: Self})
			l.on = c.on
			if c.before != nil {
				c.before(l)
			}
			l.predict("one")
			l.run(4 * time.Second)
			l.s.Start()
			l.run(time.Second)
			if c.after != nil {
				c.after(l)
			}
			l.run(40 * time.Second)
			r := l.s.Result()
			if r.Outcome != c.want || !strings.Contains(r.Why, c.why) || r.Good() || len(r.Checks) != 1 {
				t.Errorf("%s (%s), want %s (%s)", r.Outcome, r.Why, c.want, c.why)
			}
			if l.s.Outcome() != StateStarted {
				t.Errorf("it counts as %s", l.s.Outcome())
			}
		})
	}
}

// TestUndo: what was injected is taken back when the lesson is left, aborted, or
// over, and only then.
func TestUndo(t *testing.T) {
	renew := map[string]string{`undo     = "undo"`: `undo     = "renew"`}
	for _, c := range []struct {
		name  string
		leave bool
		after time.Duration
		want  []sim.Command
	}{
		{"left in the middle", true, time.Second, []sim.Command{{Undo: true}, {Renew: true}}},
		{"at its end", false, 6 * time.Second, []sim.Command{{Undo: true}, {Renew: true}}},
	} {
		l := newLab(t, renew, Options{Mode: Self})
		l.on = crashes(1)
		l.predict("one")
		l.run(4 * time.Second)
		l.must(l.s.Start())
		l.run(c.after)
		if c.leave {
			for _, d := range l.s.Undo() {
				l.did = append(l.did, *d.Command)
			}
			if len(l.s.Undo()) != 0 {
				t.Error("undone twice")
			}
		}
		got := l.did[1:]
		if len(got) != len(c.want) || got[0] != c.want[0] || got[1] != c.want[1] {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestTurningBack: a fault's time ends, whatever the learner reads meanwhile.
func TestTurningBack(t *testing.T) {
	l := newLab(t, map[string]string{`undo     = "undo"`: `undo     = "renew"`}, Options{Mode: Self})
	l.on = crashes(1)
	l.predict("one")
	l.run(4 * time.Second)
	l.must(l.s.Start())
	l.run(time.Second)
	l.must(l.s.Prev())
	l.must(l.s.Prev())
	l.run(20 * time.Second)
	if l.s.Step() != StepIntro || l.s.Phase() != Judged || len(l.did) != 3 || !l.did[2].Renew {
		t.Errorf("%s, %s, did %+v", l.s.Step(), l.s.Phase(), l.did)
	}
}

// TestControl: without the action nothing is injected, and no check holds.
func TestControl(t *testing.T) {
	l := newLab(t, nil, Options{Mode: Self, Control: true})
	l.must(l.s.solve())
	l.run(time.Minute)
	r := l.s.Result()
	if len(l.did) != 0 || r.Outcome != OutcomeFailed || !r.Good() {
		t.Errorf("did %+v: %+v", l.did, r)
	}
	// A check that holds by itself is found out.
	l = newLab(t, map[string]string{`expr   = "prefork.incident.lost >= 1 and prefork.incident.collateral == 0"`: `expr   = "prefork.ok_share > 0"`}, Options{Mode: Self, Control: true})
	l.must(l.s.solve())
	l.run(time.Minute)
	if r := l.s.Result(); r.Good() {
		t.Errorf("a check that passes by itself passes: %+v", r)
	}
}

// TestRestart: the lab is replaced, measures go over it, and time goes on.
func TestRestart(t *testing.T) {
	l := newLab(t, map[string]string{
		`solution       = ["crash", "recover"]`:              `solution = ["before", "more", "crash", "recover"]`,
		"[[action]]\nid       = \"crash\"":                   "[[action]]\nid = \"before\"\ndo = \"measure\"\nduration = \"2s\"\nhow = \"mean\"\nnote = { procs = \"prefork.procs_now\" }\n[[action]]\nid = \"more\"\ndo = \"restart\"\n[action.setup]\nworkers = 16\n[[action]]\nid       = \"crash\"",
		`expr   = "prefork.incident.lost >= 1 and prefork.i`: `expr   = "prefork.procs_now == 2 * noted.procs and prefork.i`,
	}, Options{Mode: Self})
	l.on = crashes(1)
	l.predict("one")
	l.run(6 * time.Second)
	if a := l.s.Pending(); a == nil || a.ID != "more" || l.s.Noted()["procs"] != 8 {
		t.Fatalf("pending %v, noted %v", a, l.s.Noted())
	}
	l.must(l.s.Start())
	l.run(time.Second)
	if l.s.Setup().Flags()["workers"] != "16" || l.snap.At != 0 || l.s.Elapsed() < 6*time.Second {
		t.Fatalf("%v at %v, elapsed %v", l.s.Setup(), l.snap.At, l.s.Elapsed())
	}
	l.snap.Model[sim.Prefork].ProcsNow = 16
	l.run(5 * time.Second)
	l.must(l.s.Start())
	l.run(20 * time.Second)
	if r := l.s.Result(); r.Outcome != OutcomeHeld {
		t.Errorf("%s %s %+v", r.Outcome, r.Why, r.Checks)
	}
}

// TestShown: who has it shown has not solved it; who takes hints has, with hints.
func TestShown(t *testing.T) {
	for want, how := range map[State]func(*lab){
		StateShown:  func(l *lab) { l.s.Show() },
		StateHinted: func(l *lab) { l.s.Hint(); l.run(4 * time.Second); l.must(l.s.Start()) },
	} {
		l := newLab(t, nil, Options{Mode: Self})
		l.on = crashes(1)
		l.predict("one")
		how(l)
		l.run(30 * time.Second)
		if got := l.s.Outcome(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestStage: on a stage no question stands in the way.
func TestStage(t *testing.T) {
	l := newLab(t, nil, Options{Mode: Demo})
	l.must(l.s.Next())
	l.must(l.s.Next())
	if l.s.Step() != StepAct {
		t.Errorf("%s", l.s.Step())
	}
}

// TestGrades: numbers within their tolerance, ranks by what was measured.
func TestGrades(t *testing.T) {
	value := func(text string) *program {
		p, err := compile(text, false, sim.AllModels)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var e environment
	e.CGI.ProcsNow, e.Prefork.ProcsNow, e.EventLoop.ProcsNow = 4, 8, 4
	number := Question{Kind: Number, Least: 0, Most: 100, Tolerance: 0.25, answer: value("prefork.procs_now")}
	for n, want := range map[float64]bool{5: false, 6: true, 8: true, 10: true, 11: false} {
		if g := number.grade(Answer{Number: n}, &e); g.Right != want || g.Want.Number != 8 {
			t.Errorf("%v: %+v", n, g)
		}
	}
	rank := Question{Kind: Rank, Options: []Option{{ID: "c", value: value("cgi.procs_now")}, {ID: "p", value: value("prefork.procs_now")}, {ID: "e", value: value("eventloop.procs_now")}}}
	for order, want := range map[string]bool{"p c e": true, "p e c": true, "c p e": false} {
		a := Answer{Order: strings.Fields(order)}
		if g := rank.grade(a, &e); rank.check(a) != nil || g.Right != want || g.Want.Order[0] != "p" {
			t.Errorf("%s: %+v", order, g)
		}
	}
	if rank.check(Answer{Order: []string{"p", "p", "c"}}) == nil || rank.check(Answer{Order: []string{"p"}}) == nil {
		t.Error("an order that is none is taken")
	}
}

// TestDraw: what is drawn is one of the list, the same by the same number, another
// one some other time, and the expressions know it.
func TestDraw(t *testing.T) {
	change := map[string]string{
		"key      = \"c\"\nfault    = \"crash\"":                                     `draw     = ["crash", "hang", "leak"]`,
		`expr   = "prefork.incident.lost >= 1 and prefork.incident.collateral == 0"`: `expr   = "(drawn == 'hang') == (prefork.incident.lost == 7)"`,
	}
	play := func(draw uint64, lost int) (*lab, sim.Inject) {
		l := newLab(t, change, Options{Mode: Self, Draw: draw})
		l.on = crashes(lost)
		l.predict("one")
		l.run(4 * time.Second)
		l.must(l.s.Start())
		l.run(30 * time.Second)
		if len(l.did) == 0 || l.did[0].Inject == nil {
			t.Fatalf("%+v was done; want an injection", l.did)
		}
		return l, *l.did[0].Inject
	}
	drawn := map[sim.Fault]bool{}
	for n := range uint64(13) {
		if n == 0 {
			continue // by chance
		}
		l, in := play(n, 7)
		drawn[in.Fault] = true
		if _, again := play(n, 7); again != in {
			t.Errorf("by %d %+v is drawn, and then %+v", n, in, again)
		}
		kind, _ := fault.Find(in.Fault)
		if in.Strength != kind.Strength || in.Duration > kind.Duration {
			t.Errorf("%+v; want the strength and the time that %s has", in, in.Fault)
		}
		r := l.s.Result()
		if len(r.Drawn) != 1 || r.Drawn[0] != (Drawn{"crash", in.Fault, n}) {
			t.Errorf("%v in the result; want that %s was drawn", r.Drawn, in.Fault)
		}
		if held := l.s.Verdicts()[0].Held; held != (in.Fault == sim.FaultHang) {
			t.Errorf("%s was drawn, 7 are lost: the check that knows hang by that says %v", in.Fault, held)
		}
		// A recording of it says the same.
		if e, unknown := r.evidence.environment(l.s.lesson.models); e.Drawn != string(in.Fault) || len(unknown) > 0 {
			t.Errorf("recorded %q, and %v; want %s", e.Drawn, unknown, in.Fault)
		}
		l.s.Again()
		if len(l.s.Result().Drawn) != 0 {
			t.Error("what was drawn before is there still")
		}
	}
	by := map[uint64]bool{}
	for range 5 { // by chance: another number, which the result tells
		l, in := play(0, 7)
		d := l.s.Result().Drawn[0]
		if _, again := play(d.By, 7); again != in {
			t.Errorf("--draw %d draws %s, and drew %s", d.By, again.Fault, in.Fault)
		}
		by[d.By] = true
	}
	if len(by) < 2 {
		t.Errorf("by chance always %v", by)
	}
	if len(drawn) != 3 {
		t.Errorf("in twelve times %v were drawn; want all three", drawn)
	}
}
