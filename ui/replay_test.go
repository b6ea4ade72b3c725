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
	s.Played = &sim.Played{At: 42 * time.Second, Length: 190 * time.Second, Paused: paused, Of: sim.Live,
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
		{"v", false, nil, "what is past can't be changed"},
		{"p", false, nil, "what is past can't be changed"},
	} {
		p, src := started(t, played(c.paused))
		press(p, c.key)
		if diff := cmp.Diff(c.want, src.asked); diff != "" {
			t.Errorf("%q: commands (-want +got):\n%s", c.key, diff)
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

// TestTurnedBack: what has not happened yet, at an earlier moment, is not told of.
func TestTurnedBack(t *testing.T) {
	p, _ := started(t, played(false))
	if len(p.st.group) == 0 || len(p.st.events) == 0 {
		t.Fatal("there is nothing to be told of")
	}
	before := *calm()
	before.Kind, before.At, before.Events = sim.Replay, time.Second, nil
	before.Played = &sim.Played{Length: time.Minute}
	p.Update(snapshotMsg{&before})
	if len(p.st.group) > 0 {
		t.Errorf("an incident of later is told of: %+v", p.st.group)
	}
	for _, e := range p.st.events {
		if e.At > before.At {
			t.Errorf("an event of later is listed: %+v", e)
		}
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

// do carries out what an Update has asked for, and hands over what came of it.
func do(p *program, cmd tea.Cmd) {
	if cmd != nil {
		if msg := cmd(); msg != nil {
			p.Update(msg)
		}
	}
}

// TestRecord: v records what is shown, with the steps of the script, until v.
func TestRecord(t *testing.T) {
	p, _ := started(t, calm())
	press(p, "v")
	if !strings.Contains(notice(p), "nothing can be recorded here") {
		t.Errorf("without a recorder: %q", notice(p))
	}
	k := &kept{}
	p.st.canRecord, p.opt.Record = true, func() (Recorder, error) { return k, nil }
	press(p, "pgdown", "v")
	if !strings.Contains(notice(p), "recording into a.jsonl.gz; v ends it") {
		t.Errorf("begun: %q", notice(p))
	}
	p.Update(snapshotMsg{calm()})
	if !strings.Contains(p.View(), "REC 00:00") {
		t.Errorf("the header does not say it:\n%s", p.View())
	}
	press(p, "pgdown")
	p.Update(snapshotMsg{calm()})
	if k.snaps != 2 || !cmp.Equal(k.marks, []string{"calm", "pause"}) {
		t.Errorf("%d snapshots, marks %q; want 2, calm and pause", k.snaps, k.marks)
	}
	_, cmd := p.Update(keyFor("v"))
	do(p, cmd)
	if !k.closed || !strings.Contains(notice(p), "recorded, 00:00: a.jsonl.gz") {
		t.Errorf("ended: %v, %q", k.closed, notice(p))
	}
	p.Update(snapshotMsg{calm()})
	if k.snaps != 2 || strings.Contains(p.View(), "REC ") {
		t.Error("it goes on")
	}
	// A full disk ends it, and says so.
	k = &kept{err: errors.New("no space left on device")}
	press(p, "v")
	_, cmd = p.Update(snapshotMsg{calm()})
	for _, cmd := range cmd().(tea.BatchMsg) {
		if cmd != nil && !k.closed {
			do(p, cmd) // the recording's end comes first, then the wait for the next snapshot
		}
	}
	if !k.closed || !strings.Contains(notice(p), "not recorded: no space left on device") {
		t.Errorf("a full disk: %v, %q", k.closed, notice(p))
	}
	// One that is not ended is whole when the screen ends.
	k = &kept{}
	press(p, "v")
	if lines := p.finish(); !k.closed || len(lines) != 1 || !strings.Contains(lines[0], "a.jsonl.gz") {
		t.Errorf("at the end: %v, %q", k.closed, lines)
	}
}

// TestParachute: p shows the recording from the step that has been reached, and
// goes back to the lab, which was not touched.
func TestParachute(t *testing.T) {
	p, lab := started(t, calm())
	press(p, "p")
	if !strings.Contains(notice(p), "there is no recording here") {
		t.Errorf("without a recording: %q", notice(p))
	}
	recording := &recorder{snaps: make(chan *sim.Snapshot, 1)}
	p.st.canJump, p.opt.Parachute = true, func() (sim.Source, error) { return recording, nil }
	press(p, "pgdown", "pgdown")
	lab.asked = nil
	_, cmd := p.Update(keyFor("p"))
	recording.snaps <- played(false)
	_, cmd = p.Update(cmd())
	if diff := cmp.Diff([]sim.Command{{Jump: &sim.Jump{Mark: "pause"}}}, recording.asked); diff != "" {
		t.Errorf("the recording is asked (-want +got):\n%s", diff)
	}
	do(p, cmd)
	if got := p.View(); !strings.Contains(got, "REPLAY") || !strings.Contains(got, "00:42 of 03:10") {
		t.Errorf("with the parachute open:\n%s", got)
	}
	p.Update(sourceMsg{lab, calm()}) // the lab goes on, and nobody looks
	if !strings.Contains(p.View(), "REPLAY") {
		t.Error("a snapshot of the lab is shown")
	}
	press(p, "pgdown") // the script goes on, in the recording
	if n := len(recording.asked); n != 2 || recording.asked[1].Jump.Mark != "crash" {
		t.Errorf("the next step: %+v", recording.asked)
	}
	lab.snaps <- calm()
	p.Update(keyFor("p"))
	p.Update(sourceMsg{lab, calm()})
	if got := p.View(); !strings.Contains(got, "LIVE") || strings.Contains(got, "REPLAY") {
		t.Errorf("back in the lab:\n%s", got)
	}
	if len(lab.asked) > 0 {
		t.Errorf("meanwhile the lab was asked for %+v", lab.asked)
	}
	p.opt.Parachute = func() (sim.Source, error) { return nil, errors.New("it has a hole") }
	_, cmd = p.Update(keyFor("p"))
	do(p, cmd)
	if !strings.Contains(notice(p), "it has a hole") || p.live != nil {
		t.Errorf("a recording that can't be read: %q", notice(p))
	}
}
