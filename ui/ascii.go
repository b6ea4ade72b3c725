package ui

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Braille patterns begin here; the lower eight bits of each are its dots
// (the Unicode Standard, 21.1 "Braille").
const brailleBlank, brailleLast = '⠀', '⣿'

// asciiOnly writes a text without anything beyond ASCII, in as many cells: for
// terminals and fonts that have nothing else. What is Japanese stays.
func asciiOnly(s string, japanese bool) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune { return asciiRune(r, japanese) }, s)
		}
	}
	return s
}

func asciiRune(r rune, japanese bool) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case r == brailleBlank:
		return ' '
	case r == '⣀': // an empty bar, an axis
		return '-'
	case r > brailleBlank && r <= brailleLast:
		if bits.OnesCount8(uint8(r-brailleBlank)) >= 4 {
			return '#'
		}
		return '.'
	case japanese:
		return r
	}
	return '?'
}
