package ui

import "math"

// plot is a small canvas of braille: a cell has 2 x 4 dots (the Unicode block
// "Braille Patterns", U+2800, whose bits are in the order of Braille's own
// numbering of the dots). A cell has one style, that of the last dot in it.
type plot struct {
	w, h int // cells
	cell []plotCell
	text []byte // of the row that is being written
}

type plotCell struct {
	dots   byte
	letter byte // shown in the place of the dots
	style  style
}

// dotBit is the bit of the dot in that column and row of a cell.
var dotBit = [2][4]byte{{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}

// reset empties the plot for that many cells and keeps its memory.
func (p *plot) reset(w, h int) {
	p.w, p.h = max(w, 0), max(h, 0)
	n := p.w * p.h
	if cap(p.cell) < n {
		p.cell = make([]plotCell, n)
	}
	p.cell = p.cell[:n]
	clear(p.cell)
}

// set makes the dot, counted from the upper left.
func (p *plot) set(x, y int, st style) {
	if x < 0 || y < 0 || x >= 2*p.w || y >= 4*p.h {
		return
	}
	c := &p.cell[y/4*p.w+x/2]
	c.dots |= dotBit[x%2][y%4]
	c.style = st
}

// column makes the dots of a column between two rows, both included.
func (p *plot) column(x, from, to int, st style) {
	if from > to {
		from, to = to, from
	}
	for y := max(from, 0); y <= min(to, 4*p.h-1); y++ {
		p.set(x, y, st)
	}
}

// letter stands in the place of a cell's dots.
func (p *plot) letter(x, y int, letter byte, st style) {
	if x >= 0 && y >= 0 && x < p.w && y < p.h {
		c := &p.cell[y*p.w+x]
		c.letter, c.style = letter, st
	}
}

// level is the row of dots at which a value is drawn; top is that of the
// uppermost row, and 0 that of the lowest.
func (p *plot) level(v, top float64) int {
	last := 4*p.h - 1
	if top <= 0 || math.IsNaN(v) {
		return last
	}
	return min(max(last-int(v/top*float64(last)+0.5), 0), last)
}

// drawPlot writes the plot's rows, a piece for each run of one style. A blank
// cell has any style.
func (f *frame) drawPlot(p *plot, y, x int) {
	for row := range p.h {
		cells := p.cell[row*p.w : (row+1)*p.w]
		last := len(cells)
		for last > 0 && cells[last-1].dots == 0 && cells[last-1].letter == 0 {
			last--
		}
		at := x
		for i := 0; i < last; {
			p.text = p.text[:0]
			n, st, inked := 0, plain, false
			for ; i < last; i++ {
				c := &cells[i]
				ink := c.dots != 0 || c.letter != 0
				if ink && inked && c.style != st {
					break
				}
				if ink && !inked {
					st, inked = c.style, true
				}
				switch {
				case c.letter != 0:
					p.text = append(p.text, c.letter)
				case c.dots != 0: // U+2800 + dots, in UTF-8
					p.text = append(p.text, 0xe2, 0xa0|c.dots>>6, 0x80|c.dots&0x3f)
				default:
					p.text = append(p.text, ' ')
				}
				n++
			}
			at = f.run(y+row, at, n, st, string(p.text), n)
		}
	}
}
