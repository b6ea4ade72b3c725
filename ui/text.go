package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/text/width"
)

// cells is how many cells of the terminal a text takes, as Bubble Tea's
// renderer counts them.
func cells(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return ansi.StringWidth(s)
		}
	}
	return len(s)
}

// clip shortens a text to that many cells.
func clip(s string, n int) string {
	if n <= 0 {
		return ""
	}
	if cells(s) <= n {
		return s
	}
	return ansi.Truncate(s, n, "")
}

// clipDots shortens a text and says so.
func clipDots(s string, n int) string {
	if cells(s) <= n || n < 4 {
		return clip(s, n)
	}
	return strings.TrimRight(clip(s, n-2), " ") + ".."
}

// clean makes text from outside (a log line, an error, a path) harmless:
// nothing that moves the cursor, and nothing of ambiguous width (UAX 11),
// which some terminals draw in one cell and some in two.
func clean(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return strings.Map(harmless, s)
		}
	}
	return s
}

func harmless(r rune) rune {
	switch {
	case r == '\n' || r == '\t' || r == '\u2028' || r == '\u2029':
		return ' '
	case r < ' ' || r >= 0x7f && r < 0xa0:
		return -1
	case r < 0x7f:
		return r
	case r == utf8.RuneError || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r):
		return '?'
	case width.LookupRune(r).Kind() == width.EastAsianAmbiguous:
		return '?'
	}
	return r
}

// fit is the first of the texts that is no wider than n cells, else the last.
func fit(n int, texts ...string) string {
	for _, s := range texts {
		if cells(s) <= n {
			return s
		}
	}
	return texts[len(texts)-1]
}

// Characters that may not begin a line (JIS X 4051, kinsoku).
const noStart = "、。，．）」』】ー!?,.:;)"

// wrap breaks a text into lines of at most n cells: at blanks, and between any
// two wide characters.
func wrap(s string, n int) []string {
	if n < 2 {
		return []string{clip(s, n)}
	}
	var lines []string
	line, used := "", 0
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line, used = "", 0
	}
	for _, part := range pieces(s) {
		w := cells(part)
		if used > 0 && used+cells(strings.TrimRight(part, " ")) > n {
			flush()
		}
		for w > n { // a word longer than a line
			head := clip(part, n)
			line, part = head, part[len(head):]
			w = cells(part)
			flush()
		}
		line += part
		used += w
	}
	if line != "" || len(lines) == 0 {
		flush()
	}
	return lines
}

// pieces cuts a text where a line may end.
func pieces(s string) []string {
	var out []string
	from := 0
	var before rune
	for i, r := range s {
		wide := before >= 0x2e80 || r >= 0x2e80
		if i > from && (before == ' ' && r != ' ' || wide && before != ' ') &&
			!strings.ContainsRune(noStart, r) && before != '「' && before != '(' && r != ' ' {
			out = append(out, s[from:i])
			from = i
		}
		before = r
	}
	return append(out, s[from:])
}
