package lessons

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// maxCells is how wide a line may be: the text column of a screen of 80.
const maxCells = 76

// lintTexts is about the prose: that it is there in every language, says the
// same, fits, and states no number without a source.
func (l *Lesson) lintTexts(f *findings) {
	need, order := l.keys()
	english := l.Texts[Languages[0]]
	if english == nil {
		return // Load says so
	}
	cited := map[string]bool{}
	for _, lang := range Languages {
		t := l.Texts[lang]
		if t == nil {
			l.unfinished(f, l.path+"/text."+lang+".md", 1, "missing translation: the whole text")
			continue
		}
		for _, key := range order {
			s := t.sections[key]
			there := s != nil && s.body() != ""
			switch {
			case there:
			case need[key] && lang == Languages[0]:
				l.unfinished(f, t.path, 1, "missing section @%s", key)
			case need[key] || english.sections[key] != nil:
				l.unfinished(f, t.path, 1, "missing translation: @%s", key)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(t.sections)) {
			s := t.sections[key]
			if _, known := need[key]; !known {
				f.add(t.path, s.line, "nothing refers to the section @%s", key)
				continue
			}
			l.lintSection(f, t, s, cited)
			if lang != Languages[0] {
				lintTranslation(f, t, s, english.sections[key])
			}
		}
	}
	for i, s := range l.Sources {
		if !cited[s.ID] {
			f.add(l.toml(), l.lines.of(at("source", i, "id")), "no text cites the source [%s]", s.ID)
		}
	}
}

// lintSection is about one section by itself.
func (l *Lesson) lintSection(f *findings, t *Text, s *section, cited map[string]bool) {
	for i, line := range s.lines {
		if n := ansi.StringWidth(line); n > maxCells {
			f.add(t.path, s.line+1+i, "the line is %d cells wide; at most %d", n, maxCells)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			f.add(t.path, s.line+1+i, "a control character")
		}
		for _, ref := range braces.FindAllString(line, -1) {
			l.lintReference(f, t.path, s.line+1+i, ref)
		}
	}
	if s.key == "summary" && len(blocksOf(s.lines)) == 1 && len(blocksOf(s.lines)[0].lines) > 1 {
		f.add(t.path, s.line, "the summary is one line")
	}
	for _, b := range blocksOf(s.lines) {
		if b.code {
			continue
		}
		text := b.text()
		hasSource := false
		for _, m := range citation.FindAllStringSubmatch(text, -1) {
			if !slices.ContainsFunc(l.Sources, func(r Reference) bool { return r.ID == m[1] }) {
				f.add(t.path, s.line+1+b.line, "[%s] is no source of this lesson", m[1])
				continue
			}
			hasSource, cited[m[1]] = true, true
		}
		if hasSource || l.isOption(s.key) {
			continue
		}
		if n := bareNumber(t.Lang, joined(b.lines)); n != "" {
			i := max(slices.IndexFunc(b.lines, func(line string) bool { return strings.Contains(line, n) }), 0)
			f.add(t.path, s.line+1+b.line+i, "the number %q has no source: cite one, or write {{seen.x}}, {{golden.x}} or a code span", n)
		}
	}
}

// bareNumber is a number in a paragraph that nothing vouches for, "" if none.
func bareNumber(lang, text string) string {
	for _, marked := range []*regexp.Regexp{braces, codeSpan, citation} {
		text = marked.ReplaceAllString(text, "")
	}
	if lang == "ja" {
		for range 2 { // two counts may share the character between them
			text = counted.ReplaceAllString(text, "$1$3")
		}
	}
	if m := digits.FindStringSubmatch(text); m != nil {
		return m[2]
	}
	return ""
}

// lintReference is about one {{...}}.
func (l *Lesson) lintReference(f *findings, path string, line int, ref string) {
	m := reference.FindStringSubmatch(ref)
	if m == nil || m[0] != ref {
		f.add(path, line, "%s is no reference; write {{seen.x}}, {{golden.x}} or {{setup.x}}", ref)
		return
	}
	ok := false
	switch m[1] {
	case "setup":
		_, ok = l.Setup[m[2]]
	default:
		_, ok = l.Figures[m[2]]
	}
	if !ok {
		f.add(path, line, "%s: there is no %s", ref, m[2])
	}
}

// lintTranslation is about a section and the English one that it translates.
func lintTranslation(f *findings, t *Text, s, english *section) {
	if english == nil || s.body() == "" {
		return
	}
	switch {
	case s.stamp == "":
		f.warn(t.path, s.line, "@%s does not say which English text it translates: forklore lessons lint --stamp", s.key)
	case s.stamp != english.hash():
		f.warn(t.path, s.line, "@%s is stale: the English text has changed since; read both, then forklore lessons lint --stamp", s.key)
	}
	ours, theirs := marks(s), marks(english)
	for _, span := range theirs {
		if !slices.Contains(ours, span) {
			f.add(t.path, s.line, "@%s: the English text has %s, this one has not", s.key, span)
		}
	}
	for _, span := range ours {
		if !slices.Contains(theirs, span) {
			f.add(t.path, s.line, "@%s: the English text has no %s", s.key, span)
		}
	}
}

// marks are what a translation leaves as it is: code, figures, citations.
func marks(s *section) (list []string) {
	text := s.body()
	list = append(list, codeSpan.FindAllString(text, -1)...)
	list = append(list, braces.FindAllString(text, -1)...)
	list = append(list, citation.FindAllString(text, -1)...)
	for _, b := range blocksOf(s.lines) {
		if b.code {
			list = append(list, b.lines...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
