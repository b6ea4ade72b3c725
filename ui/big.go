package ui

// Large digits, to be read from the last row of a room: five dots high and
// three wide, each dot as large as there is room for.
var bigDots = map[rune][5]string{
	'0': {"###", "# #", "# #", "# #", "###"},
	'1': {" # ", "## ", " # ", " # ", "###"},
	'2': {"###", "  #", "###", "#  ", "###"},
	'3': {"###", "  #", "###", "  #", "###"},
	'4': {"# #", "# #", "###", "  #", "  #"},
	'5': {"###", "#  ", "###", "  #", "###"},
	'6': {"###", "#  ", "###", "# #", "###"},
	'7': {"###", "  #", "  #", " # ", " # "},
	'8': {"###", "# #", "###", "# #", "###"},
	'9': {"###", "# #", "###", "  #", "###"},
	'+': {"   ", " # ", "###", " # ", "   "},
	'-': {"   ", "   ", "###", "   ", "   "},
	'~': {"   ", "   ", "## ", " ##", "   "},
	'?': {"###", "  #", " ##", "   ", " # "},
	'k': {"#  ", "# #", "## ", "# #", "# #"},
	'M': {"# #", "###", "###", "# #", "# #"},
}

// bigSize is how large one of the font's dots is, in braille's dots.
type bigSize struct{ w, h int }

// bigSizes are those for so many rows, the largest first.
var bigSizes = map[int][]bigSize{5: {{4, 4}, {2, 4}, {2, 2}}, 3: {{2, 2}}}

// big draws a figure that many rows high and returns the cells that it took, 0
// if it doesn't fit.
func (f *frame) big(text string, y, x, w, rows int, st style) int {
	for _, size := range bigSizes[rows] {
		each := 3 * size.w / 2 // cells, without the blank behind
		need := len(text)*(each+1) - 1
		if need > w {
			continue
		}
		p := &f.plot
		p.reset(need, rows)
		above := (4*rows - 5*size.h) / 2
		for i, r := range text {
			for dy, line := range bigDots[r] {
				for dx, ink := range line {
					if ink != '#' {
						continue
					}
					for d := range size.w {
						from := above + dy*size.h
						p.column(2*i*(each+1)+dx*size.w+d, from, from+size.h-1, st)
					}
				}
			}
		}
		f.drawPlot(p, y, x)
		return need
	}
	return 0
}
