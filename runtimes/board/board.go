// Package board is one shared mapping per runtime: what its processes are
// doing, a row for each worker, call or connection, as in Apache's scoreboard.
//
// The lab makes it (a memfd; an unlinked file where there is none), the
// runtime's processes inherit it as descriptor [role.BoardFD] and write to it,
// the lab reads it ten times a second. It outlives the process that dies, so
// whoever waits for the dead can read in it which requests they held.
//
// Cost: a few stores a request; no system call, no message.
// May not enter: anything that a worker doesn't need; imports are syscall,
// sync/atomic and unsafe.
//
// A row is written by one process at a time. A reader may see a row half
// changed, for the screen that is good enough; for the ledger it is read after
// the writer's death.
package board

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Apache's scoreboard letters (mod_status), as far as they mean something here.
const (
	Empty     = '.' // open slot with no current process
	Idle      = '_' // waiting for connection
	Starting  = 'S' // starting up
	Reading   = 'R' // reading request
	Working   = 'W' // sending reply: from the first step of the request to its last byte
	KeepAlive = 'K' // keepalive (read)
	Closing   = 'C' // closing connection
	Graceful  = 'G' // gracefully finishing
	Frozen    = 'z' // a sandbox that is stopped until its next call; ours, not Apache's
)

// Flags of a row.
const (
	CarriesFault   = 1 << iota // the request carries a fault step
	ExecutingFault             // that step has begun
	Dead                       // the process has ended; the row shows what it held
	Hung                       // and was ended by its own parent, for taking too long
	Reused                     // the process has served another request before this one
)

// StartRing is the number of start-up durations that are kept for the reader.
const StartRing = 1024

// Header is the mapping's first page and a bit: counters of the whole runtime.
// All are cumulative unless their name says "now".
type Header struct {
	Magic    uint64
	Rows     uint64
	Started  atomic.Uint64 // serving processes started (calls, workers, loop processes)
	Ended    atomic.Uint64 // serving processes ended
	Peak     atomic.Uint64 // most serving processes alive at once
	Accepted atomic.Uint64 // connections accepted
	Answered atomic.Uint64 // responses completely written
	Rejected atomic.Uint64 // answered 503 or 429, or by an event loop closed unanswered: over the limit
	QueueNow atomic.Uint64 // requests that wait for a place
	QueueMax atomic.Uint64
	LagNowUS atomic.Uint64 // event loop: how late its timer was, last
	LagMaxUS atomic.Uint64
	OOMKills atomic.Uint64 // kernel OOM kills seen in groups that are gone (a call's own group)
	Leftover atomic.Uint64 // things that could not be cleaned up after a call
	// Generation of a prefork pool: a worker that was born in another one
	// finishes what it holds and leaves (Apache's running_generation).
	Generation atomic.Uint64
	_          uint64
	// Start-up durations in microseconds: from the fork to the application's
	// being ready (its weight paid). Starts[i%StartRing] is start number i.
	StartCount atomic.Uint64
	Starts     [StartRing]atomic.Uint32
	// Of a container host. Starts are the cold ones: of a sandbox, from the
	// fork. A warm start is what a call waits for a sandbox that was there,
	// from the decision to use it until the function has the call.
	ColdCalls  atomic.Uint64 // calls that waited for a sandbox to be made
	WarmStarts Durations
	Calls      Durations // of the function alone: from its start to the end of its output
	Destroys   Durations // of a sandbox, from the end of its last call
}

// Durations are the newest of a kind, in microseconds, and how many there were.
type Durations struct {
	count atomic.Uint64
	us    [StartRing]atomic.Uint32
}

// Add notes one. Several processes may call it at once.
func (d *Durations) Add(us int64) {
	i := d.count.Add(1) - 1
	d.us[i%StartRing].Store(uint32(min(max(us, 0), 1<<32-1)))
}

// Count is how many there were.
func (d *Durations) Count() uint64 { return d.count.Load() }

// Since calls f for those that came after the first n, as far as they are
// still there, and returns how many there are now.
func (d *Durations) Since(n uint64, f func(us int64)) (now uint64) {
	now = d.count.Load()
	if now-n > StartRing {
		n = now - StartRing // the oldest have been written over
	}
	for ; n < now; n++ {
		f(int64(d.us[n%StartRing].Load()))
	}
	return now
}

// Row is what one worker, call or connection is doing. 64 bytes, a cache line.
type Row struct {
	Request atomic.Uint64 // id of the request it holds, 0 if none
	SinceNS atomic.Int64  // CLOCK_MONOTONIC of the last change of State
	BornNS  atomic.Int64  // CLOCK_MONOTONIC at the process's start
	Served  atomic.Uint64 // requests answered by this process
	Pid     atomic.Int32
	Port    atomic.Uint32 // client's port
	State   atomic.Uint32 // a letter
	Flags   atomic.Uint32
	LeakKiB atomic.Uint64 // leaked so far by this process
	ReadyNS atomic.Int64  // CLOCK_MONOTONIC when a worker had started up
}

const (
	magic    = 0x31_65_72_6f_6c_6b_72_66 // "frklore1"
	rowBytes = int(unsafe.Sizeof(Row{}))
	// MaxRows bounds a board: an event loop's 10,000 connections and some.
	MaxRows = 16384
)

// headerBytes is the header's size, rounded up to whole pages of 4 KiB.
const headerBytes = (int(unsafe.Sizeof(Header{})) + 4095) &^ 4095

// Board is a mapping of one.
type Board struct {
	*Header
	Row []Row
	mem []byte
}

// Size is the number of bytes of a board of that many rows.
func Size(rows int) int { return headerBytes + rows*rowBytes }

// Init maps a new board of the size's rows. The descriptor's file must have
// Size(rows) bytes, all zero.
func Init(fd, rows int) (*Board, error) {
	b, err := mapBoard(fd, rows)
	if err != nil {
		return nil, err
	}
	b.Header.Rows = uint64(rows)
	b.Magic = magic
	for i := range b.Row {
		b.Row[i].State.Store(Empty)
	}
	return b, nil
}

// Open maps the board that a role inherited.
func Open(fd int) (*Board, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return nil, err
	}
	rows := (int(st.Size) - headerBytes) / rowBytes
	if rows < 1 || rows > MaxRows {
		return nil, syscall.EINVAL
	}
	b, err := mapBoard(fd, rows)
	if err != nil {
		return nil, err
	}
	if b.Magic != magic {
		return nil, syscall.EINVAL
	}
	return b, nil
}

func mapBoard(fd, rows int) (*Board, error) {
	mem, err := syscall.Mmap(fd, 0, Size(rows), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &Board{
		Header: (*Header)(unsafe.Pointer(&mem[0])),
		Row:    unsafe.Slice((*Row)(unsafe.Pointer(&mem[headerBytes])), rows),
		mem:    mem,
	}, nil
}

// Close unmaps it. The rows must not be used after.
func (b *Board) Close() error { return syscall.Munmap(b.mem) }

// AddStart notes how long a serving process took to be ready. Several workers
// may call it at once: each takes a place of its own.
func (b *Board) AddStart(us int64) {
	i := b.StartCount.Add(1) - 1
	b.Starts[i%StartRing].Store(uint32(min(max(us, 0), 1<<32-1)))
}

// Born counts a serving process's start, and writes its row.
func (b *Board) Born(row int, pid int, now int64) {
	r := &b.Row[row]
	r.Request.Store(0)
	r.Served.Store(0)
	r.LeakKiB.Store(0)
	r.ReadyNS.Store(0)
	r.Port.Store(0)
	r.Flags.Store(0)
	r.BornNS.Store(now)
	r.Pid.Store(int32(pid))
	r.Set(Starting, now)
	started, ended := b.Started.Add(1), b.Ended.Load()
	if alive := started - ended; alive > b.Peak.Load() && alive < 1<<32 {
		b.Peak.Store(alive)
	}
}

// Died counts a serving process's end, and leaves its last request readable.
func (b *Board) Died(row int, now int64) {
	r := &b.Row[row]
	r.Flags.Store(r.Flags.Load() | Dead)
	r.Set(Empty, now)
	b.Ended.Add(1)
}

// Clear empties every row after the top process's death: who wrote to it is gone.
func (b *Board) Clear() {
	for i := range b.Row {
		r := &b.Row[i]
		r.Request.Store(0)
		r.Flags.Store(0)
		r.Pid.Store(0)
		r.LeakKiB.Store(0)
		r.State.Store(Empty)
	}
	b.Ended.Store(b.Started.Load())
	b.QueueNow.Store(0)
	b.LagNowUS.Store(0)
}

// Reset forgets what was counted. Nobody may be writing.
func (b *Board) Reset() {
	for _, n := range []*atomic.Uint64{&b.Started, &b.Ended, &b.Peak, &b.Accepted, &b.Answered, &b.Rejected,
		&b.ColdCalls, &b.QueueNow, &b.QueueMax, &b.LagNowUS, &b.LagMaxUS, &b.OOMKills, &b.Leftover} {
		n.Store(0)
	}
}

// Set changes the state letter.
func (r *Row) Set(state uint32, now int64) {
	r.SinceNS.Store(now)
	r.State.Store(state)
}

// Hold notes the request before its first step.
func (r *Row) Hold(id uint64, port uint16, flags uint32, now int64) {
	r.Port.Store(uint32(port))
	r.Flags.Store(flags)
	r.Request.Store(id)
	r.Set(Working, now)
}

// Release clears it after the last byte.
func (r *Row) Release(state uint32, now int64) {
	r.Served.Add(1)
	r.Request.Store(0)
	r.Flags.Store(0)
	r.Port.Store(0)
	r.Set(state, now)
}
