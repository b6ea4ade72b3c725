//go:build unix

package cli

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// vt is as much of a terminal as the screen uses: text in cells, the cursor,
// erasing, and which modes are on (ECMA-48; xterm's private modes).
type vt struct {
	w, h int
	cell [2][][]string // of the main screen, of the alternate one; "" is the right half of a wide one
	x, y int
	mode map[string]bool // "?1049" and the like
	rest []byte          // the beginning of a sequence
}

func newVT(w, h int) *vt {
	v := &vt{mode: map[string]bool{"?25": true}}
	v.resize(w, h)
	return v
}

func (v *vt) resize(w, h int) {
	for s := range v.cell {
		old := v.cell[s]
		v.cell[s] = make([][]string, h)
		for y := range v.cell[s] {
			v.cell[s][y] = blanks(w)
			if y < len(old) {
				copy(v.cell[s][y], old[y])
			}
		}
	}
	v.w, v.h = w, h
	v.x, v.y = min(v.x, w), min(v.y, h-1)
}

func blanks(n int) []string {
	row := make([]string, n)
	for i := range row {
		row[i] = " "
	}
	return row
}

func (v *vt) screen() [][]string {
	if v.mode["?1049"] {
		return v.cell[1]
	}
	return v.cell[0]
}

// text is what is to be seen, without the blanks at the end of the lines.
func (v *vt) text() string {
	var lines []string
	for _, row := range v.screen() {
		lines = append(lines, strings.TrimRight(strings.Join(row, ""), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (v *vt) Write(b []byte) (int, error) {
	n := len(b)
	b = append(v.rest, b...)
	for len(b) > 0 {
		used := v.take(b)
		if used == 0 {
			break
		}
		b = b[used:]
	}
	v.rest = append([]byte(nil), b...)
	return n, nil
}

// take draws one character or does one sequence; 0: it isn't whole yet.
func (v *vt) take(b []byte) int {
	switch b[0] {
	case '\r':
		v.x = 0
		return 1
	case '\n':
		if v.y++; v.y == v.h {
			s := v.screen()
			copy(s, s[1:])
			s[v.h-1], v.y = blanks(v.w), v.h-1
		}
		return 1
	case '\b':
		v.x = max(v.x-1, 0)
		return 1
	case '\x1b':
		return v.escape(b)
	}
	if b[0] < ' ' {
		return 1
	}
	if !utf8.FullRune(b) {
		return 0
	}
	r, size := utf8.DecodeRune(b)
	v.put(string(r))
	return size
}

func (v *vt) put(s string) {
	n := ansi.StringWidth(s)
	if n == 0 {
		return
	}
	if v.x+n > v.w {
		v.x = 0
		v.take([]byte{'\n'})
	}
	row := v.screen()[v.y]
	row[v.x] = s
	if n == 2 {
		row[v.x+1] = ""
	}
	v.x += n
}

func (v *vt) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] == ']' { // OSC, to BEL or ST
		if i := strings.IndexByte(string(b), '\a'); i >= 0 {
			return i + 1
		}
		if i := strings.Index(string(b), "\x1b\\"); i >= 0 {
			return i + 2
		}
		return 0
	}
	if b[1] != '[' {
		return 2
	}
	for i := 2; i < len(b); i++ {
		if b[i] >= 0x40 && b[i] <= 0x7e {
			v.csi(string(b[2:i]), b[i])
			return i + 1
		}
	}
	return 0
}

func (v *vt) csi(params string, final byte) {
	var n []int
	for _, p := range strings.Split(params, ";") {
		k, _ := strconv.Atoi(p)
		n = append(n, k)
	}
	arg := func(i int) int {
		if i < len(n) {
			return max(n[i], 1)
		}
		return 1
	}
	s := v.screen()
	erase := func(y, from int) {
		for x := from; x < v.w; x++ {
			s[y][x] = " "
		}
	}
	switch final {
	case 'H':
		v.y, v.x = min(arg(0), v.h)-1, min(arg(1), v.w)-1
	case 'A':
		v.y = max(v.y-arg(0), 0)
	case 'K':
		from := min(v.x, v.w)
		if params == "2" {
			from = 0
		}
		erase(v.y, from)
	case 'J':
		if params == "2" {
			for y := range s {
				erase(y, 0)
			}
			return
		}
		erase(v.y, min(v.x, v.w))
		for y := v.y + 1; y < v.h; y++ {
			erase(y, 0)
		}
	case 'h', 'l':
		v.mode[params] = final == 'h'
	}
}
