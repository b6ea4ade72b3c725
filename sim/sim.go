// Package sim is the experiment: what every source of figures offers and every
// consumer reads.
//
//	runtimes (real processes)   sim/model (discrete events)   sim/trace (a recording)
//	           \                           |                          /
//	            sim/live ------------- sim.Source --------------- replay
//	                                       |
//	                        a Snapshot ten times a second
//	                                       |
//	            ui (screen)   lessons (checks)   trace (record)   run --json
//	                                       |
//	                       Command: rate, pause, inject, reset
//
// Costs nothing by itself: it holds types. A snapshot is made ten times a
// second, whatever the traffic; nothing here is made per request.
// May not enter: processes, sockets, clocks, words that depend on a language.
package sim

import (
	"errors"
	"time"
)

// Model is one of the four ways to serve a request. The numbers are the
// columns of the screen and the keys 1 to 4.
type Model int

// The four models.
const (
	CGI Model = iota
	Prefork
	EventLoop
	Container
	NModels
)

var modelNames = [NModels]string{"cgi", "prefork", "eventloop", "container"}

// String is the model's name on the command line and in JSON.
func (m Model) String() string {
	if m < 0 || m >= NModels {
		return "model?"
	}
	return modelNames[m]
}

// ParseModel is String's other direction.
func ParseModel(s string) (Model, bool) {
	for m, name := range modelNames {
		if s == name {
			return Model(m), true
		}
	}
	return 0, false
}

// Models is a set of models.
type Models uint8

// AllModels has every model.
const AllModels Models = 1<<NModels - 1

// Has reports whether the model is in the set.
func (s Models) Has(m Model) bool { return s&(1<<m) != 0 }

// With returns the set with the model in it.
func (s Models) With(m Model) Models { return s | 1<<m }

// Kind says where a source's figures come from. It is always on the screen.
type Kind string

// The kinds of sources.
const (
	Live      Kind = "live"
	Simulated Kind = "simulated"
	Replay    Kind = "replay"
)

// Source is where figures come from: real processes, a model, a recording.
type Source interface {
	// Snapshots delivers a snapshot every 100 ms, always the newest: a reader
	// that is late misses some, but no Event, those wait for it. The channel
	// is closed when the source has ended.
	Snapshots() <-chan *Snapshot
	// Do carries a command out, or says why not: then it changed nothing. It
	// returns at once; what comes of it is in the next snapshots.
	Do(Command) error
	// Close ends the source and everything that it started.
	Close() error
}

// MinRate and MaxRate are the bounds of the arrivals per second.
const MinRate, MaxRate = 0.1, 5000.0

// Interval is the time between two snapshots.
const Interval = 100 * time.Millisecond

// Snapshot is the state of the whole experiment at one moment. It is not
// changed once it has been delivered: any number of readers may hold it.
type Snapshot struct {
	Kind    Kind
	Seq     uint64
	At      time.Duration // since the start
	Load    Load
	Model   [NModels]ModelState
	Tape    Tape
	Armed   *Armed     // a fault waits for steady state, or for its carrier
	Active  []Active   // faults that are in force now
	Coming  Models     // where the carrier of a crash is on its way to it
	Current []Incident // open ones and those closed lately, oldest first
	Events  []Event    // since the snapshot before
	Lab     Lab
	// Unattributed counts failed requests that no incident explains.
	Unattributed uint64
	Played       *Played // of a recording that is shown; nil: it happens now
}

// Played is where in a recording a snapshot is.
type Played struct {
	At, Length time.Duration
	Paused     bool
	Where      string // when, and on what machine
	Mark       string // the newest one that has been passed, "" before the first
	// Jumped: it does not follow the snapshot before. Its Events are all of those up
	// to here, as far as they are kept.
	Jumped bool
}

// Load is the traffic.
type Load struct {
	RatePerS float64
	RateWhy  string // which rule set it, if --rate auto did
	Paused   bool
	Stopped  bool // no arrivals any more; what is in flight goes on
	Workload string
	Weight   string
	Seed     uint64
	Arrivals uint64
}

// State is a model's state in a word.
type State string

// The states. The screen has a glyph, a word and a colour for each.
const (
	Off         State = "off"         // not part of this run
	Unavailable State = "unavailable" // can't run here; Why says what is missing
	Starting    State = "starting"
	OK          State = "ok"
	Losing      State = "losing"     // requests fail, or processes die, but it answers
	Down        State = "down"       // nobody listens
	Recovering  State = "recovering" // up again, not yet steady
)

// ModelState is one column.
type ModelState struct {
	State   State
	Why     string // for Unavailable and Down: the reason, in English, one line
	Address string // "127.0.0.1:40401"
	Procs   []Proc // serving processes, each in a stable slot; the parent or host is apart
	Parent  *Proc  // prefork's parent, the CGI and the container host; nil for the event loop
	// Counts of serving processes, without parent and host.
	ProcsNow, ProcsPeak      int
	ProcsStarted, ProcsEnded uint64
	// Aggregate: the source has no single processes to show, only counts.
	Aggregate bool

	Memory   Memory
	Requests Requests
	Recent   Recent
	Latency  Quantiles // of the answered requests, since the start
	InFlight int
	Workers  int     // size of the pool, for prefork
	Busy     int     // workers with a request
	Queue    int     // requests that wait for a place (CGI and container hosts)
	LagMS    float64 // event loop
	LagMaxMS float64
	StartMS  Quantiles // start-up of a call (CGI, container), of a worker, of the loop
	CPU      time.Duration
	Restarts uint64

	// Of the container:
	Mode        string    // what becomes of its sandboxes
	Modes       []string  // those that it can be in
	WarmStartMS Quantiles // what a call waited for a sandbox that was there; StartMS has those that had to be made
	CallMS      Quantiles // of the function alone
	DestroyMS   Quantiles // of a sandbox, after its last call
	ColdShare   float64   // of the calls, those that waited for a sandbox to be made
}

// What becomes of the container's sandboxes.
const (
	ModeFresh     = "fresh"     // made for a call and destroyed after it
	ModePrewarmed = "prewarmed" // made ahead, used once
	ModeWarm      = "warm"      // frozen after a call, and used again
)

// Proc is one process. State is a scoreboard letter (runtimes/board): S
// starting, W working, _ idle, z frozen, R reading, K keep-alive, X dead (shown
// for half a second); 0 is an empty slot.
type Proc struct {
	Pid     int
	State   byte
	Request uint64
	Leaky   bool // holds leaked memory
	Since   time.Duration
}

// Memory is a runtime's memory. Bytes is the headline: what counts against
// the limit, less what the kernel can take back at once (inactive file pages).
type Memory struct {
	Bytes, PeakBytes, LimitBytes      int64
	AnonBytes, FileBytes, KernelBytes int64
	PidsNow, PidsPeak                 int64 // threads count here
	OOMKills                          uint64
	Source                            string // "cgroup v2", "cgroup v1", "pss"
}

// Requests are counts since the start. Sent is the sum of the others, always.
type Requests struct {
	Sent, OK, ErrorStatus, Reset, Refused, Timeout, InFlight uint64
	// Local counts arrivals that never left the lab: no descriptor, no port,
	// over the client's limit. They are not part of Sent.
	Local uint64
}

// Failed is the number of requests that ended badly.
func (r Requests) Failed() uint64 { return r.ErrorStatus + r.Reset + r.Refused + r.Timeout }

// Recent are figures of the last ten seconds.
type Recent struct {
	AnsweredPerS float64
	OKShare      float64 // of what ended; 1 when nothing did
	Ended        uint64  // how many requests the figures rest on
	Latency      Quantiles
	Histogram    Histogram // of the same latencies
}

// Quantiles of a duration, in milliseconds. N is how many it rests on.
type Quantiles struct {
	P50, P90, P99, Max float64
	N                  uint64
}

// Cell is the fate of one request in one model (or the worst of k).
type Cell byte

// The fates, from best to worst.
const (
	CellNone    Cell = ' '
	CellOpen    Cell = 'o'
	CellOK      Cell = '.'
	CellLeak    Cell = 'l' // carried a leak, answered
	CellLate    Cell = '~'
	CellWrong   Cell = '?' // answered with another's data
	CellTimeout Cell = 't'
	CellError   Cell = 'e' // an error status, not its own fault
	CellRefused Cell = 'x'
	CellReset   Cell = 'X'
	CellFault   Cell = '@' // failed by the fault that it carried
)

// TapeLen is how many cells a tape keeps.
const TapeLen = 240

// Tape is the fates of the last requests, on one axis: Cell[m][i] is request
// First + i*PerCell in every model m, the newest last.
type Tape struct {
	First   uint64
	PerCell uint64 // a cell shows the worst of so many requests
	Cell    [NModels][]Cell
}

// Fault names a fault of the catalogue.
type Fault string

// The faults. sim/fault says of each what it does, how hard, how long.
const (
	FaultCrash       Fault = "crash"
	FaultSegv        Fault = "segv"
	FaultExit        Fault = "exit"
	FaultOOM         Fault = "oom"
	FaultKill        Fault = "kill"
	FaultLeak        Fault = "leak"
	FaultFDLeak      Fault = "fd-leak"
	FaultBleed       Fault = "bleed"
	FaultHang        Fault = "hang"
	FaultSpin        Fault = "spin"
	FaultForkBomb    Fault = "fork-bomb"
	FaultSlowClient  Fault = "slow-client"
	FaultSlowBackend Fault = "slow-backend"
	FaultDeadBackend Fault = "dead-backend"
	FaultBurst       Fault = "burst"
	FaultRetryStorm  Fault = "retry-storm"
	// FaultOutside is a death that nobody in the lab asked for: a kill from
	// a shell, a bug.
	FaultOutside Fault = "outside"
)

// Occupies: who carries it is held up by it, and not by others.
func (f Fault) Occupies() bool {
	return f == FaultSpin || f == FaultHang || f == FaultForkBomb
}

// Armed is a fault that will be injected as soon as it can be.
type Armed struct {
	Fault  Fault
	Models Models
	Waits  string // WaitsSteady, WaitsRequest, WaitsTurn
	For    time.Duration
}

// What an armed fault waits for.
const (
	WaitsSteady  = "steady state"
	WaitsRequest = "the next request"
	WaitsTurn    = "its turn" // it presses on the machine: one model at a time
)

// Active is a fault in force.
type Active struct {
	N        int // its incidents have the same
	Fault    Fault
	Models   Models
	Strength int64 // in the unit that the catalogue says
	Since    time.Duration
	Until    time.Duration
}

// Incident is one failure of one model: from the fault, or the death, until
// the model is steady again. Its figures are the ledger's.
type Incident struct {
	N        int // the same for all models that one injection hit
	Fault    Fault
	Model    Model
	At       time.Duration // when the fault took effect
	Closed   time.Duration // 0 while it is open
	Carrier  uint64        // the request that carried a crash
	Pid      int           // of the (first) process that died
	InFlight int           // open requests when it took effect
	Carriers int           // requests that executed their own fault when their process died
	Lost     int           // failed because of it, carriers included
	Reset    int           // of the lost: cut off
	Refused  int           // of the lost: refused
	Errors   int           // of the lost: answered with an error status
	Delayed  int
	Wrong    int
	Downtime time.Duration // from the first innocent failure to the first success after the last
	Deaths   int           // processes that died of it
	OOMKills int           // of them, by the kernel's OOM killer
	Lacking  time.Duration // how long processes were missing (capacity lost)
	Carried  int           // requests that carried the fault, whatever became of them
	Leaks    int           // requests that leaked, for a leak
	LeakB    int64         // bytes that they left behind
	SlopeBPS float64       // memory, bytes per second, over the fault's time
	Proof    string        // "exit status 2", "oom_kill 3", ...
	Undone   bool          // ended by undo, not by its time
	Mode     string        // of the container, when it took effect
	// While it was open:
	Arrivals  int           // requests sent to the model, retries included
	Retries   int           // of them, second and later tries
	OK        int           // answered, by their own data and in whatever time
	Started   int           // processes started
	ProcsPeak int           // most of them at once
	QueuePeak int           // most requests that waited for a place
	LagPeakMS float64       // event loop
	WorstMS   float64       // the slowest answer to a request that carried no fault
	CPU       time.Duration // that the model used while the fault was in force
	// Before is how the model was when the fault took effect.
	Before struct {
		Procs       int
		MemoryBytes int64
		P99MS       float64 // steady; 0: too few samples to say
	}
	// Recovered: steady again. An incident may also close because the run or
	// the reset ended it.
	Recovered bool
}

// Collateral is the blast radius: who was lost without having caused it.
func (i *Incident) Collateral() int { return i.Lost - i.Carriers }

// Open reports whether it is still going on.
func (i *Incident) Open() bool { return i.Closed == 0 }

// Event is something rare that happened.
type Event struct {
	At    time.Duration
	Model Model // NModels: the lab itself
	What  EventKind
	Pid   int
	Text  string // details, in English, as for the log
}

// EventKind is a class of events.
type EventKind string

// The kinds of events.
const (
	EventReady    EventKind = "ready"
	EventDied     EventKind = "died"
	EventRestart  EventKind = "restart"
	EventInjected EventKind = "injected"
	EventUndone   EventKind = "undone"
	EventOpened   EventKind = "incident"
	EventClosed   EventKind = "recovered"
	EventMode     EventKind = "mode"
	EventSaid     EventKind = "said"
	EventProblem  EventKind = "problem"
	EventRefused  EventKind = "refused" // a fault, or a part of its targets
	EventBroken   EventKind = "broken"  // the books don't add up
	EventRenewed  EventKind = "renewed" // all processes are new
)

// Lab is what the lab itself costs.
type Lab struct {
	CPUShare float64 // of one core
	RSSBytes int64
	Cgroup   string // "v2", "v1", "none"
	Why      string // why there are no cgroups, if so
	Root     bool
}

// Command is what a consumer may ask for. Exactly one field is set.
type Command struct {
	Rate   float64 // arrivals per second
	Pause  bool    // toggle
	Inject *Inject
	Mode   string // of the container
	Undo   bool   // every fault that is in force or armed; figures stay
	// Weight is what the application costs to start: function, application,
	// monolith. All processes are started anew with it, as Renew does it; of the
	// figures only the times of the starts begin anew.
	Weight string
	// Renew lets what is in flight end, starts the processes of all models
	// anew, and goes on: what a fault left in them is gone, the figures stay.
	Renew bool
	Reset bool // undo, restart all models, forget all figures
	Stop  bool // no more arrivals, for good
	// Jump goes to another moment of a recording; Pause stops one, and lets it
	// go on.
	Jump *Jump
}

// Jump is where to; exactly one field is set.
type Jump struct {
	By        time.Duration
	Moments   int    // so many snapshots
	Incidents int    // to where the next one (1) or the one before (-1) begins
	Mark      string // to the moment of that name
}

// Inject puts a fault in.
type Inject struct {
	Fault    Fault
	Models   Models
	Strength int64         // in the unit that the catalogue says; 0: the fault's own
	Duration time.Duration // 0: the fault's own
	// Arm: wait for steady state (3 s at most) instead of refusing.
	Arm bool
}

// Errors that a source's Do returns, wrapped with the details.
var (
	ErrNotSteady   = errors.New("not in steady state")
	ErrUnsupported = errors.New("not possible here")
	ErrDown        = errors.New("it is down: nothing to inject into")
	ErrShort       = errors.New("the machine is short of")
	ErrClosed      = errors.New("the source has ended")
)
