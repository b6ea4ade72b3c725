package ui

import (
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

// recordedMsg is where a recording is, or why it isn't.
type recordedMsg struct {
	path   string
	length time.Duration
	err    error
}

// parachuteMsg brings the shipped recording.
type parachuteMsg struct {
	src sim.Source
	err error
}

// played: what is shown is a recording.
func (n situation) played() bool { return n.snap != nil && n.snap.Played != nil }

// record begins a recording, or ends it.
func (p *program) record(string) tea.Cmd {
	if p.rec != nil {
		return p.endRecording(nil)
	}
	rec, err := p.opt.Record()
	if err != nil {
		p.st.say(p.word.T("said.record.failed", map[string]any{"Why": err.Error()}))
		return nil
	}
	p.rec, p.st.recording = rec, true
	if id := p.reached(); id != "" {
		rec.Mark(id)
	}
	p.st.say(p.word.T("said.record.begun", map[string]any{"Path": rec.Path()}))
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

// endRecording waits for the disk, beside the program's loop.
func (p *program) endRecording(why error) tea.Cmd {
	rec := p.rec
	p.rec, p.st.recording, p.st.recorded = nil, false, 0
	return func() tea.Msg {
		err := rec.Close()
		if why != nil {
			err = why
		}
		return recordedMsg{rec.Path(), rec.Length(), err}
	}
}

func (p *program) tellRecorded(msg recordedMsg) {
	if msg.err != nil {
		p.st.say(p.word.T("said.record.failed", map[string]any{"Why": msg.err.Error()}))
		return
	}
	p.st.say(p.word.T("said.record.done", map[string]any{"Path": msg.path, "Time": clock(msg.length)}))
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
		replay := p.src
		p.watch(p.live)
		p.live, p.st.aloft = nil, false
		p.st.say(p.t("said.landed"))
		return tea.Batch(p.await(), func() tea.Msg { replay.Close(); return nil })
	}
	open := p.opt.Parachute
	return func() tea.Msg {
		src, err := open()
		return parachuteMsg{src, err}
	}
}

func (p *program) jumped(msg parachuteMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		p.st.say(msg.err.Error())
		return nil
	case p.live != nil || p.st.lesson.opening || p.st.lesson.page != nil: // pressed twice, or a lesson was faster
		return func() tea.Msg { msg.src.Close(); return nil }
	}
	p.live, p.st.aloft = p.src, true
	p.watch(msg.src)
	p.st.say(p.t("said.aloft"))
	if id := p.reached(); id != "" {
		p.src.Do(sim.Command{Jump: &sim.Jump{Mark: id}}) // without that step it begins at its beginning
	}
	return p.await()
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
	return p.leap(sim.Jump{Mark: assets.Script()[n-1].ID})
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
	case now.st.lesson.page != nil:
		return now.t("off.lesson")
	case !now.st.canJump:
		return now.t("off.parachute")
	}
	return ""
}

// finish ends what the program has begun, when it ends. A recording that fails is
// told.
func (p *program) finish() (lines []string) {
	if p.live != nil {
		p.src.Close()
	}
	if p.rec == nil {
		return nil
	}
	id, data := "said.record.done", map[string]any{"Path": p.rec.Path(), "Time": clock(p.rec.Length())}
	if err := p.rec.Close(); err != nil {
		id, data = "said.record.failed", map[string]any{"Why": err.Error()}
	}
	return []string{p.word.T(id, data)}
}
