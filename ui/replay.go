package ui

import (
	"cmp"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/assets"
	"forklore/sim"
)

// Recordings on the screen: v makes one of what is shown; in one, keys go to and
// fro; and p, the parachute, puts the shipped one in the place of a lab that
// fails on stage, at the step that the script has reached.

// Recorder keeps what the screen shows. Its methods return at once, but Close.
type Recorder interface {
	Add(*sim.Snapshot) error
	Mark(name string)
	Length() time.Duration
	Path() string
	Close() error
}

// seekBy is how far an arrow goes in a recording that plays.
const seekBy = 5 * time.Second

// recordingMsg brings the recorder that v has asked for.
type recordingMsg struct {
	rec Recorder
	err error
}

// recordedMsg is what became of a recording. why: it ended by itself.
type recordedMsg struct {
	rec Recorder
	why error
}

// parachuteMsg brings the shipped recording.
type parachuteMsg struct {
	src sim.Source
	err error
}

// isPlayed: what is shown is a recording.
func isPlayed(snap *sim.Snapshot) bool { return snap != nil && snap.Played != nil }

func (n situation) played() bool { return isPlayed(n.snap) }

// record begins a recording, or ends it. A file is made and closed beside the
// program's loop: a disk may take its time.
func (p *program) record(string) tea.Cmd {
	switch {
	case p.rec != nil:
		return p.endRecording(nil)
	case p.opening: // v was pressed twice
		return nil
	}
	p.opening = true
	begin := p.opt.Record
	return func() tea.Msg {
		rec, err := begin()
		return recordingMsg{rec, err}
	}
}

func (p *program) recordingBegun(msg recordingMsg) tea.Cmd {
	p.opening = false
	if msg.err != nil {
		p.st.say(p.word.T("said.record.failed", map[string]any{"Why": msg.err.Error()}))
		return nil
	}
	p.rec, p.st.recording = msg.rec, true
	if p.live != nil { // p was pressed meanwhile
		return p.endRecording(nil)
	}
	if id := p.reached(); id != "" {
		p.rec.Mark(id)
	}
	p.st.say(p.word.T("said.record.begun", map[string]any{"Path": p.rec.Path()}))
	return nil
}

// keep records a snapshot of what happens now.
func (p *program) keep(snap *sim.Snapshot) tea.Cmd {
	if p.rec == nil || snap.Played != nil {
		return nil
	}
	if err := p.rec.Add(snap); err != nil {
		return p.endRecording(err)
	}
	p.st.recorded = p.rec.Length()
	return nil
}

func (p *program) endRecording(why error) tea.Cmd {
	rec := p.rec
	if rec == nil {
		return nil
	}
	p.rec, p.ending, p.st.recording, p.st.recorded = nil, rec, false, 0
	return func() tea.Msg {
		if err := rec.Close(); why == nil {
			why = err
		}
		return recordedMsg{rec, why}
	}
}

func (p *program) recordingEnded(msg recordedMsg) {
	p.ending = nil
	p.st.say(p.wordsOf(msg))
}

// wordsOf says what became of a recording. What one has before its disk was full
// can be played.
func (p *program) wordsOf(msg recordedMsg) string {
	data := map[string]any{"Path": msg.rec.Path(), "Time": clock(msg.rec.Length())}
	switch {
	case msg.why == nil:
		return p.word.T("said.record.done", data)
	case msg.rec.Length() == 0:
		return p.word.T("said.record.failed", map[string]any{"Why": msg.why.Error()})
	}
	data["Why"] = msg.why.Error()
	return p.word.T("said.record.partly", data)
}

// reached is the step of the live script that has been reached, "" before the first.
func (p *program) reached() string {
	if p.st.step == 0 {
		return ""
	}
	return assets.Script()[p.st.step-1].ID
}

// parachute puts the shipped recording in the lab's place, or goes back. The lab
// runs on meanwhile.
func (p *program) parachute(string) tea.Cmd {
	if p.live != nil {
		return p.land()
	}
	if p.jumping { // pressed again before it is open
		return nil
	}
	p.jumping = true
	p.st.say(p.t("said.jumping"))
	open, step := p.opt.Parachute, p.reached()
	return func() tea.Msg {
		src, err := open(step)
		return parachuteMsg{src, err}
	}
}

func (p *program) jumped(msg parachuteMsg) tea.Cmd {
	p.jumping = false
	if msg.err != nil {
		p.st.say(msg.err.Error())
		return nil
	}
	if noParachute(p.now()) != "" { // a lesson was faster
		return closing(msg.src)
	}
	recorded := p.endRecording(nil)
	p.live, p.kept, p.missed = p.src, hold(p.snap, &p.st), false
	p.watch(msg.src)
	p.st.aloft, p.st.events, p.st.hist = true, nil, nil
	p.st.say(p.t("said.aloft"))
	return tea.Batch(recorded, p.await())
}

// land goes back to the lab, with what had been told of it.
func (p *program) land() tea.Cmd {
	replay, kept := p.src, p.kept
	st := *kept.with(&p.st)
	st.holding, st.step, st.target = kept.st.holding, kept.st.step, kept.st.target
	p.src, p.live, p.kept, p.held = p.live, nil, nil, nil
	p.st, p.snap = st, kept.snap
	p.st.say(p.t("said.landed"))
	if !p.missed { // what was waited for when it began still comes
		return closing(replay)
	}
	return tea.Batch(closing(replay), p.await())
}

func closing(src sim.Source) tea.Cmd {
	return func() tea.Msg { src.Close(); return nil }
}

// leap goes to another moment of the recording.
func (p *program) leap(j sim.Jump) bool { return p.do(sim.Command{Jump: &j}, "") }

// seek goes five seconds, or from moment to moment where it stands still.
func (p *program) seek(key string) tea.Cmd {
	by := 1
	if key == "left" {
		by = -1
	}
	if p.snap.Played.Paused {
		p.leap(sim.Jump{Moments: by})
	} else {
		p.leap(sim.Jump{By: time.Duration(by) * seekBy})
	}
	return nil
}

// seekIncident goes to where the next incident begins, or the one before.
func (p *program) seekIncident(key string) tea.Cmd {
	by := 1
	if key == "[" {
		by = -1
	}
	p.leap(sim.Jump{Incidents: by})
	return nil
}

// seekStep goes to the step of the live script with that number, from 1.
func (p *program) seekStep(n int) bool {
	if !p.leap(sim.Jump{Mark: assets.Script()[n-1].ID}) {
		return false
	}
	p.st.step, p.st.seeking = n, true
	return true
}

// pick shows a model where one has room, on its page and in a small window: a
// recording has no target.
func (p *program) pick(key string) tea.Cmd {
	p.show(sim.Model(key[0] - '1'))
	p.st.say("")
	return nil
}

// captionID is what a stranger is told to do, before there is anything to tell of.
func (f *frame) captionID() string {
	if f.snap.Played != nil {
		return "caption.played"
	}
	return "caption.press"
}

// Why a key does nothing now.

func noRecord(now situation) string {
	switch {
	case now.snap == nil:
		return now.t("wait")
	case now.played():
		return now.t("off.played")
	case !now.st.canRecord:
		return now.t("off.record")
	}
	return ""
}

func noParachute(now situation) string {
	switch {
	case now.snap == nil:
		return now.t("wait")
	case now.st.aloft:
		return ""
	case now.played():
		return now.t("off.played")
	case now.st.lesson.page != nil, now.st.lesson.opening, now.st.over == lessonsOverlay:
		return now.t("off.lesson")
	case !now.st.canJump:
		return now.t("off.parachute")
	}
	return ""
}

// finish ends what the program has begun, when it ends. What is told last is about
// the lab, and of a recording that was just being made.
func (p *program) finish() (lines []string) {
	if p.live != nil {
		p.src.Close()
		p.land()
	}
	if rec := cmp.Or(p.rec, p.ending); rec != nil {
		lines = append(lines, p.wordsOf(recordedMsg{rec, rec.Close()}))
	}
	return append(p.summary(), lines...)
}
