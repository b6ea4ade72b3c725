package lessons

import (
	"fmt"
	"strings"
	"time"
)

// glyphs are large figures that every terminal has: five rows of ASCII.
var glyphs = map[rune][5]string{
	'0': {" ### ", "#   #", "#   #", "#   #", " ### "},
	'1': {"  #  ", " ##  ", "  #  ", "  #  ", " ### "},
	'2': {"#### ", "    #", " ### ", "#    ", "#####"},
	'3': {"#### ", "    #", " ### ", "    #", "#### "},
	'4': {"#   #", "#   #", "#####", "    #", "    #"},
	'5': {"#####", "#    ", "#### ", "    #", "#### "},
	'6': {" ### ", "#    ", "#### ", "#   #", " ### "},
	'7': {"#####", "    #", "   # ", "  #  ", "  #  "},
	'8': {" ### ", "#   #", " ### ", "#   #", " ### "},
	'9': {" ### ", "#   #", " ####", "    #", " ### "},
	':': {"   ", " # ", "   ", " # ", "   "},
	'-': {"     ", "     ", " ### ", "     ", "     "},
}

// Large writes a text of figures, ":" and "-" in five rows.
func Large(s string) (rows [5]string) {
	for i, r := range []rune(s) {
		for row, cells := range glyphs[r] {
			if i > 0 {
				rows[row] += " "
			}
			rows[row] += cells
		}
	}
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return rows
}

// clock writes a time as minutes and seconds.
func clock(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	s := min(int(d/time.Second), 99*60+59)
	return fmt.Sprintf("%s%d:%02d", sign, s/60, s%60)
}
