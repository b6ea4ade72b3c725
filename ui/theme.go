package ui

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"
)

// Themes are the names of the themes, in the order in which t goes through
// them. The first one uses the terminal's own sixteen colours, so that a light
// terminal stays light; the others that have colours bring their own paper, or
// nobody could promise that they are legible.
var Themes = []string{"terminal", "dark", "light", "mono", "projector"}

// look is a style's look. Colours are hexadecimal, or a number of the
// terminal's sixteen.
type look struct {
	colour               string
	bold, faint, reverse bool
}

// theme is a look for each style. No meaning rests on the colours: each state
// also has a glyph and a word, each fate a letter. They are all the same chosen
// so that who can't tell red from green can tell them apart; theme_test.go
// holds them to it.
type theme struct {
	name       string
	paper, ink string // "": the terminal's
	bold       bool   // heavier glyphs: all that isn't faint
	of         [nStyles]look
}

var themes = []theme{
	{name: "terminal", of: [nStyles]look{
		faint: {faint: true}, strong: {bold: true}, banner: {bold: true, reverse: true},
		good: {colour: "2", bold: true}, warn: {colour: "3", bold: true}, bad: {colour: "1", bold: true}, note: {colour: "6", bold: true},
		series1: {colour: "6"}, series2: {colour: "3"}, series3: {colour: "5"}, series4: {colour: "2"},
	}},
	{name: "dark", paper: "#0b0e14", ink: "#e4e6eb", of: [nStyles]look{
		faint: {colour: "#9097a3"}, strong: {colour: "#ffffff", bold: true}, banner: {bold: true, reverse: true},
		good: {colour: "#4aa3ff", bold: true}, warn: {colour: "#ffe14d", bold: true}, bad: {colour: "#ff5a36", bold: true}, note: {colour: "#c9a6ff", bold: true},
		series1: {colour: "#4aa3ff"}, series2: {colour: "#ffe14d"}, series3: {colour: "#ff5a36"}, series4: {colour: "#d9d3ff"},
	}},
	{name: "light", paper: "#ffffff", ink: "#1c1f24", of: [nStyles]look{
		faint: {colour: "#5b616b"}, strong: {colour: "#000000", bold: true}, banner: {bold: true, reverse: true},
		good: {colour: "#4367e9", bold: true}, warn: {colour: "#756b0b", bold: true}, bad: {colour: "#ce0d76", bold: true}, note: {colour: "#034531", bold: true},
		series1: {colour: "#4367e9"}, series2: {colour: "#756b0b"}, series3: {colour: "#ce0d76"}, series4: {colour: "#034531"},
	}},
	{name: "mono", of: [nStyles]look{
		faint: {faint: true}, strong: {bold: true}, banner: {bold: true, reverse: true},
		good: {bold: true}, warn: {bold: true}, bad: {bold: true, reverse: true}, note: {bold: true},
	}},
	{name: "projector", paper: "#ffffff", ink: "#000000", bold: true, of: [nStyles]look{
		faint: {colour: "#3c3c3c"}, banner: {reverse: true},
		good: {colour: "#0f26e8"}, warn: {colour: "#5d5516"}, bad: {colour: "#9e2259"}, note: {colour: "#103828"},
		series1: {colour: "#0f26e8"}, series2: {colour: "#5d5516"}, series3: {colour: "#9e2259"}, series4: {colour: "#103828"},
	}},
}

const sgrReset = termenv.CSI + "0m"

// sgr is the sequence that turns a look on (ECMA-48, SGR), with the colours
// that a terminal of that profile has.
func (t *theme) sgr(l look, profile termenv.Profile) string {
	codes := ""
	add := func(on bool, code string) {
		if on {
			codes += ";" + code
		}
	}
	add(l.bold || t.bold && !l.faint, "1")
	add(l.faint, "2")
	add(l.reverse, "7")
	if l.colour == "" {
		l.colour = t.ink
	}
	for i, c := range []string{l.colour, t.paper} {
		if c := profile.Color(c); c != nil {
			add(true, c.Sequence(i == 1))
		}
	}
	if codes == "" {
		return ""
	}
	return termenv.CSI + codes[1:] + "m"
}

// palette is the theme in the sequences of a terminal.
func (t *theme) palette(profile termenv.Profile, ascii bool) *palette {
	p := &palette{ascii: ascii}
	if profile == termenv.Ascii {
		return p
	}
	if t.paper != "" {
		p.paper = t.sgr(look{}, profile)
	}
	for i, l := range t.of {
		if p.of[i].on = t.sgr(l, profile); p.of[i].on != "" {
			p.of[i].off = sgrReset + p.paper
		}
	}
	return p
}

// palettes are those that a terminal can have, by their themes' names. One
// that has no colours, or is told to use none (NO_COLOR, https://no-color.org),
// has one: bold and faint are no colours, but a dumb terminal hasn't even these.
func palettes(profile termenv.Profile, dumb, ascii bool) map[string]*palette {
	all := map[string]*palette{}
	for i := range themes {
		t := &themes[i]
		switch {
		case dumb:
			all["mono"] = &palette{ascii: ascii}
		case t.name == "mono":
			all["mono"] = t.palette(termenv.ANSI, ascii)
		case profile != termenv.Ascii:
			all[t.name] = t.palette(profile, ascii)
		}
	}
	return all
}

// wear puts a theme on, or the nearest that this terminal has.
func (p *program) wear(name string) {
	if p.palettes[name] == nil {
		name = Themes[0]
	}
	if p.palettes[name] == nil {
		name = "mono"
	}
	p.theme, p.pal = name, p.palettes[name]
}

// nextTheme is t.
func (p *program) nextTheme(string) tea.Cmd {
	p.wear(Themes[(slices.Index(Themes, p.theme)+1)%len(Themes)])
	p.st.say(p.word.T("theme.said", map[string]any{"Name": p.t("theme." + p.theme)}))
	return p.remember("theme", p.theme)
}
