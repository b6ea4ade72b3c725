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

// Read reads a recording. An error says what is wrong in one line, with the
// line's number.
func Read(r io.Reader) (*Trace, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTrace, err)
	}
	t := &Trace{}
	in := bufio.NewReader(zip)
	var at, last time.Duration
	var marks []string
	bytesRead := 0
	for n := 1; ; n++ {
		text, err := readLine(in)
		if err == io.EOF {
			break
		}
		if err != nil && len(t.lines) > 0 {
			t.Cut = err
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrNoTrace, n, err)
		}
		if n == 1 {
			if err := t.header(text); err != nil {
				return nil, err
			}
			continue
		}
		if bytesRead += len(text) + 1; bytesRead > maxBytes || len(t.lines) == MaxSnapshots {
			return nil, fmt.Errorf("%w: line %d; at most half an hour and %d MiB of JSON are read", ErrTooLong, n, maxBytes>>20)
		}
		var e entry
		if err = json.Unmarshal(text, &e); err == nil {
			err = e.sound()
		}
		if err == nil && e.Mark != "" && len(t.marks)+len(marks) == maxMarks {
			err = fmt.Errorf("more than %d marks", maxMarks)
		}
		if err != nil && len(t.lines) > 0 {
			t.Cut = err
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %s", ErrNoTrace, n, clip(err.Error()))
		}
		s := e.Snapshot
		if s == nil {
			marks = append(marks, e.Mark)
			continue
		}
		l := line{json: text, events: s.Events}
		if len(t.lines) > 0 {
			step := s.At - last
			if step < 0 || step > maxGap { // a reset: the source's clock began anew
				step = sim.Interval
			}
			at += step
		}
		last, l.at = s.At, at
		for _, name := range marks {
			t.marks = append(t.marks, mark{name, len(t.lines)})
		}
		marks = marks[:0]
		t.lines = append(t.lines, l)
	}
	if len(t.lines) == 0 {
		return nil, ErrEmpty
	}
	return t, nil
}

// sound: an entry is a mark or a snapshot, and not too much.
func (e *entry) sound() error {
	switch {
	case (e.Mark == "") == (e.Snapshot == nil):
		return errors.New("neither a mark nor a snapshot, or both")
	case len(e.Mark) > maxMark:
		return fmt.Errorf("a mark of %d bytes; at most %d are kept", len(e.Mark), maxMark)
	case e.Snapshot != nil:
		return sound(e.Snapshot)
	}
	return nil
}

// sound: a snapshot can be what a source has shown. Who draws it counts on that.
func sound(s *sim.Snapshot) error {
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

// maxGap is how long a recording may say nothing: more is a clock that went wrong.
const maxGap = time.Minute

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

// readLine is the next line, without its end. A last line that has no end was
// cut.
func readLine(in *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxLine:
			return nil, fmt.Errorf("more than %d KiB", maxLine>>10)
		case err == nil:
			return bytes.TrimSuffix(text, []byte("\n")), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(text) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// Where says when and on what machine it was recorded, and that its end is missing.
func (t *Trace) Where() string {
	if t.Cut != nil {
		return "without its end, " + t.Header.Where()
	}
	return t.Header.Where()
}

// Length is from the first moment to the last.
func (t *Trace) Length() time.Duration { return t.lines[len(t.lines)-1].at }

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
