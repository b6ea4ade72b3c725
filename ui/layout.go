package ui

// The smallest window that the four columns fit in, and the smallest that one
// model fits in.
const (
	minWidth, minHeight = 80, 24
	oneWidth, oneHeight = 40, 10
)

// sideFrom is the width from which the comparison charts and the events stand
// beside the four columns, and sideMain the least that it leaves to these.
const sideFrom, sideMain = 190, 112

// subtitleWidth is what the longest subtitle takes.
const subtitleWidth = 28

// layout is what a window of some size has room for. Besides the size it
// depends only on how many processes were ever seen at once, so that nothing
// moves to and fro while one watches.
type layout struct {
	main      int  // cells of the columns and all that belongs to them
	column    int  // cells of a column, without the gap behind it
	procRows  int  // rows of process letters
	bar       bool // the memory now, if a chart doesn't say it
	chartRows int  // of the memory's chart, without its axis; 0: none
	hitRows   int  // of the large figure: 1, 3 or 5
	legend    bool // what the letters mean, and what the lab costs
	gaps      int  // blank rows between the panes, three at most
	subtitle  bool // what the model is, in words
	address   bool // where curl can reach it
	proof     bool // a second row for each model's sentence
	events    int  // rows of the event list, or beside it of what has been so far
}

// layoutFor spends the rows above 24 in the order of their use to a viewer.
func layoutFor(w, h, slots int) layout {
	l := layout{main: w, procRows: 1, hitRows: 1, bar: true}
	if w >= sideFrom {
		l.main = max(w*3/5, sideMain)
	}
	l.column = l.main/4 - 1
	spare := h - minHeight
	take := func(n int) bool {
		if spare < n {
			return false
		}
		spare -= n
		return true
	}
	l.legend = take(1)
	if take(2) {
		l.hitRows = 3
	}
	if take(3) { // three rows and the axis, without the bar
		l.chartRows, l.bar = 3, false
	}
	l.subtitle = l.column >= subtitleWidth && take(1)
	if take(1) {
		l.gaps = 1
	}
	l.proof = take(4)
	for need := (slots + l.column - 3) / max(l.column-2, 1); l.procRows < need && l.procRows < 2 && take(1); {
		l.procRows++
	}
	l.address = take(1)
	for l.gaps < 3 && take(1) {
		l.gaps++
	}
	if l.hitRows == 3 && take(2) {
		l.hitRows = 5
	}
	for l.chartRows > 0 && l.chartRows < 6 && take(1) {
		l.chartRows++
	}
	for need := (slots + l.column - 3) / max(l.column-2, 1); l.procRows < need && take(1); {
		l.procRows++
	}
	for l.chartRows > 0 && l.chartRows < 8 && take(1) {
		l.chartRows++
	}
	// The list needs a heading and a gap. Beside the events it has no more than
	// a few rows to show.
	if spare >= 4 {
		l.events = spare - 2
		if l.main < w {
			l.events = min(l.events, 6)
		}
		spare -= l.events + 2
	}
	for l.chartRows > 0 && l.chartRows < 14 && take(1) {
		l.chartRows++
	}
	return l
}
