package ui

import "strings"

// canvas is a window's worth of lines. What doesn't fit is clipped, so no line
// is wider than the window and none is below it, whatever is drawn.
type canvas struct {
	w, h int
	line []canvasLine
	pal  *palette
	ja   bool // the words are Japanese
}

type canvasLine struct {
	text []byte
	w    int // cells used
}

// reset empties the canvas for a window of that size and keeps its memory.
func (c *canvas) reset(w, h int, pal *palette) {
	c.w, c.h, c.pal = max(w, 0), max(h, 0), pal
	for len(c.line) < c.h {
		c.line = append(c.line, canvasLine{})
	}
	c.line = c.line[:c.h]
	for i := range c.line {
		c.line[i].text, c.line[i].w = c.line[i].text[:0], 0
	}
}

// put writes text of at most width cells at column x and returns the column
// behind it. On one line, pieces come from left to right: a piece that starts
// left of the last one's end starts at that end.
func (c *canvas) put(y, x, width int, st style, s string) int {
	return c.write(y, x, width, st, clean(s), -1)
}

// run is put for text whose every rune is one cell wide and known to be
// harmless: letters and braille that this package made, in great numbers.
func (c *canvas) run(y, x, width int, st style, s string, cells int) int {
	return c.write(y, x, width, st, s, cells)
}

func (c *canvas) write(y, x, width int, st style, s string, n int) int {
	if y < 0 || y >= c.h || x >= c.w {
		return x
	}
	l := &c.line[y]
	x = max(x, l.w)
	width = min(width, c.w-x)
	if c.pal.ascii {
		s = asciiOnly(s, c.ja)
	}
	if n < 0 {
		n = cells(s)
	}
	if n > width {
		s = clip(s, width)
		n = cells(s)
	}
	if n == 0 {
		return x
	}
	for ; l.w < x; l.w++ {
		l.text = append(l.text, ' ')
	}
	l.text = append(l.text, c.pal.of[st].on...)
	l.text = append(l.text, s...)
	l.text = append(l.text, c.pal.of[st].off...)
	l.w = x + n
	return l.w
}

// right writes text that ends before column end, if there is room for it
// behind what is there and a blank.
func (c *canvas) right(y, end int, st style, s string) {
	s = clean(s)
	n := cells(s)
	if y < 0 || y >= c.h || n == 0 {
		return
	}
	x, free := end-n, c.line[y].w
	if free > 0 {
		free++
	}
	if x >= free {
		c.write(y, x, n, st, s, n)
	}
}

// String is the window's content, with line breaks between the lines. Where the
// palette has a paper, it covers all of the window.
func (c *canvas) String() string {
	var b strings.Builder
	n := 0
	paper := c.pal.paper
	for i := range c.line {
		n += len(c.line[i].text) + 1
	}
	b.Grow(n)
	for i := range c.line {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(paper)
		b.Write(c.line[i].text)
		if paper != "" {
			for range c.w - c.line[i].w {
				b.WriteByte(' ')
			}
			b.WriteString(sgrReset)
		}
	}
	return b.String()
}
