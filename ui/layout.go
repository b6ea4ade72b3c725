package ui

// The smallest window that the composition fits in.
const (
	minWidth  = 80
	minHeight = 24
)

// layout is what a window of some size has room for. Besides the size it
// depends only on how many processes were ever seen at once, so that nothing
// moves to and fro while one watches.
type layout struct {
	column   int  // cells of a column, without the gap behind it
	procRows int  // rows of process letters
	legend   bool // what the letters mean, and what the lab costs
	gaps     int  // blank rows between the panes, three at most
	subtitle bool // what the model is, in words
	address  bool // where curl can reach it
	proof    bool // a second row for each model's sentence
	events   int  // rows of the event list
}

// layoutFor spends the rows above 24 in the order of their use to a viewer.
func layoutFor(w, h, slots int) layout {
	l := layout{column: w/4 - 1, procRows: 1}
	spare := h - minHeight
	take := func(n int) bool {
		if spare < n {
			return false
		}
		spare -= n
		return true
	}
	if take(1) {
		l.gaps++
	}
	l.legend = take(1)
	l.address = take(1)
	l.subtitle = take(1)
	for l.gaps < 3 && take(1) {
		l.gaps++
	}
	l.proof = take(4)
	for need := (slots + l.column - 3) / max(l.column-2, 1); l.procRows < need && take(1); {
		l.procRows++
	}
	// The event list needs a heading and a gap.
	if spare >= 4 {
		l.events = spare - 2
	}
	return l
}
