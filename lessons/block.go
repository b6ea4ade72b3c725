package lessons

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// block is a paragraph, an item of a list, or lines between ``` as they are.
type block struct {
	line  int // within the section, from 0
	lines []string
	item  bool
	code  bool
}

func (b block) text() string { return strings.Join(b.lines, "\n") }

// blocksOf divides the lines of a section.
func blocksOf(lines []string) (list []block) {
	open, fenced := false, false
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			if fenced = !fenced; fenced {
				list = append(list, block{line: i, code: true})
			}
			open = false
		case fenced:
			b := &list[len(list)-1]
			b.lines = append(b.lines, line)
		case trimmed == "":
			open = false
		case strings.HasPrefix(line, "- "):
			list = append(list, block{line: i, lines: []string{strings.TrimSpace(line[2:])}, item: true})
			open = true
		case open:
			b := &list[len(list)-1]
			b.lines = append(b.lines, trimmed)
		default:
			list = append(list, block{line: i, lines: []string{trimmed}})
			open = true
		}
	}
	return list
}

// Wrap lays a text out in lines of at most so many cells: paragraphs are filled,
// an item hangs under its dash, code stays as it is. Between two characters of
// a script without spaces a line may break anywhere but before a closing mark
// or after an opening one (JIS X 4051).
func Wrap(body string, width int) (out []string) {
	width = max(width, 8)
	blocks := blocksOf(strings.Split(body, "\n"))
	for i, b := range blocks {
		if i > 0 && !(b.item && blocks[i-1].item) {
			out = append(out, "")
		}
		if b.code {
			for _, line := range b.lines {
				out = append(out, ansi.Truncate("  "+line, width, ""))
			}
			continue
		}
		first, rest := "", ""
		if b.item {
			first, rest = "- ", "  "
		}
		for j, line := range fill(joined(b.lines), width-len(first)) {
			if j == 0 {
				out = append(out, first+line)
			} else {
				out = append(out, rest+line)
			}
		}
	}
	return out
}

// joined makes one line of several: with a space, except beside a script that has
// none.
func joined(lines []string) string {
	var b strings.Builder
	var last rune
	for i, line := range lines {
		first, _ := utf8.DecodeRuneInString(line)
		if i > 0 && !spaceless(last) && !spaceless(first) {
			b.WriteByte(' ')
		}
		b.WriteString(line)
		last, _ = utf8.DecodeLastRuneInString(line)
	}
	return b.String()
}

func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || strings.ContainsRune("ー、。・「」『』（）：；？！〜", r)
}

const (
	notFirst = "、。，．・：；？！ー）」』】〉》々ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.:;?!)]}"
	notLast  = "（「『【〈《([{"
)

// fill breaks one line into lines.
func fill(text string, width int) (out []string) {
	line, cells := "", 0
	flush := func() {
		if s := strings.TrimRight(line, " "); s != "" {
			out = append(out, s)
		}
		line, cells = "", 0
	}
	for _, unit := range unitsOf(text) {
		w := ansi.StringWidth(unit)
		if cells+ansi.StringWidth(strings.TrimRight(unit, " ")) > width && cells > 0 {
			flush()
		}
		for w > width { // a word that no line has room for
			head := ansi.Truncate(unit, width, "")
			if head == "" {
				break
			}
			out = append(out, head)
			unit = unit[len(head):]
			w = ansi.StringWidth(unit)
		}
		line, cells = line+unit, cells+w
	}
	flush()
	return out
}

// unitsOf divides a line where it may break: a unit is a word with the spaces
// behind it, or a wide character with the marks that belong to it.
func unitsOf(text string) (units []string) {
	runes := []rune(text)
	from, code := 0, false
	for i := 1; i < len(runes); i++ {
		prev, next := runes[i-1], runes[i]
		if prev == '`' {
			code = !code
		}
		switch {
		case next == ' ' || code && next != '`': // code is read in one piece
			continue
		case strings.ContainsRune(notFirst, next) || strings.ContainsRune(notLast, prev):
			continue
		case prev == ' ' || spaceless(prev) || spaceless(next):
			units = append(units, string(runes[from:i]))
			from = i
		}
	}
	if from < len(runes) {
		units = append(units, string(runes[from:]))
	}
	return units
}

// FigureText writes a figure for people: whole where it is, else three digits.
func FigureText(v float64) string {
	switch a := math.Abs(v); {
	case v == math.Trunc(v) && a < 1e15, a >= 100:
		return strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}
