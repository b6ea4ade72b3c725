package board

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
)

func file(t *testing.T, size int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "board"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(int64(size)); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestTwoMappings: what one process writes, the other reads.
func TestTwoMappings(t *testing.T) {
	f := file(t, Size(3))
	ours, err := Init(int(f.Fd()), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := Open(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if len(theirs.Row) != 3 {
		t.Fatalf("%d rows, want 3", len(theirs.Row))
	}
	theirs.Born(1, 4123, 100)
	theirs.Row[1].Hold(1284, 40001, CarriesFault, 200)
	r := &ours.Row[1]
	if r.Pid.Load() != 4123 || r.Request.Load() != 1284 || r.Port.Load() != 40001 || r.State.Load() != Working || r.SinceNS.Load() != 200 {
		t.Errorf("row %+v", r)
	}
	theirs.Died(1, 300)
	if r.Request.Load() != 1284 || r.Flags.Load() != CarriesFault|Dead {
		t.Error("a dead row must still tell what it held")
	}
	if ours.Started.Load() != 1 || ours.Ended.Load() != 1 || ours.Peak.Load() != 1 {
		t.Errorf("started %d, ended %d, peak %d; want 1, 1, 1", ours.Started.Load(), ours.Ended.Load(), ours.Peak.Load())
	}
	ours.Born(2, 1, 0)
	ours.Row[2].Hold(7, 1, 0, 0)
	ours.Row[2].Release(Idle, 0)
	if ours.Row[2].Request.Load() != 0 || ours.Row[2].Served.Load() != 1 {
		t.Error("a released row holds nothing and has served one")
	}
	ours.Clear()
	if ours.Ended.Load() != ours.Started.Load() || ours.Row[1].Pid.Load() != 0 {
		t.Error("a cleared board has nobody on it")
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "short": 100, "no rows": headerBytes, "not a board": Size(2)} {
		if _, err := Open(int(file(t, size).Fd())); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := Open(-1); err != syscall.EBADF {
		t.Errorf("no file: %v", err)
	}
}

func TestRowIsACacheLine(t *testing.T) {
	if n := unsafe.Sizeof(Row{}); n != 64 {
		t.Errorf("a row has %d bytes, want 64: neighbours would share a cache line", n)
	}
}

func TestStarts(t *testing.T) {
	f := file(t, Size(1))
	b, err := Init(int(f.Fd()), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range int64(StartRing + 2) {
		b.AddStart(i)
	}
	b.AddStart(-5)
	n := b.StartCount.Load()
	if n != StartRing+3 || b.Starts[1].Load() != StartRing+1 || b.Starts[2].Load() != 0 {
		t.Errorf("count %d, slots %d %d", n, b.Starts[1].Load(), b.Starts[2].Load())
	}
}

// A reader that is late misses the oldest, and knows how many there were.
func TestDurations(t *testing.T) {
	var d Durations
	var got []int64
	note := func(us int64) { got = append(got, us) }
	d.Add(5)
	d.Add(-1)
	n := d.Since(0, note)
	if n != 2 || len(got) != 2 || got[0] != 5 || got[1] != 0 {
		t.Errorf("%d: %v", n, got)
	}
	for i := range int64(StartRing + 10) {
		d.Add(i)
	}
	got = nil
	if n = d.Since(n, note); n != StartRing+12 || len(got) != StartRing || got[0] != 10 || got[StartRing-1] != StartRing+9 {
		t.Errorf("%d, %d of them, from %d", n, len(got), got[0])
	}
}
