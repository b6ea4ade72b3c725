// Package cage puts each runtime into a control group of its own: its memory
// and its processes have a limit, its figures are its own and not the
// screen's, and one call kills all of it.
//
//	forklore/                      the yard of all labs; gone when empty
//	└─ <pid>-<start time>/         one lab, which holds a lock on this folder
//	   ├─ cgi/                     a runtime: limits, headline figures
//	   │  └─ host/                 its processes are born here
//	   └─ container/
//	      ├─ host/
//	      └─ calls/N/              one call, made by the container host
//
// On v2 that is one tree; on v1 (and hybrid, where the controllers are on v1)
// one tree in each of memory, pids, cpu, cpuacct and freezer. The empty v2 tree of a
// hybrid machine is not used beside them: it would save the loop in Kill, but
// a child can't be born into it and into v1 groups by one and the same way,
// and two truths about who belongs to a cage are worse than a loop.
//
// Where no groups can be had, a cage limits nothing, and its memory is PSS
// from /proc, added up once a second.
//
// Cost: Figures 25 us a cage (a fiftieth of what the library's Stat costs),
// a launch on v1 0.3 ms on top of the fork. Nothing per request.
// May not enter: what runs in a cage, and the groups of single calls.
package cage

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits of a runtime, all its processes together. Zero means no limit.
type Limits struct {
	MemoryBytes int64  // swap is 0 beside it
	Pids        int64  // threads count
	CPUWeight   uint64 // as cpu.weight of v2: 1 to 10000, 100 is everyone's share
}

// Figures of a runtime, as its group counts them.
type Figures struct {
	Source string // "cgroup v2", "cgroup v1", "pss"; "rss" where a system has neither

	// MemoryBytes is the usage less inactive_file, the page cache that the
	// kernel takes back first. PeakBytes is the most that the usage ever was,
	// that cache included: between two looks a CGI call is born and gone.
	MemoryBytes, PeakBytes            int64
	AnonBytes, FileBytes, KernelBytes int64
	LimitBytes                        int64

	PidsNow, PidsPeak int64 // threads count here, as pids.current has it
	CPU               time.Duration
	// OOMKills counts processes killed for want of memory, but not those in
	// the calls' groups: the container host tells of them, and removes the
	// groups, which on v1 takes their figures away.
	OOMKills uint64
}

// yardGroups are the groups of a lab; absent where none can be had.
type yardGroups interface {
	mode() string
	missing() []string
	make(name string, l Limits, calls bool) (cageGroups, error)
	close() error
}

// cageGroups are the groups of one runtime: one on v2, one per controller on v1.
type cageGroups interface {
	launch(fork func(*syscall.SysProcAttr) error) error
	env() string
	figures() Figures
	kill() error
	remove() error
}

// Yard is where a lab keeps its cages.
type Yard struct {
	groups yardGroups // nil: none can be had
	why    string

	mu    sync.Mutex
	cages []*Cage
}

// Open sweeps the groups of labs that are dead and makes this lab's own. The
// id names the lab among all that ever ran: see [ID].
//
// It does not fail where groups can't be had: the yard's Mode is "none" then,
// and Why says the reason and what helps. An error means a bad id.
func Open(id string) (*Yard, error) {
	if !validName(id) {
		return nil, fmt.Errorf("open the yard %q: the name must be one word of letters, digits, '-' and '_'", id)
	}
	groups, err := openGroups(id)
	if err != nil {
		return &Yard{why: strings.ReplaceAll(err.Error(), "\n", "; ")}, nil
	}
	return &Yard{groups: groups}, nil
}

// Usable says whether labs of this user get groups here, and if not, why. It
// opens a yard and closes it.
func Usable() error {
	y, err := Open("look-" + strconv.Itoa(os.Getpid()))
	if err != nil {
		return err
	}
	if y.Mode() == "none" {
		return errors.New(y.Why())
	}
	return y.Close()
}

// Mode is "v2", "v1" or "none".
func (y *Yard) Mode() string {
	if y.groups == nil {
		return "none"
	}
	return y.groups.mode()
}

// Why says in one line why there are no groups, and what to do about it.
func (y *Yard) Why() string { return y.why }

// Missing are the controllers among memory, pids and cpu that this yard has
// to do without: what they limit is not limited.
func (y *Yard) Missing() []string {
	if y.groups == nil {
		return []string{"memory", "pids", "cpu"}
	}
	return y.groups.missing()
}

// Option of a cage.
type Option func(*options)

type options struct{ calls bool }

// WithCalls makes the group calls/ as well, ready for a group per call.
func WithCalls() Option { return func(o *options) { o.calls = true } }

// New makes a cage, with its limits in force.
func (y *Yard) New(name string, l Limits, opts ...Option) (*Cage, error) {
	if !validName(name) {
		return nil, fmt.Errorf("make the cage %q: the name must be one word of letters, digits, '-' and '_'", name)
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	c := &Cage{name: name}
	if y.groups != nil {
		g, err := y.groups.make(name, l, o.calls)
		if err != nil {
			return nil, fmt.Errorf("make the cage %q: %w", name, err)
		}
		c.groups = g
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.cages = append(y.cages, c)
	return c, nil
}

// Close kills whatever is left in the cages and removes all groups of the lab.
func (y *Yard) Close() error {
	y.mu.Lock()
	cages := y.cages
	y.cages = nil
	y.mu.Unlock()
	for _, c := range cages {
		c.Kill()
		c.Delete()
	}
	if y.groups == nil {
		return nil
	}
	return y.groups.close() // whatever went wrong above goes wrong here again
}

// Cage holds one runtime.
type Cage struct {
	name   string
	groups cageGroups // nil: none can be had

	mu     sync.Mutex // guards what follows; Figures and Delete may meet
	procs  processes
	pids   func() []int
	last   Figures
	looked time.Time
}

// Launch runs fork so that the child is born inside the cage, limits in force
// before its first instruction. It must run on a locked thread that outlives
// the child, which is outside the cage again when Launch returns.
func (c *Cage) Launch(fork func(*syscall.SysProcAttr) error) error {
	if c.groups == nil {
		return fork(&syscall.SysProcAttr{})
	}
	return c.groups.launch(fork)
}

// Env tells a runtime where its own group is, so that it can make groups for
// its calls: "v2:<dir>", "v1:memory=<dir>;pids=<dir>;...", or "" if there is none.
func (c *Cage) Env() string {
	if c.groups == nil {
		return ""
	}
	return c.groups.env()
}

// SetPids names the source of the processes that belong to the cage, for
// figures from /proc. With groups the kernel knows.
func (c *Cage) SetPids(pids func() []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pids = pids
}

// processEvery is how often figures are added up over processes: PSS costs
// 50 to 80 us a process, at 200 processes too much for ten times a second.
const processEvery = time.Second

// Figures are those of now; of up to a second ago where they come from /proc.
func (c *Cage) Figures() Figures {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.groups != nil {
		return c.groups.figures()
	}
	if now := time.Now(); c.looked.IsZero() || now.Sub(c.looked) >= processEvery {
		c.looked = now
		var pids []int
		if c.pids != nil {
			pids = c.pids()
		}
		c.last = c.procs.figures(pids)
	}
	return c.last
}

// Kill sends SIGKILL to every process of the cage until it is empty, for two
// seconds at most. Without groups it does nothing: there the lifelines of
// package spawn end the processes.
func (c *Cage) Kill() error {
	if c.groups == nil {
		return nil
	}
	if err := c.groups.kill(); err != nil {
		return fmt.Errorf("kill all in the cage %q: %w", c.name, err)
	}
	return nil
}

// Delete removes the cage's groups, those of its calls too. Its processes have
// to be gone; it waits a moment for those that are going.
func (c *Cage) Delete() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.groups == nil {
		return nil
	}
	if err := c.groups.remove(); err != nil {
		return fmt.Errorf("remove the cage %q: %w", c.name, err)
	}
	return nil
}

// validName keeps names from leaving the folder they are made in, and from
// the names that the kernel gives to its own files ("memory.max").
func validName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) < 128
}
