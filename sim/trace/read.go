package trace

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"forklore/sim"
)

// Trace is a recording that has been read.
type Trace struct {
	Header
	// Cut is why the file can't be read to its end, after a kill or with a damaged
	// disk; it is played up to there. nil: it is whole.
	Cut error

	span  span
	lines []line
	marks []mark
}

// line is a snapshot as the file has it, decoded when it is shown.
type line struct {
	json   []byte
	at     time.Duration // since the recording began
	events []sim.Event
}

// opens: an incident begins here.
func (l *line) opens() bool {
	return slices.ContainsFunc(l.events, func(e sim.Event) bool { return e.What == sim.EventOpened })
}

// mark is a named moment: at is a line's number.
type mark struct {
	name string
	at   int
}

// Read reads a recording, up to where it is damaged. An error says in one line
// what is wrong, and where.
func Read(r io.Reader) (*Trace, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTrace, err)
	}
	lines := bufio.NewScanner(zip)
	lines.Buffer(nil, maxLine)
	if !lines.Scan() {
		if lines.Err() != nil {
			return nil, fmt.Errorf("%w: line 1: %w", ErrNoTrace, lines.Err())
		}
		return nil, ErrEmpty
	}
	t := &Trace{}
	if err := t.header(lines.Bytes()); err != nil {
		return nil, err
	}
	n, size := 1, 0
	for err == nil && lines.Scan() {
		n++
		if size += len(lines.Bytes()) + 1; size > maxBytes || len(t.lines) == MaxSnapshots {
			return nil, fmt.Errorf("%w: line %d; at most half an hour and %d MiB of JSON are read", ErrTooLong, n, maxBytes>>20)
		}
		err = t.add(lines.Bytes())
	}
	if err == nil && lines.Err() != nil {
		n, err = n+1, lines.Err()
	}
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("more than %d KiB", maxLine>>10)
	}
	switch {
	case len(t.lines) > 0:
		t.Cut = err
		t.marks = slices.DeleteFunc(t.marks, func(m mark) bool { return m.at == len(t.lines) }) // of nothing
	case err != nil:
		return nil, fmt.Errorf("%w: line %d: %s", ErrNoTrace, n, clip(err.Error()))
	default:
		return nil, ErrEmpty
	}
	return t, nil
}

// add takes a line in.
func (t *Trace) add(text []byte) error {
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	if err := e.sound(); err != nil {
		return err
	}
	if e.Snapshot == nil {
		if len(t.marks) == maxMarks {
			return fmt.Errorf("more than %d marks", maxMarks)
		}
		t.marks = append(t.marks, mark{e.Mark, len(t.lines)}) // of the snapshot that follows
		return nil
	}
	t.span.add(e.Snapshot.At)
	t.lines = append(t.lines, line{json: bytes.Clone(text), at: t.span.length, events: e.Snapshot.Events})
	return nil
}

// sound: an entry is a mark or a snapshot, and not too much.
func (e *entry) sound() error {
	switch {
	case (e.Mark == "") == (e.Snapshot == nil):
		return errors.New("neither a mark nor a snapshot, or both")
	case len(e.Mark) > maxMark:
		return fmt.Errorf("a mark of %d bytes; at most %d are kept", len(e.Mark), maxMark)
	case e.Snapshot != nil:
		return drawable(e.Snapshot)
	}
	return nil
}

// drawable: a snapshot can be what a source has shown. Who draws it counts on that.
func drawable(s *sim.Snapshot) error {
	for _, i := range s.Current {
		if i.Model < 0 || i.Model >= sim.NModels {
			return fmt.Errorf("an incident in model %d; there are %d", i.Model, sim.NModels)
		}
	}
	for _, e := range s.Events {
		if e.Model < 0 || e.Model > sim.NModels {
			return fmt.Errorf("an event in model %d; there are %d", e.Model, sim.NModels)
		}
	}
	for _, cells := range s.Tape.Cell {
		if len(cells) > sim.TapeLen {
			return fmt.Errorf("a tape of %d cells; at most %d are kept", len(cells), sim.TapeLen)
		}
	}
	for what, n := range map[string]int{"incidents": len(s.Current), "events": len(s.Events), "active faults": len(s.Active)} {
		if n > maxOf {
			return fmt.Errorf("%d %s; at most %d are kept", n, what, maxOf)
		}
	}
	for m := range s.Model {
		if n := len(s.Model[m].Modes); n > maxOf {
			return fmt.Errorf("%d modes", n)
		}
		if n := len(s.Model[m].Procs); n > maxProcs {
			return fmt.Errorf("%d processes; at most %d are shown", n, maxProcs)
		}
	}
	if s.At < 0 || s.At > maxAt {
		return fmt.Errorf("a moment at %v", s.At)
	}
	return nil
}

// maxAt is how long a lab may have run; the others are more than any has.
const (
	maxAt    = 1000 * time.Hour
	maxProcs = 1 << 14
	maxOf    = 1000
)

func (t *Trace) header(text []byte) error {
	if err := json.Unmarshal(text, &t.Header); err != nil {
		return fmt.Errorf("%w: line 1: %s", ErrNoTrace, clip(err.Error()))
	}
	number, ok := strings.CutPrefix(t.Schema, "forklore/trace/v")
	version, err := strconv.Atoi(number)
	switch {
	case t.Schema == Schema:
		return nil
	case ok && err == nil && version > 1:
		return fmt.Errorf("%w: its schema is %q, this program reads %s", ErrNewer, clip(t.Schema), Schema)
	}
	return fmt.Errorf("%w: line 1: the schema is %q; must be %s", ErrNoTrace, clip(t.Schema), Schema)
}

func clip(s string) string {
	const most = 120
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// Where says when and on what machine it was recorded, and that its end is missing.
func (t *Trace) Where() string {
	if t.Cut != nil {
		return "without its end, " + t.Header.Where()
	}
	return t.Header.Where()
}

// Length is from the first moment to the last.
func (t *Trace) Length() time.Duration { return t.span.length }

// Marks are the names of its moments, in their order.
func (t *Trace) Marks() []string {
	var names []string
	for _, m := range t.marks {
		if !slices.Contains(names, m.name) {
			names = append(names, m.name)
		}
	}
	return names
}

// snapshot decodes a moment.
func (t *Trace) snapshot(i int) (*sim.Snapshot, error) {
	var e entry
	if err := json.Unmarshal(t.lines[i].json, &e); err != nil {
		return nil, fmt.Errorf("%w: moment %d: %w", ErrNoTrace, i+1, err)
	}
	return e.Snapshot, nil
}
