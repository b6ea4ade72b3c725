package lessons

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Text is a lesson in one language.
type Text struct {
	Lang     string
	Title    string
	sections map[string]*section
	path     string
}

// section is a part of a text, from its heading to the next.
type section struct {
	key   string
	line  int    // of the heading
	stamp string // of the English section that it translates
	lines []string
}

func (s *section) body() string { return strings.TrimSpace(strings.Join(s.lines, "\n")) }

// hash names the section as it is now.
func (s *section) hash() string {
	return shortHash([]byte(s.body()))
}

// shortHash tells one version of a text from another, for who means no harm.
func shortHash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}

var heading = regexp.MustCompile(`^## @([A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*)(?: en=([0-9a-f]{8}))?$`)

// parseText reads text.LANG.md.
func parseText(path, lang string, data []byte, f *findings) *Text {
	t := &Text{Lang: lang, sections: map[string]*section{}, path: path}
	if len(data) > maxText {
		f.add(path, 1, "%d bytes; at most %d are read", len(data), maxText)
		return t
	}
	if !utf8.Valid(data) {
		f.add(path, 1, "not UTF-8")
		return t
	}
	var current *section
	fenced := false
	for i, line := range strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n") {
		n := i + 1
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		switch {
		case !fenced && strings.HasPrefix(line, "# "):
			if t.Title != "" || current != nil {
				f.add(path, n, "a second title, or one that is not the first line")
			}
			t.Title = clip(strings.TrimSpace(line[2:]))
		case !fenced && strings.HasPrefix(line, "##"):
			m := heading.FindStringSubmatch(line)
			if m == nil {
				f.add(path, n, "%q is no heading; write ## @intro, or ## @intro en=1a2b3c4d", line)
				continue
			}
			if t.sections[m[1]] != nil {
				f.add(path, n, "the section @%s is there twice", m[1])
			}
			current = &section{key: m[1], line: n, stamp: m[2]}
			t.sections[m[1]] = current
		case current != nil:
			current.lines = append(current.lines, line)
		case strings.TrimSpace(line) != "":
			f.add(path, n, "text before the first section; put it under ## @intro")
		}
	}
	if t.Title == "" {
		f.add(path, 1, "the first line is no title, like # Crash")
	}
	if fenced {
		f.add(path, 1, "a ``` is not closed")
	}
	return t
}

var (
	reference = regexp.MustCompile(`\{\{(golden|seen|setup)\.([a-z0-9_-]+)\}\}`)
	braces    = regexp.MustCompile(`\{\{[^}\n]*\}?\}?`)
	codeSpan  = regexp.MustCompile("`[^`\n]+`")
	citation  = regexp.MustCompile(`\[([a-z][a-z0-9-]*)\]`)
	// A number: digits that no letter stands before (T2 and C10K are names).
	digits = regexp.MustCompile(`(^|[^\p{Latin}\p{Nd}_])(\p{Nd}+)`)
	// A count up to ten is a word in English; Japanese writes it with a digit and
	// a counter.
	counted = regexp.MustCompile(`(^|[^\p{Latin}\p{Nd}_.,])(10|[1-9])(つ|件|個|人|回|種|組|列|本|度|台|行|プロセス|サンドボックス)`)
)

// Prose is a section as it is to be shown.
type Prose struct {
	Body string
	// Lang is the language that it is in. Where it is not the one that was asked
	// for, a translation is missing, and the reader is told.
	Lang string
}

// Text is a section of the lesson in a language, with the figures in place. seen
// are the learner's own; what is not among them is quoted from the recording.
// It is "" where no language has the section.
func (l *Lesson) Text(lang, key string, seen map[string]float64) Prose {
	for _, try := range []string{lang, Languages[0]} {
		if t := l.Texts[try]; t != nil {
			if s := t.sections[key]; s != nil && s.body() != "" {
				return Prose{Body: l.fill(s.body(), seen), Lang: try}
			}
		}
	}
	return Prose{Lang: lang}
}

// Title is the lesson's title in a language, or in English.
func (l *Lesson) Title(lang string) string {
	for _, try := range []string{lang, Languages[0]} {
		if t := l.Texts[try]; t != nil && t.Title != "" {
			return t.Title
		}
	}
	return l.ID
}

// fill puts figures where they are referred to.
func (l *Lesson) fill(body string, seen map[string]float64) string {
	return reference.ReplaceAllStringFunc(body, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		switch m[1] {
		case "setup":
			return l.Setup.Flags()[m[2]]
		case "seen":
			if v, ok := seen[m[2]]; ok {
				return FigureText(v)
			}
		}
		if l.Golden != nil {
			if v, ok := l.Golden.Figures[m[2]]; ok {
				return FigureText(v)
			}
		}
		return "?"
	})
}
