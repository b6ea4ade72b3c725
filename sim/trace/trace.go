// Package trace keeps what a source has shown, and shows it again: the
// recording for the day when the live demo fails, and for who has no Linux.
//
//	sim.Source ── Snapshot, 10 a second ──▶ Recorder ──▶ FILE.jsonl.gz
//	                                                        │
//	a screen, a test ◀── sim.Source ◀── Replay ◀── Trace ◀──┘
//
// A recording is gzip (RFC 1952) over JSON Lines: the first line is the
// [Header], each one after it an entry, which is a snapshot or a mark: `zcat FILE
// | jq` reads it. A snapshot is kept whole, with its events: any moment can be
// shown without those before it.
//
// Costs, of the default lab: a snapshot is 9 KiB of JSON, half a KiB of the file,
// and 0.3 ms to read; played, a recording of a minute has 6 MiB of memory.
// May not enter: the runtimes, the terminal. What is played says so: its
// snapshots' Kind is sim.Replay, whatever it was.
package trace

import (
	"errors"
	"time"

	"forklore/sim"
	"forklore/sim/report"
)

// Schema names the shape of a recording.
const Schema = "forklore/trace/v1"

// Bounds of a recording that is read. What is longer is refused.
const (
	maxLine      = 512 << 10 // of JSON: a snapshot with two thousand processes has 128 KiB
	maxBytes     = 512 << 20 // all lines
	maxMarks     = 100
	maxMark      = 64     // bytes of a mark
	MaxSnapshots = 18_000 // half an hour
)

// Header is a recording's first line.
type Header struct {
	Schema   string         `json:"schema"`
	Recorded time.Time      `json:"recorded"` // when it began
	Kind     sim.Kind       `json:"kind"`     // of the source
	Machine  report.Machine `json:"machine"`
}

// Where says when and on what machine it was recorded.
func (h *Header) Where() string {
	return tameText(h.Recorded.Format(time.DateOnly) + ", " + h.Machine.String())
}

// entry is a line after the first; exactly one field is set.
type entry struct {
	// Mark is a name for the moment of the snapshot that follows: a step of the
	// live script.
	Mark     string        `json:"mark,omitempty"`
	Snapshot *sim.Snapshot `json:"snapshot,omitempty"`
}

// span is how long a recording lasts, whatever the source's clock does: that
// begins anew at a reset, and with another lab.
type span struct {
	begun        bool
	last, length time.Duration
}

// maxGap is how long a recording may say nothing: more is a clock that went wrong.
const maxGap = time.Minute

// add takes the time of the next snapshot in.
func (s *span) add(at time.Duration) {
	step := at - s.last
	switch {
	case !s.begun:
		step = 0
	case step < 0 || step > maxGap:
		step = sim.Interval
	}
	s.begun, s.last, s.length = true, at, s.length+step
}

// What is wrong with a recording.
var (
	ErrNoTrace = errors.New("is no recording of forklore")
	ErrNewer   = errors.New("was made by a newer forklore")
	ErrTooLong = errors.New("is too long to be played")
	ErrEmpty   = errors.New("has no moment in it")
)
