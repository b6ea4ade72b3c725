// Package assets holds what is embedded in the program: the live script, and the words of
// the screen, in English and in Japanese, those of the faults and of what stands around a lesson apart.
//
// Costs: the words are parsed when they are first asked for (about a
// millisecond); a word without figures is then a map look-up, a sentence with
// figures runs a template.
// May not enter: anything that reads figures, the terminal or the clock.
package assets

import (
	"embed"
	"path"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed words/*.toml scenarios/*.toml
var files embed.FS

// bundle parses the message files once. A file that doesn't parse is a mistake
// in the program, which the tests find: hence the panic.
var bundle = sync.OnceValue(func() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	for _, lang := range Languages {
		for _, name := range names(lang) {
			text, err := files.ReadFile(name)
			if err != nil {
				panic("assets: " + err.Error())
			}
			b.MustParseMessageFileBytes(text, name)
		}
	}
	return b
})

// names are the message files of a language.
func names(lang string) []string {
	var of []string
	for _, about := range []string{"", "faults.", "pages.", "keys.", "lesson."} {
		of = append(of, path.Join("words", about+lang+".toml"))
	}
	return of
}

// Printer gives the words of one language. It is safe for concurrent use.
type Printer struct {
	lang  string
	local *i18n.Localizer
	plain sync.Map // id -> string: words that have no figures in them
}

// Words returns the printer of a language, "en" or "ja". A word that is
// missing in Japanese comes in English.
func Words(lang string) *Printer {
	return &Printer{lang: lang, local: i18n.NewLocalizer(bundle(), lang)}
}

// Lang is the printer's language.
func (p *Printer) Lang() string { return p.lang }

// T returns the word or sentence of that id. In data, "N" is also the number
// that decides between singular and plural. An id that no language has comes
// back as it is: it is seen on the screen, and the tests look for it.
func (p *Printer) T(id string, data map[string]any) string {
	if data == nil {
		if s, ok := p.plain.Load(id); ok {
			return s.(string)
		}
	}
	conf := i18n.LocalizeConfig{MessageID: id, TemplateData: data}
	if n, ok := data["N"]; ok {
		conf.PluralCount = n
	}
	// The error also reports a word that was found in English only.
	s, _ := p.local.Localize(&conf)
	if s == "" {
		s = id
	}
	if data == nil {
		p.plain.Store(id, s)
	}
	return s
}
