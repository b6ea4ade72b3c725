package matrix

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"forklore/sim"
	"forklore/sim/fault"
)

const (
	pageWidth  = 100
	faultWidth = 13 // "slow-backend", and a space
	cellWidth  = 17 // "container fresh", and two
)

// WriteTable writes it for people: the matrix, and then every cell with what was
// expected, what was seen, why, and who says so.
func (d *Document) WriteTable(out io.Writer) error {
	w := &bytes.Buffer{}
	fmt.Fprintf(w, "%s: %.4g requests/s, the same to all models, for %.0f s\n", string(d.Source), d.RatePerS, float64(d.DurationMS)/1000)
	fmt.Fprintf(w, "workload: %s; weight: %s; seed: %d\n", d.Workload, d.Weight, d.Seed)
	fmt.Fprintf(w, "%s %s, %d CPUs, %d MiB, cgroup %s\n", d.Machine.OS, d.Machine.Kernel, d.Machine.CPUs,
		d.Machine.MemBytes>>20, d.Machine.Cgroup)
	if d.CutShort != "" {
		fmt.Fprintf(w, "CUT SHORT: %s\n", d.CutShort)
	}
	fmt.Fprint(w, "\n✓ as expected, ✗ not, - not tried; lost: carriers + collateral (the blast radius); downtime\n\n")
	d.grid(w)
	d.list(w)
	d.summary(w)
	_, err := w.WriteTo(out)
	return err
}

// grid is a row of cells for each fault.
func (d *Document) grid(w io.Writer) {
	present := map[Column]bool{}
	for i := range d.Cells {
		present[d.Cells[i].column] = true
	}
	var columns []Column
	head := pad("", faultWidth)
	for c := range NColumns {
		if present[c] {
			columns = append(columns, c)
			head += pad(c.String(), cellWidth)
		}
	}
	fmt.Fprintln(w, strings.TrimRight(head, " "))
	for _, group := range d.byFault() {
		lines := [2]string{pad(string(group[0].Fault), faultWidth), pad("", faultWidth)}
		for _, c := range columns {
			for _, cell := range group {
				if cell.column != c {
					continue
				}
				for n, text := range cell.brief() {
					lines[n] += pad(text, cellWidth)
				}
			}
		}
		for _, line := range lines {
			if line = strings.TrimRight(line, " "); line != "" {
				fmt.Fprintln(w, line)
			}
		}
	}
}

// byFault are the cells, a group for each fault.
func (d *Document) byFault() (groups [][]*Cell) {
	for i := range d.Cells {
		c := &d.Cells[i]
		if n := len(groups); n == 0 || groups[n-1][0].Fault != c.Fault {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], c)
	}
	return groups
}

// glyph is the cell in a sign.
func (c *Cell) glyph() string {
	switch {
	case c.Holds == nil:
		return "-"
	case *c.Holds:
		return "✓"
	}
	return "✗"
}

// brief is the cell in two short lines.
func (c *Cell) brief() (lines [2]string) {
	switch {
	case c.unavailable:
		return [2]string{"- unavailable"}
	case c.Reason == notMeasured:
		return [2]string{"- " + notMeasured}
	case c.Holds == nil:
		return [2]string{"- not possible"}
	case c.Figures == nil:
		return [2]string{"✗ nothing to see"}
	}
	lines[0] = fmt.Sprintf("%s %d+%d  %.2f s", c.glyph(), c.Carriers, c.Collateral, c.DowntimeMS/1000)
	lines[1] = "  " + c.telling()
	if c.Reason != "" {
		lines[1] = "  not recovered"
	}
	return lines
}

// telling is the figure by which this fault is told apart: the first of its
// row's that isn't 0, or the last.
func (c *Cell) telling() (text string) {
	env := c.env()
	for _, t := range rows[c.Fault].tells {
		number, zero := fmt.Sprint(env[t.figure]), env[t.figure] == 0
		if x, ok := env[t.figure].(float64); ok {
			number, zero = fmt.Sprintf("%.1f", x), x == 0
		}
		if text = number + " " + t.word; !zero {
			break
		}
	}
	return text
}

// list has every cell in full.
func (d *Document) list(w io.Writer) {
	for _, group := range d.byFault() {
		fmt.Fprintf(w, "\n%s\n", dosed(group[0].Fault))
		for _, c := range group {
			paragraph(w, fmt.Sprintf("  %s %s: ", c.glyph(), c.column), c.Expected, "      ")
			paragraph(w, "    ", c.seen(), "      ")
			paragraph(w, "    ", c.Sentence, "    ")
			paragraph(w, "    ", "["+Source{c.Cites, c.URL}.String()+"]", "     ")
		}
	}
}

// seen is what was observed, as far as the expectation asks for it.
func (c *Cell) seen() string {
	if c.Figures == nil {
		return c.Reason
	}
	text := "seen: " + c.expectation.observed(c.Figures)
	if c.Proof != "" {
		text += " (" + c.Proof + ")"
	}
	if c.Reason != "" {
		text += "; " + c.Reason
	}
	if c.Outside > 0 {
		text += fmt.Sprintf("; meanwhile %d incidents that no fault explains", c.Outside)
	}
	return text
}

// dosed is the fault as it was put in: "leak 12MiB, 4s".
func dosed(f sim.Fault) string {
	k, _ := fault.Find(f)
	in := dose(k)
	text := string(f)
	if in.Strength > 1 { // what strikes once says nothing more
		text += " " + k.Unit.Text(in.Strength)
		switch k.Unit {
		case fault.Requests, fault.Processes, fault.Clients, fault.Percent:
			text += " " + string(k.Unit)
		case fault.Factor:
			text += " times"
		}
	}
	if d := k.Lasts(in); d > 0 && (k.Unit != fault.Time || int64(d) != in.Strength) {
		text += fmt.Sprintf(", %v", d)
	}
	return text
}

// during lists faults and the failures that were given up on meanwhile, the most first.
func during(n map[sim.Fault]uint64) string {
	if len(n) == 0 {
		return ""
	}
	var parts []string
	for _, f := range slices.SortedFunc(maps.Keys(n), func(a, b sim.Fault) int {
		return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%s %d", f, n[f]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// summary counts.
func (d *Document) summary(w io.Writer) {
	tried, failed := 0, d.Failed()
	var names []string
	for i := range d.Cells {
		c := &d.Cells[i]
		if c.Holds != nil {
			tried++
		}
		if c.Holds != nil && !*c.Holds {
			names = append(names, fmt.Sprintf("%s in %s", c.Fault, c.column))
		}
	}
	fmt.Fprintf(w, "\n%d of %d cells tried, %d as expected; unattributed failures: %d%s\n", tried, len(d.Cells), tried-failed, d.Unattributed, during(d.UnattributedIn))
	if failed > 0 {
		paragraph(w, "not as expected: ", strings.Join(names, ", "), "  ")
	}
}

// paragraph writes text between the margins of the page; the first line begins
// with first, the others with rest.
func paragraph(w io.Writer, first, text, rest string) {
	line, empty := first, true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > pageWidth {
			fmt.Fprintln(w, line)
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	if !empty {
		fmt.Fprintln(w, line)
	}
}

// pad fills up to a width in characters; all of them are one column wide.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 1))
}
