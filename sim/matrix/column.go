package matrix

import "forklore/sim"

// Column is a way to serve requests, as the matrix tells them apart: the
// container is two.
type Column int

// The columns.
const (
	CGI Column = iota
	Prefork
	EventLoop
	Fresh
	Warm
	NColumns
)

// Columns names them for a heading.
var Columns = [NColumns]string{"cgi", "prefork", "eventloop", "container fresh", "container warm"}

func (c Column) String() string { return Columns[c] }

// Model is whose column it is.
func (c Column) Model() sim.Model {
	if c >= Fresh {
		return sim.Container
	}
	return sim.Model(c)
}

// Mode is what becomes of its sandboxes, "" where there are none.
func (c Column) Mode() string {
	switch c {
	case Fresh:
		return sim.ModeFresh
	case Warm:
		return sim.ModeWarm
	}
	return ""
}

// columnOf is the column of a model while the container is in that mode.
func columnOf(m sim.Model, mode string) Column {
	if m == sim.Container && mode == sim.ModeWarm {
		return Warm
	}
	return Column(m)
}
