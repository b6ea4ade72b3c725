package ui

import (
	"errors"
	"maps"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/assets"
)

// What the user has chosen is remembered by whoever started the screen, one
// choice after the other: of two in a row, the later one counts. That it can't
// be done is said once.

// rememberedMsg is what came of it.
type rememberedMsg struct{ err error }

func (p *program) remember(name, value string) tea.Cmd {
	if p.opt.Remember == nil {
		return nil
	}
	if p.choices == nil {
		p.choices = map[string]string{}
	}
	p.choices[name] = value
	if p.remembering {
		return nil
	}
	p.remembering = true
	return p.rememberAll()
}

// rememberAll writes what there is to be written by now.
func (p *program) rememberAll() tea.Cmd {
	choices := maps.Clone(p.choices)
	clear(p.choices)
	return func() tea.Msg {
		var errs []error
		for name, value := range choices {
			errs = append(errs, p.opt.Remember(name, value))
		}
		return rememberedMsg{errors.Join(errs...)}
	}
}

func (p *program) remembered(err error) tea.Cmd {
	if err != nil && !p.forgetful {
		p.forgetful = true
		p.st.say(p.word.T("remember.failed", map[string]any{"Why": err.Error()}))
	}
	if len(p.choices) > 0 {
		return p.rememberAll()
	}
	p.remembering = false
	return nil
}

// speak changes the language.
func (p *program) speak(lang string) {
	p.word = assets.Words(lang)
	p.st.notice = "" // it is in the other language
}
