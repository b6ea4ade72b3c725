package trace

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"forklore/sim"
	"forklore/sim/report"
)

// flushEvery bounds what a recording loses if the lab is killed: a file that
// ends in the middle can be played up to there.
const flushEvery = sim.Interval * 10

// Why a recording ended by itself. What came before is in the file.
var (
	ErrBehind = errors.New("the disk does not keep up")
	ErrFull   = errors.New("half an hour is recorded, and no more can be played")
)

// Recorder writes a recording, beside whoever shows the snapshots. Its methods can be
// called from anywhere, and return at once, but Close, which waits for the disk.
type Recorder struct {
	path    string
	entries chan entry
	done    chan struct{}

	mu     sync.Mutex
	span   span
	n      int // snapshots
	closed bool
	err    error
}

// Create begins a recording in a new file. A file that is there is not
// overwritten.
func Create(path string) (*Recorder, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	r := &Recorder{path: path, entries: make(chan entry, 64), done: make(chan struct{})}
	go r.writeTo(f)
	return r, nil
}

// writeTo writes the file, until Close.
func (r *Recorder) writeTo(f io.WriteCloser) {
	defer close(r.done)
	if err := errors.Join(write(f, r.entries), f.Close()); err != nil {
		r.mu.Lock()
		r.fail(err)
		r.mu.Unlock()
	}
	for range r.entries { // nobody waits for what can't be written
	}
}

// Path is the file's.
func (r *Recorder) Path() string { return r.path }

// Length is how much has been recorded.
func (r *Recorder) Length() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.span.length
}

// Mark names the moment of the next snapshot.
func (r *Recorder) Mark(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(entry{Mark: name})
}

// Add records a snapshot. Its error may be of an earlier one: the recording has
// ended then, with what came before.
func (r *Recorder) Add(s *sim.Snapshot) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || r.closed {
		return r.err
	}
	if r.n == MaxSnapshots {
		r.fail(ErrFull)
		return r.err
	}
	r.n++
	r.span.add(s.At)
	r.put(entry{Snapshot: s})
	return r.err
}

// put hands an entry over; mu is held.
func (r *Recorder) put(e entry) {
	if r.closed || r.err != nil {
		return
	}
	select {
	case r.entries <- e:
	default:
		r.fail(ErrBehind)
	}
}

// Close ends the recording: the file is whole. One with nothing in it leaves no
// file.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.entries)
	}
	r.mu.Unlock()
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	if st, err := os.Stat(r.path); r.n == 0 || err == nil && st.Size() == 0 {
		r.span = span{} // nothing of it has reached the disk
		os.Remove(r.path)
	}
	return r.err
}

// fail keeps the first error; mu is held.
func (r *Recorder) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// write is the file from its first entry to its last. The header waits for the
// first snapshot, which knows the source; marks wait for the header.
func write(f io.Writer, entries <-chan entry) error {
	zip, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(zip)
	e := json.NewEncoder(out)
	var waiting []entry
	headed, flushed := false, time.Now()
	for x := range entries {
		waiting = append(waiting, x)
		if x.Snapshot == nil {
			continue
		}
		if !headed {
			headed = true
			if err := e.Encode(headerOf(x.Snapshot)); err != nil {
				return err
			}
		}
		for _, x := range waiting {
			if err := e.Encode(x); err != nil {
				return err
			}
		}
		waiting = waiting[:0]
		if time.Since(flushed) >= flushEvery {
			flushed = time.Now()
			if err := errors.Join(out.Flush(), zip.Flush()); err != nil {
				return err
			}
		}
	}
	return errors.Join(out.Flush(), zip.Close())
}

func headerOf(s *sim.Snapshot) Header {
	return Header{Schema: Schema, Recorded: time.Now().UTC().Truncate(time.Second), Kind: s.Kind, Machine: report.ThisMachine(s.Lab.Cgroup)}
}

// Tee is a source that is recorded while it is read.
type Tee struct {
	sim.Source
	out  chan *sim.Snapshot
	quit chan struct{}
	done chan struct{}
	once sync.Once
}

// NewTee records what src shows. The recording is the caller's to close, after
// the source.
func NewTee(src sim.Source, r *Recorder) *Tee {
	t := &Tee{Source: src, out: make(chan *sim.Snapshot), quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		defer close(t.out)
		for s := range src.Snapshots() {
			r.Add(s) // Close tells its error
			select {
			case t.out <- s:
			case <-t.quit: // nobody reads any more
			}
		}
	}()
	return t
}

// Snapshots implements sim.Source.
func (t *Tee) Snapshots() <-chan *sim.Snapshot { return t.out }

// Close implements sim.Source. Afterwards nothing is added to the recording.
func (t *Tee) Close() error {
	t.once.Do(func() { close(t.quit) })
	err := t.Source.Close()
	<-t.done
	return err
}
