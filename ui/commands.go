package ui

import (
	"errors"
	"math"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/sim"
)

// The keys that send the source a command, and the target that they have.

// Rates that + and - step through: powers of two.
const (
	minRate = 2
	maxRate = 4096 // the last power of two below sim.MaxRate
)

// aim makes one model the target.
func (p *program) aim(key string) tea.Cmd {
	m := sim.Model(key[0] - '1')
	p.show(m)
	if p.snap != nil {
		if ms := &p.snap.Model[m]; ms.State == sim.Unavailable || ms.State == sim.Off {
			p.st.say(p.word.T("said.no_target", map[string]any{"Key": digit(m), "Why": ms.Why}))
			return nil
		}
	}
	p.st.target = sim.Models(0).With(m)
	p.st.say(p.said("said.target", digit(m)+" "+p.t("label."+m.String())))
	return nil
}

func (p *program) aimAtAll(string) tea.Cmd {
	p.st.target = sim.AllModels
	p.st.say(p.t("said.target_all"))
	return nil
}

// inject arms a fault for the target, and reports whether it did. It is never
// swallowed: what is down, or not there, is left out and named, and what the
// source refuses is shown.
func (p *program) inject(fault sim.Fault) bool {
	var models sim.Models
	var down []string
	for m := sim.Model(0); m < sim.NModels; m++ {
		switch state := p.snap.Model[m].State; {
		case !p.st.target.Has(m) || state == sim.Off || state == sim.Unavailable:
		case state == sim.Down:
			down = append(down, digit(m))
		default:
			models = models.With(m)
		}
	}
	said := ""
	if len(down) > 0 {
		id := "said.down"
		if fault == sim.FaultCrash || fault == sim.FaultLeak {
			id += "_" + string(fault)
		}
		said = p.said(id, strings.Join(down, ", "))
	} else if models == 0 {
		said = p.t("said.nothing_runs")
	}
	if models == 0 {
		p.st.say(said)
		return false
	}
	cmd := sim.Command{Inject: &sim.Inject{Fault: fault, Models: models, Arm: true}}
	if !p.do(cmd, said) {
		return false
	}
	p.st.held = false // the next fault: the tape goes on
	return true
}

// mode has the container do the next of what it can with its sandboxes,
// whatever the target is.
func (p *program) mode(string) tea.Cmd {
	ms := &p.snap.Model[sim.Container]
	next := ms.Modes[(slices.Index(ms.Modes, ms.Mode)+1)%len(ms.Modes)]
	p.do(sim.Command{Mode: next}, p.t("said.mode_"+next))
	return nil
}

// weights are what an application can cost to start, the lightest first.
var weights = []string{"function", "application", "monolith"}

// weight is the next heavier one, or the lightest.
func (p *program) weight(string) tea.Cmd {
	next := weights[(slices.Index(weights, p.snap.Load.Weight)+1)%len(weights)]
	p.do(sim.Command{Weight: next}, p.t("said.weight."+next))
	return nil
}

// rate steps to the next power of two.
func (p *program) rate(by int) {
	now := p.snap.Load.RatePerS
	step := math.Log2(max(now, minRate/2.0))
	next := math.Exp2(math.Floor(step+1e-9) + 1)
	if by < 0 {
		next = math.Exp2(math.Ceil(step-1e-9) - 1)
	}
	next = min(max(next, minRate), maxRate)
	if next == now {
		p.st.say(p.t("said.rate_end"))
		return
	}
	p.do(sim.Command{Rate: next}, p.said("said.rate", perSecond(next)))
}

func (p *program) pause(string) tea.Cmd {
	said := ""
	if p.snap != nil && p.snap.Played == nil && p.snap.Load.Paused {
		said = p.t("said.resumed")
	}
	p.do(sim.Command{Pause: true}, said)
	return nil
}

func (p *program) undo(string) tea.Cmd {
	p.do(sim.Command{Undo: true}, p.t("said.undone"))
	return nil
}

func (p *program) reset(key string) tea.Cmd {
	if p.confirmed(key, "said.reset_ask", resetWithin) && p.do(sim.Command{Reset: true}, p.t("said.reset")) && p.snap != nil {
		p.st.forget(p.snap.At)
	}
	return nil
}

// do sends a command, says what it did, or why it could not be done.
func (p *program) do(cmd sim.Command, said string) bool {
	if err := p.src.Do(cmd); err != nil {
		p.st.say(p.refusal(err))
		return false
	}
	p.st.say(said)
	return true
}

// refusal is a source's error in the user's language; the details stay as the
// source put them.
func (p *program) refusal(err error) string {
	text := err.Error()
	for sentinel, id := range map[error]string{
		sim.ErrNotSteady:   "refused.not_steady",
		sim.ErrUnsupported: "refused.unsupported",
		sim.ErrDown:        "refused.down",
		sim.ErrClosed:      "refused.closed",
	} {
		if errors.Is(err, sentinel) {
			text = strings.Replace(text, sentinel.Error(), p.t(id), 1)
		}
	}
	return text
}
