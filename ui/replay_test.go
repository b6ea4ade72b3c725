package ui

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"forklore/sim"
)

// played is a moment of a recording, with an incident in it.
func played(paused bool) *sim.Snapshot {
	s := *mid()
	s.Kind = sim.Replay
	s.Played = &sim.Played{At: 42 * time.Second, Length: 190 * time.Second, Paused: paused,
		Where: "2026-11-28, linux 6.18, 2 CPUs, 23 GiB"}
	return &s
}

// TestReplayKeys: in a recording keys go to and fro, and what can't be changed any
// more says so.
func TestReplayKeys(t *testing.T) {
	for _, c := range []struct {
		key    string
		paused bool
		want   []sim.Command
		says   string
	}{
		{" ", false, []sim.Command{{Pause: true}}, ""},
		{"left", false, []sim.Command{{Jump: &sim.Jump{By: -5 * time.Second}}}, ""},
		{"right", false, []sim.Command{{Jump: &sim.Jump{By: 5 * time.Second}}}, ""},
		{"left", true, []sim.Command{{Jump: &sim.Jump{Moments: -1}}}, ""},
		{"right", true, []sim.Command{{Jump: &sim.Jump{Moments: 1}}}, ""},
		{"[", false, []sim.Command{{Jump: &sim.Jump{Incidents: -1}}}, ""},
		{"]", false, []sim.Command{{Jump: &sim.Jump{Incidents: 1}}}, ""},
		{"pgdown", false, []sim.Command{{Jump: &sim.Jump{Mark: "calm"}}}, "1/5 Calm"},
		{"c", false, nil, "what is past can't be changed"},
		{"l", false, nil, "what is past can't be changed"},
		{"f", false, nil, "what is past can't be changed"},
		{"+", false, nil, "what is past can't be changed"},
		{"w", false, nil, "what is past can't be changed"},
		{"m", false, nil, "what is past can't be changed"},
		{"u", false, nil, "what is past can't be changed"},
		{"r", false, nil, "what is past can't be changed"},
		{"n", false, nil, "what is past can't be changed"},
		{"a", false, nil, "what is past can't be changed"},
		{"2", false, nil, ""},
		{"v", false, nil, "what is past can't be changed"},
		{"p", false, nil, "what is past can't be changed"},
	} {
		p, src := started(t, played(c.paused))
		press(p, c.key)
		if diff := cmp.Diff(c.want, src.asked); diff != "" {
			t.Errorf("%q: commands (-want +got):\n%s", c.key, diff)
		}
		if p.st.target != sim.AllModels {
			t.Errorf("%q: the target is %b", c.key, p.st.target)
		}
		if !strings.Contains(notice(p), c.says) {
			t.Errorf("%q says %q, want %q", c.key, notice(p), c.says)
		}
	}
	// What happens now has no other moments.
	for _, key := range []string{"[", "]"} {
		p, src := started(t, calm())
		press(p, key)
		if len(src.asked) > 0 || !strings.Contains(notice(p), "does nothing here") {
			t.Errorf("%q, live: %v, %q", key, src.asked, notice(p))
		}
	}
}

// TestTurnedBack: at an earlier moment nothing is told of that has not happened
// yet, whatever the lab's clock was; a moment that is looked at for long tells of
// nothing twice.
func TestTurnedBack(t *testing.T) {
	p, _ := started(t, played(false))
	if len(p.st.group) == 0 || len(p.st.events) == 0 {
		t.Fatal("there is nothing to be told of")
	}
	before := *calm()
	before.Kind, before.At, before.Events = sim.Replay, played(false).At+time.Minute, calm().Events[:1]
	before.Played = &sim.Played{At: time.Second, Length: time.Minute, Jumped: true}
	p.Update(snapshotMsg{&before})
	if len(p.st.group) > 0 {
		t.Errorf("an incident of later is told of: %+v", p.st.group)
	}
	if len(p.st.events) != 1 {
		t.Errorf("%d events are listed, want that of the moment", len(p.st.events))
	}
}

// kept is a recorder that notes what it is given.
type kept struct {
	snaps  int
	marks  []string
	closed bool
	err    error
}

func (k *kept) Add(*sim.Snapshot) error { k.snaps++; return k.err }
func (k *kept) Mark(name string)        { k.marks = append(k.marks, name) }
func (k *kept) Length() time.Duration   { return time.Duration(k.snaps) * sim.Interval }
func (k *kept) Path() string            { return "a.jsonl.gz" }
func (k *kept) Close() error            { k.closed = true; return nil }

// do carries out what a message has asked for, and what comes of it, but waiting for
// a snapshot.
func do(p *program, msg tea.Msg) {
	_, cmd := p.Update(msg)
	carryOut(p, cmd)
}

func carryOut(p *program, cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	came := make(chan tea.Msg, 1)
	go func() { came <- cmd() }()
	select {
	case msg := <-came:
		switch msg := msg.(type) {
		case nil:
		case tea.BatchMsg:
			for _, c := range msg {
				carryOut(p, c)
			}
		default:
			do(p, msg)
		}
	case <-time.After(100 * time.Millisecond): // it waits for a snapshot
	}
}

// TestRecord: v records what is shown, with the steps of the script, until v.
func TestRecord(t *testing.T) {
	p, _ := started(t, calm())
	press(p, "v")
	if !strings.Contains(notice(p), "nothing can be recorded here") {
		t.Errorf("without a recorder: %q", notice(p))
	}
	k, begun := &kept{}, 0
	p.st.canRecord, p.opt.Record = true, func() (Recorder, error) { begun++; return k, nil }
	press(p, "pgdown")
	_, first := p.Update(keyFor("v"))
	_, second := p.Update(keyFor("v")) // before the file is there
	carryOut(p, first)
	carryOut(p, second)
	if begun != 1 || !strings.Contains(notice(p), "recording into a.jsonl.gz; v ends it") {
		t.Errorf("begun %d times: %q", begun, notice(p))
	}
	do(p, snapshotMsg{calm()})
	if !strings.Contains(p.View(), "REC 00:00") {
		t.Errorf("the header does not say it:\n%s", p.View())
	}
	press(p, "pgdown")
	do(p, snapshotMsg{calm()})
	if k.snaps != 2 || !cmp.Equal(k.marks, []string{"calm", "pause"}) {
		t.Errorf("%d snapshots, marks %q; want 2, calm and pause", k.snaps, k.marks)
	}
	press(p, "z") // a picture that is held does not say what is no more
	do(p, keyFor("v"))
	if !k.closed || !strings.Contains(notice(p), "recorded, 00:00: a.jsonl.gz") {
		t.Errorf("ended: %v, %q", k.closed, notice(p))
	}
	do(p, snapshotMsg{calm()})
	if k.snaps != 2 || strings.Contains(p.View(), "REC ") {
		t.Errorf("it goes on:\n%s", p.View())
	}
	// A full disk ends it, and says what there is.
	*k = kept{err: errors.New("no space left on device")}
	do(p, keyFor("v"))
	do(p, snapshotMsg{calm()})
	if !k.closed || !strings.Contains(notice(p), "recorded up to 00:00: a.jsonl.gz (no space left on device)") {
		t.Errorf("a full disk: %v, %q", k.closed, notice(p))
	}
	// One that is not ended, or is just being, is whole when the screen ends.
	for _, ending := range []bool{false, true} {
		*k = kept{}
		do(p, keyFor("v"))
		if ending {
			p.Update(keyFor("v"))
		}
		lines := p.finish()
		if last := lines[len(lines)-1]; !k.closed || !strings.Contains(last, "a.jsonl.gz") {
			t.Errorf("at the end: %v, %q", k.closed, lines)
		}
		p.rec, p.ending = nil, nil
	}
}

// closes is a source that notes its end.
type closes struct {
	recorder
	closed int
}

func (c *closes) Close() error { c.closed++; return nil }

// TestParachute: p shows the recording from the step that has been reached, and
// goes back to the lab: what was known of that, and nothing of the recording.
func TestParachute(t *testing.T) {
	p, lab := started(t, calm())
	press(p, "p")
	if !strings.Contains(notice(p), "there is no recording here") {
		t.Errorf("without a recording: %q", notice(p))
	}
	from, opened := "", 0
	recording := &closes{recorder: recorder{snaps: make(chan *sim.Snapshot, 1)}}
	p.st.canJump, p.opt.Parachute = true, func(step string) (sim.Source, error) { from = step; opened++; return recording, nil }
	k := &kept{}
	p.st.canRecord, p.opt.Record = true, func() (Recorder, error) { return k, nil }
	do(p, keyFor("v"))
	press(p, "pgdown", "pgdown", "2")
	lab.asked = nil
	before := len(p.st.events)
	recording.snaps <- played(false)
	_, first := p.Update(keyFor("p"))
	_, second := p.Update(keyFor("p")) // before it is open
	carryOut(p, first)
	carryOut(p, second)
	if from != "pause" || opened != 1 {
		t.Errorf("opened %d times, from %q; want once, from pause", opened, from)
	}
	if got := p.View(); !strings.Contains(got, "REPLAY") || !strings.Contains(got, "00:42 of 03:10") || strings.Contains(got, "REC ") {
		t.Errorf("with the parachute open:\n%s", got)
	}
	if !k.closed {
		t.Error("the recording of the lab goes on, and nothing comes of it any more")
	}
	p.Update(sourceMsg{lab, calm()}) // the lab goes on, and nobody looks
	if !strings.Contains(p.View(), "REPLAY") {
		t.Error("a snapshot of the lab is shown")
	}
	press(p, "pgdown", "pgdown", "3") // the script goes on, in the recording
	if n := len(recording.asked); n != 2 || recording.asked[0].Jump.Mark != "crash" || recording.asked[1].Jump.Mark != "leak" {
		t.Errorf("the next steps: %+v", recording.asked)
	}
	lab.snaps <- calm()
	do(p, keyFor("p"))
	if got := p.View(); recording.closed != 1 || !strings.Contains(got, "LIVE") || strings.Contains(got, "REPLAY") {
		t.Errorf("back in the lab, closed %d times:\n%s", recording.closed, got)
	}
	// The lab has one more snapshot's events, and did two steps.
	if want := before + len(calm().Events); len(p.st.events) != want || p.reached() != "pause" || p.st.target != sim.Models(0).With(sim.Prefork) {
		t.Errorf("%d events, step %s, target %b; want %d, pause, 2", len(p.st.events), p.reached(), p.st.target, want)
	}
	if len(lab.asked) > 0 || len(lab.snaps) > 0 {
		t.Errorf("meanwhile the lab was asked for %+v; %d snapshots wait", lab.asked, len(lab.snaps))
	}
	// Who quits with it open is told of the lab.
	do(p, keyFor("p"))
	recording.snaps <- played(false)
	p.Update(sourceMsg{recording, played(false)})
	if lines := strings.Join(p.finish(), "\n"); !strings.Contains(lines, "on LIVE figures") || recording.closed != 2 {
		t.Errorf("at the end, closed %d times: %s", recording.closed, lines)
	}
	p.opt.Parachute = func(string) (sim.Source, error) { return nil, errors.New("it has a hole") }
	do(p, keyFor("p"))
	if !strings.Contains(notice(p), "it has a hole") || p.live != nil {
		t.Errorf("a recording that can't be read: %q", notice(p))
	}
	// Not before a lesson is chosen: it may need another lab.
	p.st.over = lessonsOverlay
	press(p, "p")
	if !strings.Contains(notice(p), "a lesson is open, or their list") {
		t.Errorf("over the list of lessons: %q", notice(p))
	}
}
