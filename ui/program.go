package ui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/assets"
	"forklore/sim"
)

// program is the Bubble Tea model: it turns messages into state, and state
// into a frame.
type program struct {
	ctx   context.Context
	src   sim.Source
	opt   Options
	word  *assets.Printer
	clock func() time.Time

	palettes map[string]*palette
	theme    string
	pal      *palette

	snap *sim.Snapshot
	st   state
	held *picture // z holds it; nil: the newest is shown
	w, h int

	nextW, nextH int  // the newest size
	resizing     bool // it isn't taken before the pause is over
	again        bool // the key that is being pressed was asked for a second time

	choices     map[string]string // to be remembered, when the last ones are
	remembering bool
	forgetful   bool // it was said that they can't be

	player Player // nil: there are no lessons
	// Of recordings, see replay.go.
	rec     Recorder   // nil: nothing is recorded
	ending  Recorder   // it is being closed
	opening bool       // one has been asked for
	jumping bool       // the parachute has
	live    sim.Source // the lab, while the parachute's recording is shown in its place
	kept    *picture   // what was known of it
	missed  bool       // a snapshot of it came meanwhile, and no other has been asked for
	err     error      // why it ended, if not as the user wished

	frame frame
	drawn string // the last frame, while nothing has changed
	stale bool
}

// snapshotMsg carries a snapshot; nil when the source has ended.
type snapshotMsg struct{ snap *sim.Snapshot }

func newProgram(ctx context.Context, src sim.Source, opt Options, palettes map[string]*palette) *program {
	p := &program{
		ctx: ctx, src: src, opt: opt, word: assets.Words(assets.Lang(opt.Lang)), palettes: palettes, clock: time.Now,
		st: state{target: sim.AllModels, bare: len(palettes) == 1, canRecord: opt.Record != nil, canJump: opt.Parachute != nil}, stale: true,
	}
	p.wear(opt.Theme)
	switch {
	case opt.Stage:
		p.st.step = 1
	case opt.Tour:
		p.st.tour = 1
	}
	return p
}

// Init waits for the first snapshot.
func (p *program) Init() tea.Cmd { return p.await() }

// await is the command that waits for a snapshot: one message each, ten a
// second, however much traffic there is.
func (p *program) await() tea.Cmd {
	src := p.src // a lesson may replace it meanwhile
	return func() tea.Msg {
		select {
		case snap := <-src.Snapshots():
			return sourceMsg{src, snap}
		case <-p.ctx.Done():
			return nil
		}
	}
}

// Update takes a message in. Nothing here waits: Do returns at once.
func (p *program) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	p.stale = true
	p.st.now = p.clock()
	switch msg := msg.(type) {
	case labMsg:
		return p, p.opened(msg)
	case sourceMsg:
		if msg.src == p.src && !p.st.lesson.opening {
			return p.Update(snapshotMsg{msg.snap})
		}
		p.missed = p.missed || msg.src == p.live
	case snapshotMsg:
		if msg.snap == nil {
			return p, tea.Quit
		}
		p.snap = msg.snap
		p.st.observe(msg.snap)
		p.announce(msg.snap.Events)
		recorded := p.keep(msg.snap)
		if p.player != nil && msg.snap.Played == nil {
			if lab := p.player.Observe(msg.snap); lab != nil {
				return p, tea.Batch(recorded, p.reopen(lab))
			}
		}
		return p, tea.Batch(recorded, p.await())
	case tea.WindowSizeMsg:
		return p, p.resize(msg.Width, msg.Height)
	case resizeMsg:
		return p, p.resized()
	case parachuteMsg:
		return p, p.jumped(msg)
	case recordingMsg:
		return p, p.recordingBegun(msg)
	case recordedMsg:
		p.recordingEnded(msg)
	case savedMsg:
		p.saved(msg)
	case rememberedMsg:
		return p, p.remembered(msg.err)
	case tea.KeyMsg:
		return p, p.key(msg)
	}
	return p, nil
}

// View draws the frame, once for each change: Bubble Tea asks after every
// message, its own ones too.
func (p *program) View() string {
	if p.w <= 0 || p.h <= 0 {
		return "" // the window's size comes with the first message
	}
	if p.stale {
		p.turn()
		snap, st := p.snap, &p.st
		if p.held != nil {
			snap, st = p.held.snap, p.held.with(&p.st)
		}
		p.drawn = p.frame.draw(snap, st, p.word, p.w, p.h, p.pal)
		p.stale = false
	}
	return p.drawn
}

// announce puts what nobody should miss into the notice row: a part of a fault
// that was refused, and the backend's death.
func (p *program) announce(events []sim.Event) {
	for _, e := range events {
		if e.What == sim.EventRefused || e.What == sim.EventDied && e.Model == sim.NModels {
			text := p.t("event." + string(e.What))
			if !p.st.blind() {
				text += ": " + e.Text
			}
			p.st.say(text)
		}
	}
}
