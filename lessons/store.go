package lessons

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/adrg/xdg"
)

// Store keeps the progress in a file.
type Store struct{ Path string }

// DefaultStore is the one in the user's state folder.
func DefaultStore() Store {
	return Store{filepath.Join(xdg.StateHome, "forklore", "progress.json")}
}

// maxProgress bounds the file.
const maxProgress = 1 << 20

// BrokenError says that the progress could not be read, and where it is now.
type BrokenError struct {
	Path, Kept string
	Err        error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("the progress in %s can't be read (%v); it is kept as %s, and a new one begins", e.Path, e.Err, e.Kept)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// Load reads the progress; none is an empty one. A [BrokenError] is a warning:
// the progress that comes with it is new, and can be used.
func (s Store) Load() (*Progress, error) {
	p := &Progress{Schema: ProgressSchema}
	file, err := os.Open(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxProgress+1))
	file.Close()
	if err != nil {
		return p, err
	}
	read, err := ParseProgress(data)
	if err == nil {
		return read, nil
	}
	kept := fmt.Sprintf("%s.broken-%s", s.Path, time.Now().Format("20060102-150405.000"))
	if err := os.Rename(s.Path, kept); err != nil {
		return p, err
	}
	return p, &BrokenError{s.Path, kept, err}
}

// ParseProgress reads what [Progress.Write] wrote: for an import.
func ParseProgress(data []byte) (*Progress, error) {
	if len(data) > maxProgress {
		return nil, fmt.Errorf("more than %d bytes", maxProgress)
	}
	p := &Progress{}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(p); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	if p.Schema != ProgressSchema {
		return nil, fmt.Errorf("the schema is %q, not %s", clip(p.Schema), ProgressSchema)
	}
	for id, l := range p.Lessons {
		if l == nil || !isID(id) || !slices.Contains(rank, l.State) {
			return nil, fmt.Errorf("the lesson %q has no state", clip(id))
		}
		for q, r := range l.Recalls {
			if r == nil || r.Asked < 0 {
				return nil, fmt.Errorf("the lesson %q: the recall %q is empty", id, clip(q))
			}
		}
	}
	return p, nil
}

// Write writes the progress as JSON: for an export.
func (p *Progress) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(p)
}

// Update changes the progress: reads it, has it changed, writes it. Two labs may
// do so at the same time. Of a file that was broken the error tells, once the
// new one is written.
func (s Store) Update(change func(*Progress)) error {
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(s.Path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // and with it the lock
	if err := flock(lock); err != nil {
		return fmt.Errorf("%s: %w", lock.Name(), err)
	}
	p, err := s.Load()
	var broken *BrokenError
	if err != nil && !errors.As(err, &broken) {
		return err
	}
	change(p)
	p.Schema = ProgressSchema
	return errors.Join(s.write(p), err)
}

// flock waits for the lock; a signal that comes meanwhile does not end the wait.
func flock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}

// write replaces the file: whoever reads it sees the old one or the new one.
func (s Store) write(p *Progress) error {
	t, err := os.CreateTemp(filepath.Dir(s.Path), ".progress-*")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name()) // gone already, if all went well
	err = errors.Join(p.Write(t), t.Sync(), t.Close())
	if err != nil {
		return err
	}
	return os.Rename(t.Name(), s.Path)
}
