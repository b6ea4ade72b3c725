package ui

import (
	tea "github.com/charmbracelet/bubbletea"

	"forklore/assets"
)

// What the user has chosen is remembered by whoever started the screen; that it
// can't be is said once.

// rememberedMsg is what came of it.
type rememberedMsg struct{ err error }

func (p *program) remember(name, value string) tea.Cmd {
	if p.opt.Remember == nil {
		return nil
	}
	return func() tea.Msg { return rememberedMsg{p.opt.Remember(name, value)} }
}

func (p *program) remembered(err error) {
	if err == nil || p.forgetful {
		return
	}
	p.forgetful = true
	p.st.say(p.word.T("remember.failed", map[string]any{"Why": err.Error()}))
}

// speak changes the language.
func (p *program) speak(lang string) {
	p.word = assets.Words(lang)
	p.st.notice = "" // it is in the other language
}
