package ui

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/assets"
	"forklore/sim"
)

// The live script: PgDn does the next step, PgUp shows the words of the one
// before. A step whose action is refused isn't reached: PgDn tries it again.

// nextStep does the next one. The first one only begins.
func (p *program) nextStep(string) tea.Cmd {
	script := assets.Script()
	if p.st.step == len(script) {
		p.st.say(p.t("step.last"))
		return nil
	}
	p.st.say("") // what a step does is what the row says of it
	if p.now().played() {
		p.seekStep(p.st.step + 1)
		return nil
	}
	for _, action := range script[p.st.step].Do {
		if !p.act(action) {
			return nil
		}
	}
	p.st.step++
	if p.rec != nil {
		p.rec.Mark(p.reached())
	}
	return nil
}

func (p *program) lastStep(string) tea.Cmd {
	if p.st.step <= 1 {
		p.st.say(p.t("step.first"))
		return nil
	}
	p.st.say("")
	if p.now().played() {
		p.seekStep(p.st.step - 1)
		return nil
	}
	p.st.step--
	return nil
}

// act carries an action of the script out, and reports whether it is done. An
// unknown one is a mistake that a test finds.
func (p *program) act(action string) bool {
	verb, what, _ := strings.Cut(action, " ")
	switch verb {
	case "traffic":
		return p.snap.Load.Paused == (what == "off") || p.do(sim.Command{Pause: true}, "")
	case "target":
		p.st.target = sim.AllModels
		return true
	case "undo":
		return nothingToUndo(p.now()) != "" || p.do(sim.Command{Undo: true}, "")
	case "weight":
		return p.snap.Load.Weight == what || p.do(sim.Command{Weight: what}, "")
	case "crash":
		return p.inject(sim.FaultCrash)
	case "leak":
		return p.inject(sim.FaultLeak)
	}
	p.st.say(action + "?")
	return false
}

// follow: what is told is what has happened up to the moment of a recording, and
// the script is where that is.
func (s *state) follow(p *sim.Played) {
	if p == nil {
		return
	}
	if p.Jumped {
		s.events, s.seeking = nil, false
	}
	if p.At < s.playedAt {
		s.forget(0)
	}
	s.playedAt = p.At
	if s.step == 0 || s.seeking { // it is not yet where a key has sent it
		return
	}
	if i := slices.IndexFunc(assets.Script(), func(step assets.Step) bool { return step.ID == p.Mark }); i >= 0 {
		s.step = i + 1
	}
}

// stepWord is a word of the step that has been reached, "" before the first.
func (f *frame) stepWord(what string) string {
	if f.st.step == 0 {
		return ""
	}
	return f.t("step." + assets.Script()[f.st.step-1].ID + "." + what)
}
