package ui

import (
	"errors"
	"math"
	"slices"
	"strings"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/assets"
	"forklore/sim"
)

// Rates that + and - step through: powers of two.
const (
	minRate = 2
	maxRate = 4096 // the last power of two below sim.MaxRate
)

// later are keys that SCREEN's whole keyboard has and this version hasn't.
const later = "wnpvstb."

// fold makes a key out of what an input method or a caps lock made of it:
// full-width letters and the ideographic space become ASCII, capitals small.
func fold(r rune) rune {
	switch {
	case r >= '！' && r <= '～':
		r -= '！' - '!'
	case r == '　':
		r = ' '
	}
	return unicode.ToLower(r)
}

// key handles one message from the keyboard. It may hold several letters:
// Bubble Tea hands over at once what was read at once.
func (p *program) key(msg tea.KeyMsg) tea.Cmd {
	if msg.Paste {
		p.st.say(p.t("said.paste"))
		return nil
	}
	if msg.Alt {
		p.escape() // Esc and a key in one read look like Alt and the key
	}
	switch msg.Type {
	case tea.KeyCtrlC:
		return tea.Quit
	case tea.KeyCtrlL:
		return tea.ClearScreen
	case tea.KeyEsc:
		p.escape()
	case tea.KeySpace:
		return p.press(' ')
	case tea.KeyUp, tea.KeyDown, tea.KeyPgUp, tea.KeyPgDown, tea.KeyHome, tea.KeyEnd:
		p.scrollBy(msg)
	case tea.KeyRunes:
		var cmds []tea.Cmd
		for _, r := range msg.Runes {
			if cmd := p.press(fold(r)); cmd != nil {
				cmds = append(cmds, cmd)
			}
		}
		return tea.Batch(cmds...)
	case tea.KeyLeft, tea.KeyRight:
		p.sideways(msg)
	case tea.KeyEnter:
		p.enter()
	case tea.KeyTab:
		p.toggle(compareOverlay)
	default:
		p.st.say(p.said("said.unknown", msg.String()))
	}
	return nil
}

// press is one letter.
func (p *program) press(r rune) tea.Cmd {
	st := &p.st
	again := st.confirm == r && st.now.Before(st.confirmBy)
	st.confirm = 0
	if st.over == catalogueOverlay && p.jump(r) {
		return nil
	}
	switch r {
	case 'q':
		if st.over != noOverlay {
			p.escape()
			return nil
		}
		if again {
			return tea.Quit
		}
		st.confirm, st.confirmBy = 'q', st.now.Add(quitWithin)
		st.say(p.t("said.quit"))
	case 'r':
		if !again {
			st.confirm, st.confirmBy = 'r', st.now.Add(resetWithin)
			st.say(p.t("said.reset_ask"))
			return nil
		}
		if p.do(sim.Command{Reset: true}, p.t("said.reset")) && p.snap != nil {
			st.forget(p.snap.At)
		}
	case 'c':
		p.inject(sim.FaultCrash)
	case 'l':
		p.inject(sim.FaultLeak)
	case 'f':
		p.toggle(catalogueOverlay)
	case 'm':
		p.mode()
	case '1', '2', '3', '4':
		if st.over == eventsOverlay {
			p.filter(int(r - '0'))
			return nil
		}
		p.aim(sim.Model(r - '1'))
	case 'a':
		if st.over == eventsOverlay {
			p.filter(0)
			return nil
		}
		st.target = sim.AllModels
		st.say(p.t("said.target_all"))
	case '+', '=', ';':
		p.rate(+1)
	case '-':
		p.rate(-1)
	case ' ':
		p.pause()
	case 'u':
		p.undo()
	case 'z':
		p.freeze()
	case 'g':
		p.word = assets.Words(map[string]string{"en": "ja", "ja": "en"}[p.word.Lang()])
		st.notice = "" // it is in the other language
	case '?', 'i':
		p.toggle(helpOverlay)
	case 'e':
		p.toggle(eventsOverlay)
	default:
		id := "said.unknown"
		if strings.ContainsRune(later, r) {
			id = "said.later"
		}
		st.say(p.said(id, string(r)))
	}
	return nil
}

// escape goes back one step. It never quits.
func (p *program) escape() {
	st := &p.st
	st.confirm = 0
	switch {
	case st.over != noOverlay:
		st.over = noOverlay
	case p.held != nil:
		p.held = nil
	case st.held:
		st.held = false
	default:
		st.notice = ""
	}
}

func (p *program) toggle(o overlay) {
	if p.st.over == o {
		o = noOverlay
	}
	p.st.over, p.st.scroll = o, 0
}

func (p *program) scrollBy(msg tea.KeyMsg) {
	if p.st.over == noOverlay {
		p.st.say(p.said("said.unknown", msg.String()))
		return
	}
	if p.st.over == catalogueOverlay {
		p.moveCursor(msg.Type)
		return
	}
	page := max(p.h-4, 1)
	bottom := p.bottom()
	by := map[tea.KeyType]int{
		tea.KeyUp: -1, tea.KeyDown: 1, tea.KeyPgUp: -page, tea.KeyPgDown: page,
		tea.KeyHome: -bottom, tea.KeyEnd: bottom,
	}
	p.st.scroll = min(max(min(p.st.scroll, bottom)+by[msg.Type], 0), bottom)
}

// aim makes one model the target.
func (p *program) aim(m sim.Model) {
	p.show(m)
	if p.snap != nil {
		if ms := &p.snap.Model[m]; ms.State == sim.Unavailable || ms.State == sim.Off {
			p.st.say(p.word.T("said.no_target", map[string]any{"Key": digit(m), "Why": ms.Why}))
			return
		}
	}
	p.st.target = sim.Models(0).With(m)
	p.st.say(p.said("said.target", digit(m)+" "+p.t("label."+m.String())))
}

// inject arms a fault for the target, and reports whether it did. It is never
// swallowed: what is down, or not there, is left out and named, and what the
// source refuses is shown.
func (p *program) inject(fault sim.Fault) bool {
	if p.snap == nil {
		p.st.say(p.t("wait"))
		return false
	}
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
func (p *program) mode() {
	if p.snap == nil {
		p.st.say(p.t("wait"))
		return
	}
	ms := &p.snap.Model[sim.Container]
	at := slices.Index(ms.Modes, ms.Mode)
	switch {
	case ms.State == sim.Off || ms.State == sim.Unavailable:
		p.st.say(p.word.T("said.no_target", map[string]any{"Key": digit(sim.Container), "Why": ms.Why}))
	case len(ms.Modes) < 2:
		p.st.say(p.t("said.mode_only"))
	default:
		next := ms.Modes[(at+1)%len(ms.Modes)]
		p.do(sim.Command{Mode: next}, p.t("said.mode_"+next))
	}
}

// rate steps to the next power of two.
func (p *program) rate(by int) {
	if p.snap == nil {
		p.st.say(p.t("wait"))
		return
	}
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

func (p *program) pause() {
	said := ""
	if p.snap != nil && p.snap.Load.Paused {
		said = p.t("said.resumed")
	}
	p.do(sim.Command{Pause: true}, said)
}

func (p *program) undo() {
	if p.snap != nil && len(p.snap.Active) == 0 && p.snap.Armed == nil {
		p.st.say(p.t("said.nothing_undone"))
		return
	}
	p.do(sim.Command{Undo: true}, p.t("said.undone"))
}

func (p *program) freeze() {
	switch {
	case p.held != nil:
		p.held = nil
	case p.snap == nil:
		p.st.say(p.t("wait"))
	default:
		p.held = hold(p.snap, &p.st)
	}
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

func (p *program) t(id string) string { return p.word.T(id, nil) }

// said is a message about one thing.
func (p *program) said(id, what string) string {
	return p.word.T(id, map[string]any{"What": what})
}
