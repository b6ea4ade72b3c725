package live

import (
	"testing"

	"forklore/sim"
)

func row(t sim.Tape, m sim.Model) (s string) {
	for _, c := range t.Cell[m] {
		s += string(c)
	}
	return s
}

// TestTapeAxis: a cell is the same request in every row, also when a cell stands
// for several, of which it shows the worst.
func TestTapeAxis(t *testing.T) {
	var p tape
	for id := uint64(1); id <= 6; id++ {
		p.open(id)
		p.set(sim.CGI, id, sim.CellOK)
		p.set(sim.EventLoop, id, sim.CellOpen)
	}
	p.set(sim.EventLoop, 3, sim.CellReset)
	p.set(sim.EventLoop, 2, sim.CellFault)
	one := p.cells(1)
	if one.First != 1 || row(one, sim.CGI) != "......" || row(one, sim.EventLoop) != "o@Xooo" || row(one, sim.Prefork) != "      " {
		t.Errorf("k=1: %d %q %q", one.First, row(one, sim.CGI), row(one, sim.EventLoop))
	}
	two := p.cells(2) // 1, 2-3, 4-5, 6
	if two.First != 0 || row(two, sim.CGI) != "...." || row(two, sim.EventLoop) != "o@oo" {
		t.Errorf("k=2: %d %q %q", two.First, row(two, sim.CGI), row(two, sim.EventLoop))
	}
}

func TestTapeForgets(t *testing.T) {
	var p tape
	for id := uint64(1); id <= tapeMemory+10; id++ {
		p.open(id)
		p.set(0, id, sim.CellOK)
	}
	p.set(0, 5, sim.CellFault) // long gone: its place is another's now
	if c := p.get(0, tapeMemory+5); c != sim.CellOK {
		t.Errorf("the newer request became %q", c)
	}
	if got := p.cells(1); len(got.Cell[0]) != sim.TapeLen || got.First != tapeMemory+10-sim.TapeLen+1 {
		t.Errorf("%d cells from %d", len(got.Cell[0]), got.First)
	}
}

func TestPerCell(t *testing.T) {
	for rate, want := range map[float64]uint64{1: 1, 20: 1, 21: 2, 64: 4, 5000: 64} {
		if got := perCell(rate); got != want {
			t.Errorf("perCell(%v) = %d, want %d", rate, got, want)
		}
	}
}
