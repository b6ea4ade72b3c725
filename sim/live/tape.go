package live

import "forklore/sim"

// tapeMemory is how many requests the tape remembers: at 64 requests a cell,
// a tape of sim.TapeLen cells.
const tapeMemory = 64 * sim.TapeLen

// tape remembers the fates of the last requests.
type tape struct {
	last uint64 // the newest request
	fate [sim.NModels][tapeMemory]sim.Cell
}

// open begins a new cell in every model.
func (t *tape) open(id uint64) {
	t.last = id
	for m := range t.fate {
		t.fate[m][id%tapeMemory] = sim.CellNone
	}
}

func (t *tape) set(m sim.Model, id uint64, c sim.Cell) {
	if id <= t.last && id+tapeMemory > t.last {
		t.fate[m][id%tapeMemory] = c
	}
}

func (t *tape) get(m sim.Model, id uint64) sim.Cell {
	if id > t.last || id+tapeMemory <= t.last {
		return sim.CellNone
	}
	return t.fate[m][id%tapeMemory]
}

// perCell is how many requests a cell stands for, so that a cell lasts at
// least a twentieth of a second.
func perCell(rate float64) uint64 {
	k := uint64(1)
	for float64(k)*20 < rate && k < 64 {
		k *= 2
	}
	return k
}

// severity orders the fates from best to worst.
var severity = map[sim.Cell]int{sim.CellNone: 0, sim.CellOK: 1, sim.CellLeak: 2, sim.CellOpen: 3, sim.CellLate: 4,
	sim.CellWrong: 5, sim.CellTimeout: 6, sim.CellError: 7, sim.CellRefused: 8, sim.CellReset: 9, sim.CellFault: 10}

// cells draws the tape, the newest request in the last cell. A cell's
// requests stay together as time goes on: it begins at a multiple of k.
func (t *tape) cells(k uint64) (out sim.Tape) {
	out.PerCell = k
	if t.last == 0 {
		return out
	}
	lastCell := t.last / k
	firstCell := lastCell - min(lastCell, sim.TapeLen-1)
	if k == 1 {
		firstCell = max(firstCell, 1) // there is no request 0
	}
	out.First = firstCell * k
	for m := range sim.NModels {
		row := make([]sim.Cell, 0, lastCell-firstCell+1)
		for c := firstCell; c <= lastCell; c++ {
			worst := sim.CellNone
			for id := c * k; id < (c+1)*k; id++ {
				if id == 0 {
					continue
				}
				if f := t.get(m, id); severity[f] > severity[worst] {
					worst = f
				}
			}
			row = append(row, worst)
		}
		out.Cell[m] = row
	}
	return out
}
