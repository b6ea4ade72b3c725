package trace

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/sim"
)

// moments are made-up snapshots, a tenth of a second apart, with an incident
// in every tenth of them.
func moments(n int) (list []*sim.Snapshot) {
	for i := range n {
		s := &sim.Snapshot{Kind: sim.Live, Seq: uint64(i + 1), At: time.Duration(i+10) * sim.Interval}
		s.Load = sim.Load{RatePerS: 16, Workload: "cpu 1ms", Weight: "application", Seed: 1, Arrivals: uint64(i)}
		for m := range sim.NModels {
			s.Model[m].State = sim.OK
			s.Model[m].Procs = []sim.Proc{{Pid: 100 + i, State: 'W', Request: uint64(i)}}
			s.Model[m].Recent.Histogram[3] = uint32(i)
			s.Tape.Cell[m] = []sim.Cell{sim.CellOK, sim.CellReset}
		}
		if i%10 == 5 {
			s.Events = []sim.Event{{At: s.At, Model: sim.EventLoop, What: sim.EventOpened, Pid: 7, Text: "crash"}}
			s.Current = []sim.Incident{{N: i, Fault: sim.FaultCrash, Model: sim.EventLoop, At: s.At, Lost: 3}}
		}
		list = append(list, s)
	}
	return list
}

// recording is a file of these moments; marked are the names of some.
func recording(t testing.TB, list []*sim.Snapshot, marked map[int]string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a.jsonl.gz")
	r, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range list {
		if marked[i] != "" {
			r.Mark(marked[i])
		}
		for len(r.entries) == cap(r.entries) { // faster than ten a second
			time.Sleep(time.Millisecond)
		}
		if err := r.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) (*Trace, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return Read(f)
}

// TestWhole: what was shown is shown again, all of it, and says that it is a
// recording.
func TestWhole(t *testing.T) {
	list := moments(40)
	tr, err := read(t, recording(t, list, map[int]string{0: "calm", 20: "crash"}))
	if err != nil {
		t.Fatal(err)
	}
	if tr.Cut != nil || tr.Kind != sim.Live || tr.Length() != 39*sim.Interval || !cmp.Equal(tr.Marks(), []string{"calm", "crash"}) {
		t.Errorf("cut: %v, of %s, %v long, marks %q", tr.Cut, tr.Kind, tr.Length(), tr.Marks())
	}
	r := Play(tr, Options{})
	defer r.Close()
	for i, want := range list {
		got := <-r.Snapshots()
		p := got.Played
		if got.Kind != sim.Replay || p == nil || p.At != time.Duration(i)*sim.Interval || p.Length != tr.Length() || p.Where == "" {
			t.Fatalf("moment %d is %s, %+v", i, got.Kind, p)
		}
		got.Kind, got.Played = sim.Live, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("moment %d (-recorded +played):\n%s", i, diff)
		}
	}
	if last := <-r.Snapshots(); !last.Played.Paused || last.Played.At != tr.Length() {
		t.Errorf("after the last moment: %+v; want it to stand", last.Played)
	}
}

// TestReset: a source's clock that begins anew does not turn the recording's back.
func TestReset(t *testing.T) {
	list := append(moments(20), moments(20)...)
	tr, err := read(t, recording(t, list, nil))
	if err != nil {
		t.Fatal(err)
	}
	if tr.Length() != 39*sim.Interval {
		t.Errorf("%v long, want %v", tr.Length(), 39*sim.Interval)
	}
}

// TestCommands: where a recording can be told to go, and what it refuses.
func TestCommands(t *testing.T) {
	tr, err := read(t, recording(t, moments(40), map[int]string{20: "crash"}))
	if err != nil {
		t.Fatal(err)
	}
	r := Play(tr, Options{})
	defer r.Close()
	do := func(c sim.Command) {
		t.Helper()
		if err := r.Do(c); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	// at waits until a moment is shown.
	at := func(moment int, paused bool) {
		t.Helper()
		var s *sim.Snapshot
		for range 20 {
			s = <-r.Snapshots()
			if s.Played.At == time.Duration(moment)*sim.Interval && s.Played.Paused == paused {
				return
			}
		}
		t.Fatalf("%+v is shown; want moment %d, paused %v", s.Played, moment, paused)
	}
	do(sim.Command{Pause: true})
	do(sim.Command{Jump: &sim.Jump{Mark: "crash"}})
	at(20, false) // a step that is asked for is played
	do(sim.Command{Pause: true})
	do(sim.Command{Jump: &sim.Jump{By: time.Nanosecond}})
	do(sim.Command{Jump: &sim.Jump{Mark: "crash"}})
	do(sim.Command{Pause: true})
	at(20, true)
	do(sim.Command{Jump: &sim.Jump{Moments: -2}})
	at(18, true)
	do(sim.Command{Jump: &sim.Jump{Incidents: 1}})
	at(25, true)
	do(sim.Command{Jump: &sim.Jump{Incidents: -1}})
	at(15, true)
	do(sim.Command{Jump: &sim.Jump{By: time.Second}})
	at(25, true)
	do(sim.Command{Jump: &sim.Jump{By: -time.Hour}})
	at(0, true)
	do(sim.Command{Jump: &sim.Jump{By: time.Hour}})
	at(39, true)
	if err := r.Do(sim.Command{Jump: &sim.Jump{Incidents: 1}}); !errors.Is(err, sim.ErrUnsupported) {
		t.Errorf("no more incidents: %v", err)
	}
	if err := r.Do(sim.Command{Jump: &sim.Jump{Mark: "leak"}}); !errors.Is(err, sim.ErrUnsupported) {
		t.Errorf("a mark that there is not: %v", err)
	}
	do(sim.Command{Pause: true}) // at its end: once more
	at(1, false)
	for _, c := range []sim.Command{{Rate: 32}, {Undo: true}, {Reset: true}, {Inject: &sim.Inject{Fault: sim.FaultCrash}}} {
		if err := r.Do(c); !errors.Is(err, sim.ErrUnsupported) {
			t.Errorf("%+v: %v; want that it is not possible", c, err)
		}
	}
	r.Close()
	if err := r.Do(sim.Command{Pause: true}); !errors.Is(err, sim.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestEvents: an event is told once, however long its moment is looked at; after a
// jump all are that have happened by then, and none that has not.
func TestEvents(t *testing.T) {
	tr, err := read(t, recording(t, moments(40), nil))
	if err != nil {
		t.Fatal(err)
	}
	r := Play(tr, Options{})
	defer r.Close()
	if err := errors.Join(r.Do(sim.Command{Pause: true}), r.Do(sim.Command{Jump: &sim.Jump{By: 2500 * time.Millisecond}})); err != nil {
		t.Fatal(err)
	}
	var events []sim.Event
	for told := 0; told < 5; {
		s := <-r.Snapshots()
		if s.Played.Jumped {
			events = nil
		}
		events = append(events, s.Events...)
		if s.Played.At == 2500*time.Millisecond {
			told++
		}
	}
	var at []time.Duration
	for _, e := range events {
		at = append(at, e.At)
	}
	if diff := cmp.Diff([]time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond, 3500 * time.Millisecond}, at); diff != "" {
		t.Errorf("events of, by the lab's clock (-want +got):\n%s", diff)
	}
	if err := r.Do(sim.Command{Jump: &sim.Jump{Incidents: -1}}); err != nil {
		t.Fatal(err)
	}
	for {
		if s := <-r.Snapshots(); s.Played.Jumped {
			if len(s.Events) != 2 {
				t.Errorf("an incident back: %d events, want 2", len(s.Events))
			}
			break
		}
	}
}

// TestStops: a recording for a stage stands still before each mark, until it is
// told to go on.
func TestStops(t *testing.T) {
	tr, err := read(t, recording(t, moments(9), map[int]string{0: "calm", 3: "crash", 6: "leak"}))
	if err != nil {
		t.Fatal(err)
	}
	r := Play(tr, Options{Stops: true})
	defer r.Close()
	until := func(moment int, mark string, paused bool) {
		t.Helper()
		var p *sim.Played
		for range 20 {
			if p = (<-r.Snapshots()).Played; p.At == time.Duration(moment)*sim.Interval && p.Paused == paused && p.Mark == mark {
				return
			}
		}
		t.Fatalf("%+v is shown; want moment %d of %s, paused %v", p, moment, mark, paused)
	}
	if err := errors.Join(r.Do(sim.Command{Pause: true}), r.Do(sim.Command{Pause: true})); err != nil {
		t.Fatal(err) // stopped and on again in the middle of a step: that is not beyond its end
	}
	until(2, "calm", true)
	if err := r.Do(sim.Command{Pause: true}); err != nil {
		t.Fatal(err)
	}
	until(3, "crash", false)
	until(5, "crash", true)
	if err := r.Do(sim.Command{Jump: &sim.Jump{Mark: "leak"}}); err != nil {
		t.Fatal(err)
	}
	until(6, "leak", false)
	until(8, "leak", true)
	from := Play(tr, Options{From: "crash"})
	defer from.Close()
	if s := <-from.Snapshots(); s.Played.Mark != "crash" || !s.Played.Jumped {
		t.Errorf("from crash on: %+v", s.Played)
	}
}

// TestCut: of a file that ends anywhere, what is whole is played; if nothing is,
// it is refused in one line.
func TestCut(t *testing.T) {
	whole, err := os.ReadFile(recording(t, moments(30), nil))
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for n := range len(whole) {
		tr, err := Read(bytes.NewReader(whole[:n]))
		switch {
		case err == nil && tr.Cut == nil:
			t.Errorf("%d of %d bytes are taken for the whole file", n, len(whole))
		case err == nil:
			played++
			r := Play(tr, Options{})
			if s := <-r.Snapshots(); !strings.HasPrefix(s.Played.Where, "without its end") {
				t.Errorf("%d bytes: nothing says that there were more: %q", n, s.Played.Where)
			}
			r.Close()
		case strings.Contains(err.Error(), "\n"):
			t.Errorf("%d bytes: %q is not one line", n, err)
		}
	}
	if played == 0 {
		t.Error("no cut file was played")
	}
	if tr, err := Read(bytes.NewReader(whole)); err != nil || tr.Cut != nil {
		t.Errorf("the whole file: %v", err)
	}
}

// TestDamaged: what stands before the damage is played.
func TestDamaged(t *testing.T) {
	whole, err := os.ReadFile(recording(t, moments(200), nil))
	if err != nil {
		t.Fatal(err)
	}
	const head = `{"schema":"forklore/trace/v1"}` + "\n"
	middle := bytes.Clone(whole)
	for i := len(middle) / 2; i < len(middle)/2+8; i++ {
		middle[i] ^= 0xff
	}
	for name, file := range map[string][]byte{
		"zeros at the end":    append(bytes.Clone(whole), make([]byte, 4096)...),
		"a wrong checksum":    append(bytes.Clone(whole[:len(whole)-8]), 0, 0, 0, 0, 0, 0, 0, 0),
		"in the middle":       middle,
		"a line that is no":   zipped(head + `{"snapshot":{"At":1}}` + "\nhello\n").Bytes(),
		"a mark, and no more": zipped(head + `{"snapshot":{"At":1}}` + "\n" + `{"mark":"calm"}` + "\n{").Bytes(),
		"nothing in a line":   zipped(head + `{"snapshot":{"At":1}}` + "\n" + strings.Repeat("{}\n", 1000)).Bytes(),
	} {
		tr, err := Read(bytes.NewReader(file))
		if err != nil || tr.Cut == nil || len(tr.lines) == 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, m := range tr.marks {
			if m.at >= len(tr.lines) {
				t.Errorf("%s: a mark of moment %d, of %d", name, m.at, len(tr.lines))
			}
		}
	}
}

// TestTame: nothing that a file has in it moves the cursor, is endless, or overflows.
func TestTame(t *testing.T) {
	s := moments(1)[0]
	s.Current = []sim.Incident{{Fault: "x\x1b]0;owned\x07\u009b31m\r\n\u202e\u2028", Lost: -1 << 63, At: 1<<63 - 1, SlopeBPS: -1e300}}
	s.Armed = &sim.Armed{Waits: strings.Repeat("w", 1<<20)}
	s.Tape.PerCell, s.Load.RatePerS = 1<<64-1, 1e308
	r := Play(&Trace{lines: []line{{json: mustJSON(t, s)}}}, Options{})
	defer r.Close()
	got := <-r.Snapshots()
	i := got.Current[0]
	if i.Fault != "x]0;owned31m  " {
		t.Errorf("a text came as %q", i.Fault)
	}
	if i.Lost != -mostInt || i.At != mostInt || i.SlopeBPS != -mostFloat || got.Tape.PerCell != mostInt || got.Load.RatePerS != mostFloat || len(got.Armed.Waits) != mostText {
		t.Errorf("%+v, a cell of %d, %v a second, %d bytes", i, got.Tape.PerCell, got.Load.RatePerS, len(got.Armed.Waits))
	}
}

func mustJSON(t *testing.T, s *sim.Snapshot) []byte {
	t.Helper()
	text, err := json.Marshal(entry{Snapshot: s})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// zipped is what a file has to be.
func zipped(text string) *bytes.Buffer {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return &b
}

// TestBad: what is no recording is refused, and the reason names the line.
func TestBad(t *testing.T) {
	const head = `{"schema":"forklore/trace/v1","recorded":"2026-11-28T12:00:00Z","kind":"live"}` + "\n"
	for _, c := range []struct {
		text string
		is   error
		want string
	}{
		{"", ErrEmpty, "has no moment in it"},
		{head, ErrEmpty, "has no moment in it"},
		{head + `{"mark":"calm"}` + "\n", ErrEmpty, "has no moment in it"},
		{`{"schema":"forklore/trace/v2"}` + "\n", ErrNewer, `its schema is "forklore/trace/v2", this program reads forklore/trace/v1`},
		{`{"schema":"asciicast"}` + "\n", ErrNoTrace, `line 1: the schema is "asciicast"; must be forklore/trace/v1`},
		{"hello\n", ErrNoTrace, "line 1: "},
		{head + "hello\n", ErrNoTrace, "line 2: "},
		{head + `{"snapshot":{"At":"now"}}` + "\n", ErrNoTrace, "line 2: "},
		{head + `{"snapshot":{"Current":[{"Model":4}]}}` + "\n", ErrNoTrace, "line 2: an incident in model 4; there are 4"},
		{head + `{"snapshot":{"Events":[{"Model":-1}]}}` + "\n", ErrNoTrace, "line 2: an event in model -1"},
		{head + "{}\n", ErrNoTrace, "line 2: neither a mark nor a snapshot, or both"},
		{head + "null\n", ErrNoTrace, "line 2: neither"},
		{head + `{"mark":"a","snapshot":{"At":1}}` + "\n", ErrNoTrace, "line 2: neither"},
		{head + `{"mark":"` + strings.Repeat("a", 65) + `"}` + "\n", ErrNoTrace, "line 2: a mark of 65 bytes"},
		{head + strings.Repeat(`{"mark":"a"}`+"\n", 101), ErrNoTrace, "line 102: more than 100 marks"},
		{head + `{"snapshot":{"Current":[` + strings.Repeat("{},", 1000) + `{}]}}` + "\n", ErrNoTrace, "line 2: 1001 incidents; at most 1000 are kept"},
		{head + `{"snapshot":{"At":` + strings.Repeat("9", 10000) + `}}` + "\n", ErrNoTrace, "line 2: "},
		{`{"schema":"forklore/trace/v0"}` + "\n", ErrNoTrace, "must be forklore/trace/v1"},
		{head + `{"snapshot":{"At":-1}}` + "\n", ErrNoTrace, "line 2: a moment at -1ns"},
		{head + strings.Repeat("x", maxLine+1) + "\n", ErrNoTrace, "line 2: more than 512 KiB"},
		{head + strings.Repeat(`{"snapshot":{"At":1}}`+"\n", MaxSnapshots+1), ErrTooLong, "at most half an hour"},
	} {
		_, err := Read(zipped(c.text))
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 {
			t.Errorf("%.60q: %v; want %q", c.text, err, c.want)
		}
	}
	if _, err := Read(strings.NewReader("no gzip")); !errors.Is(err, ErrNoTrace) {
		t.Errorf("no gzip: %v", err)
	}
}

// FuzzRead: whatever a file has in it, it can be played or is refused.
func FuzzRead(f *testing.F) {
	file, err := os.Open(recording(f, moments(3), map[int]string{1: "x"}))
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		f.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(strings.Replace(string(text), `"At":`, `"At":`+strings.Repeat("9", 5000), 1))
	for _, old := range []string{`"At":`, `"Model":[`, `"mark":"x"`, `"Cell":[`, `"Procs":[`} {
		f.Add(strings.ReplaceAll(string(text), old, old+"-9"))
		f.Add(strings.Replace(string(text), old, "null", 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		tr, err := Read(zipped(text))
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
				t.Fatalf("%q is not one clear line", err)
			}
			return
		}
		r := Play(tr, Options{})
		defer r.Close()
		r.Do(sim.Command{Jump: &sim.Jump{By: time.Hour}})
		<-r.Snapshots()
	})
}

// TestFiles: a recording never takes another file's place, and one with nothing
// in it is none.
func TestFiles(t *testing.T) {
	path := recording(t, moments(2), nil)
	if _, err := Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file that is there: %v", err)
	}
	r, err := Create(path + "2")
	if err != nil {
		t.Fatal(err)
	}
	r.Mark("calm")
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + "2"); !os.IsNotExist(err) {
		t.Errorf("an empty recording left a file: %v", err)
	}
}

// full is a disk with no room.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestFull: a disk that is full ends the recording, and the next snapshot says so.
func TestFull(t *testing.T) {
	entries := make(chan entry, 2000)
	for _, s := range moments(1000) {
		entries <- entry{Snapshot: s}
	}
	close(entries)
	if err := write(full{}, entries); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
	r := &Recorder{entries: make(chan entry, 64), done: make(chan struct{})}
	go r.writeTo(fullFile{})
	var err error
	for _, s := range moments(5000) {
		for len(r.entries) == cap(r.entries) && err == nil {
			time.Sleep(time.Millisecond)
		}
		if err = r.Add(s); err != nil {
			break
		}
	}
	if !errors.Is(err, errFull) || !errors.Is(r.Close(), errFull) {
		t.Errorf("a full disk: %v", err)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full")
	}
	link := filepath.Join(t.TempDir(), "full")
	if err := os.Symlink("/dev/full", link); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(link); err == nil {
		t.Error("a link was followed")
	}
}

type fullFile struct{ full }

func (fullFile) Close() error { return nil }

// made is a source whose snapshots a test makes.
type made struct {
	snaps chan *sim.Snapshot
}

func (m *made) Snapshots() <-chan *sim.Snapshot { return m.snaps }
func (m *made) Do(sim.Command) error            { return nil }
func (m *made) Close() error                    { close(m.snaps); return nil }

// TestTee: who reads a source has it recorded, and may stop reading.
func TestTee(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tee.jsonl.gz")
	r, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	src := &made{make(chan *sim.Snapshot, 100)}
	list := moments(30)
	for _, s := range list {
		src.snaps <- s
	}
	tee := NewTee(src, r)
	for i := range 20 {
		if s := <-tee.Snapshots(); s != list[i] {
			t.Fatalf("moment %d is another one", i)
		}
	}
	if err := errors.Join(tee.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	tr, err := read(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.lines) < 20 {
		t.Errorf("%d moments are recorded, and 20 were read", len(tr.lines))
	}
}

func BenchmarkAdd(b *testing.B) {
	list := moments(100)
	path := filepath.Join(b.TempDir(), "a")
	r, err := Create(path)
	if err != nil {
		b.Fatal(err)
	}
	for i := range b.N {
		for len(r.entries) == cap(r.entries) {
			time.Sleep(100 * time.Microsecond)
		}
		r.Add(list[i%100])
	}
	r.Close()
}
