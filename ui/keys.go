package ui

import (
	"slices"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
)

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
		p.press("esc") // Esc and a key in one read look like Alt and the key
		msg.Alt = false
	}
	switch msg.Type {
	case tea.KeySpace:
		return p.press(" ")
	case tea.KeyRunes:
		var cmds []tea.Cmd
		for _, r := range msg.Runes {
			if cmd := p.press(string(fold(r))); cmd != nil {
				cmds = append(cmds, cmd)
			}
		}
		return tea.Batch(cmds...)
	}
	return p.press(msg.String())
}

// press is one key.
func (p *program) press(key string) tea.Cmd {
	st := &p.st
	if st.blank && key != "ctrl+c" {
		st.blank = false // it does this, and nothing else
		return nil
	}
	st.tour = 0
	p.again = st.confirm == key && st.now.Before(st.confirmBy)
	st.confirm = ""
	if cmd, done := p.lessonKey(key); done {
		return cmd
	}
	if st.over == catalogueOverlay && p.jump(key) {
		return nil
	}
	b := bound(key, st.over, p.now().played())
	if b == nil {
		st.say(p.said("said.unknown", key))
		return nil
	}
	if why := b.why(p.now()); why != "" {
		st.say(why)
		return nil
	}
	return b.do(p, key)
}

// now is the situation for a key.
func (p *program) now() situation { return situation{p.snap, &p.st, p.word, p.w, p.h} }

// confirmed reports whether a key was pressed twice. If not, it asks.
func (p *program) confirmed(key, question string, within time.Duration) bool {
	if p.again {
		return true
	}
	p.st.confirm, p.st.confirmBy = key, p.st.now.Add(within)
	p.st.say(p.t(question))
	return false
}

func (p *program) quit(key string) tea.Cmd {
	switch {
	case p.st.over != noOverlay:
		return p.escape(key)
	case p.confirmed(key, "said.quit", quitWithin):
		return tea.Quit
	}
	return nil
}

// escape goes back one step. It never quits.
func (p *program) escape(string) tea.Cmd {
	st := &p.st
	switch {
	case st.over != noOverlay:
		p.close()
	case p.held != nil:
		p.held = nil
	case st.held:
		st.held = false
	default:
		st.notice = ""
	}
	return nil
}

// toggle opens an overlay, or closes it if it is open. A page lies under what
// is opened there, and is seen again after it.
func (p *program) toggle(o overlay) {
	st := &p.st
	switch {
	case st.over == o:
		p.close()
		return
	case slices.Contains(pages, o):
		st.under = noOverlay
	case slices.Contains(pages, st.over):
		st.under = st.over
	}
	st.over, st.scroll = o, 0
}

func (p *program) close() {
	p.st.over, p.st.under, p.st.scroll = p.st.under, noOverlay, 0
}

func (p *program) scrollBy(key string) tea.Cmd {
	page := max(p.h-4, 1)
	bottom := p.bottom()
	by := map[string]int{"up": -1, "down": 1, "pgup": -page, "pgdown": page, "home": -bottom, "end": bottom}
	p.st.scroll = min(max(min(p.st.scroll, bottom)+by[key], 0), bottom)
	return nil
}

// blank empties the screen, for a speaker who wants to be looked at.
func (p *program) blank(string) tea.Cmd {
	p.st.blank = true
	return nil
}

func (p *program) freeze(string) tea.Cmd {
	if p.held != nil {
		p.held = nil
	} else {
		p.held = hold(p.snap, &p.st)
	}
	return nil
}

// nextLang is the other language.
func (p *program) nextLang(string) tea.Cmd {
	next := map[string]string{"en": "ja", "ja": "en"}[p.word.Lang()]
	p.speak(next)
	return p.remember("lang", next)
}

func (p *program) t(id string) string { return p.word.T(id, nil) }

// said is a message about one thing.
func (p *program) said(id, what string) string {
	return p.word.T(id, map[string]any{"What": what})
}
