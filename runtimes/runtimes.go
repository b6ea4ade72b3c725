// Package runtimes runs the execution models, for real: each is a server of
// its own on a loopback port of its own, in a process tree and a cgroup of its
// own.
//
//	House ── folder with the backend's sockets, secret, calibration
//	 ├─ backend, one for each model      package backend
//	 ├─ Runtime cgi        ─ cgi host       ─ cgi call (one request)       package cgi
//	 ├─ Runtime prefork    ─ prefork parent ─ prefork worker 1..N          package prefork
//	 ├─ Runtime eventloop  ─ event loop                                    package eventloop
//	 └─ Runtime container  ─ container host ─ sandbox call (one request)   package container
//
// Each Runtime keeps its top process alive: it waits for it, tells what its
// death cost (package board), clears its cage, starts it again.
//
// Costs nothing per request: all figures are read from shared memory and from
// the cgroup's files, when someone asks.
// May not enter: traffic, faults' meaning, screens; this package doesn't know
// why a process died, only that it did, and what it held.
package runtimes

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"forklore/runtimes/app"
	"forklore/runtimes/backend"
	"forklore/runtimes/board"
	"forklore/runtimes/cage"
	"forklore/runtimes/spawn"
)

// The models' names, as the command line and JSON have them.
const (
	CGI       = "cgi"
	Prefork   = "prefork"
	EventLoop = "eventloop"
	Container = "container"
)

// ErrUnavailable: this model can't run on this machine or with these rights.
var ErrUnavailable = errors.New("not available here")

// ErrPort: a port can't be had.
var ErrPort = errors.New("no port")

// Spec is what can be chosen about a lab's runtimes.
type Spec struct {
	MemoryBytes int64 // limit of each runtime
	Pids        int64 // likewise
	Weight      app.Weight
	CallBytes   int64         // what a request's own steps hold, for the bound on calls at once
	CallTimeout time.Duration // of a call, a worker's request, a slow client; 0: none

	MaxCalls    int // CGI calls and sandboxes at once, at most
	Queue       int // requests that wait for a place
	Workers     int
	MaxRequests int // a worker's life in requests, 0: for ever

	RestartDelay   time.Duration // of a top process that died
	NeverRestart   bool
	SharedListener bool // the supervisor owns the event loop's listener

	Script string // CGI program in place of the application, absolute
	Port   int    // first of the ports, 0: free ones
	Log    *os.File

	// Of the container model:
	Engine      string        // one of Engines, "" is native
	Mode        string        // one of Modes, "" is Fresh; it can be changed
	Pool        int           // sandboxes that wait when prewarmed, 0: the host's default
	Idle        time.Duration // how long a warm one waits, 0: likewise
	Concurrency int           // sandboxes at once, then 429; 0: MaxCalls, then the queue
	Function    string        // CGI program or root filesystem in place of the application, absolute
}

// House is what the runtimes of one lab share.
type House struct {
	spec       Spec
	weight     atomic.Value // app.Weight: the spec's, until SetWeight
	id         string
	token      string
	itersPerMS int64
	folder     *folder
	ports      map[string]port
	yard       *cage.Yard
	backends   *dependencies

	closing  chan struct{}
	starts   sync.WaitGroup // models that are being started
	mu       sync.Mutex
	closed   bool
	runtimes []*Runtime
}

// Open clears away what dead labs have left, and starts what the runtimes of
// this one share. On an error nothing is left behind.
func Open(spec Spec, models []string) (_ *House, err error) {
	h := &House{spec: spec, id: houseID(), ports: map[string]port{}, closing: make(chan struct{}), token: rand.Text(), itersPerMS: app.Calibrate()}
	h.weight.Store(spec.Weight)
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	for _, m := range models {
		if h.ports[m], err = openPort(m, spec); err != nil {
			return nil, err
		}
	}
	if h.folder, err = openFolder(h.id); err != nil {
		return nil, err
	}
	if h.yard, err = cage.Open(h.id); err != nil {
		return nil, err
	}
	if h.backends, err = startDependencies(h.yard, spec, h.folder.path, models); err != nil {
		return nil, err
	}
	return h, nil
}

// houses is how many this process has opened.
var houses atomic.Uint64

// houseID is this process's, with a number behind it from its second house on.
func houseID() string {
	id := cage.ID()
	if n := houses.Add(1); n > 1 {
		id += "-" + strconv.FormatUint(n, 10)
	}
	return id
}

// cpuWeight is the same for everyone, so that a start storm in one column
// takes its share of the CPU and no more (cgroup-v2, cpu.weight).
const cpuWeight = 100

// firstLine is what the process says first. It is cut short when quit is closed.
func firstLine(p *spawn.Proc, patience time.Duration, quit <-chan struct{}) (string, error) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case line, ok := <-p.Lines():
		if ok {
			return line, nil
		}
		<-p.Exited()
		return "", fmt.Errorf("it ended (%s) before it was ready; the log says why", spawn.String(p.Status()))
	case <-t.C:
		return "", fmt.Errorf("not ready after %v", patience)
	case <-quit:
		return "", errClosing
	}
}

var errClosing = errors.New("the lab is closing")

// Backend tells of the backends' deaths and restarts, each with its model.
func (h *House) Backend() <-chan Event { return h.backends.events }

// Token is the secret that fault steps need.
func (h *House) Token() string { return h.token }

// Yard is the lab's own cgroup, for what the screen says about it.
func (h *House) Yard() *cage.Yard { return h.yard }

// settings are what every role is told.
func (h *House) settings(model string) []string {
	s := h.weighed(h.weight.Load().(app.Weight))
	queue := s.Queue
	if model == Container && s.Concurrency > 0 {
		// A concurrency that somebody has chosen is a promise: what is beyond it
		// is throttled at once, as in Lambda. What this machine happens to hold
		// is none; there a request may wait, as in the CGI host beside it.
		queue = -1
	}
	num := func(name string, n int64) string { return fmt.Sprintf("FORKLORE_%s=%d", name, n) }
	env := []string{
		"FORKLORE_TOKEN=" + h.token,
		"FORKLORE_BACKEND=" + backend.Path(h.folder.path, model),
		"FORKLORE_EXE=" + exePath(),
		num("ITERS_PER_MS", h.itersPerMS),
		num("WEIGHT_CPU_US", s.Weight.CPUUS),
		num("WEIGHT_MEM_BYTES", s.Weight.MemBytes),
		num("TIMEOUT_MS", s.CallTimeout.Milliseconds()),
		num("WORKERS", int64(s.Workers)),
		num("MAX_REQUESTS", int64(s.MaxRequests)),
		num("MAX_CALLS", int64(s.callsOf(model))),
		num("QUEUE", int64(queue)),
	}
	if slices.Contains(h.yard.Missing(), "memory") {
		// The kernel won't stop a hog before the machine is out of memory.
		env = append(env, num("HOG_BYTES", s.MemoryBytes))
	}
	return env
}

func exePath() string {
	path, err := os.Executable()
	if err != nil {
		return filepath.Clean(os.Args[0])
	}
	return path
}

// What one process of the application takes of its cage, apart from its
// weight and its steps: the growth of the cgroup's usage with each call was
// 1.2 MiB, that of an idle host 6 MiB, rounded up for what comes and goes.
const (
	callBytes = 2 << 20
	callPids  = 6 // threads of a Go program with GOMAXPROCS=1
	hostBytes = 12 << 20
	hostPids  = 24
)

// MaxCalls is how many calls may run at once: the least of what was asked for
// and of what memory and pids allow. At least 1: Check refuses a cage in which
// not even one fits.
func MaxCalls(s Spec) int {
	perCall := callBytes + s.Weight.MemBytes + s.CallBytes
	byMemory := (s.MemoryBytes - hostBytes) / perCall
	byPids := (s.Pids - hostPids) / callPids
	return int(max(1, min(int64(s.MaxCalls), byMemory, byPids)))
}

// callsOf is MaxCalls, or what the container model was given of it.
func (s Spec) callsOf(model string) int {
	n := MaxCalls(s)
	if model == Container && s.Concurrency > 0 {
		n = min(n, s.Concurrency)
	}
	return n
}

// Check refuses what can't work with these models before anything is started.
func (s Spec) Check(models []string) error {
	if _, err := EnginePath(s.Engine); err != nil {
		return err
	}
	if s.Mode != "" {
		if err := s.CheckMode(s.Mode); err != nil {
			return err
		}
	}
	least := hostBytes + callBytes + s.Weight.MemBytes + s.CallBytes
	if s.MemoryBytes < least {
		return fmt.Errorf("memory: %d MiB is too small for one process of this application, at least %d MiB are needed",
			s.MemoryBytes>>20, (least+1<<20-1)>>20)
	}
	if least := int64(hostPids + callPids); s.Pids < least {
		return fmt.Errorf("pids: %d is too small for a host and one call, at least %d are needed (threads count)", s.Pids, least)
	}
	if all := memTotal(); all > 0 && int64(len(models))*s.MemoryBytes > all {
		return fmt.Errorf("memory: %d times %d MiB is more than this machine's %d MiB", len(models), s.MemoryBytes>>20, all>>20)
	}
	if pool := hostBytes + int64(s.Workers)*(callBytes+s.Weight.MemBytes); slices.Contains(models, Prefork) && s.MemoryBytes < pool {
		return fmt.Errorf("memory: %d MiB is too small for %d workers, at least %d MiB are needed",
			s.MemoryBytes>>20, s.Workers, (pool+1<<20-1)>>20)
	}
	return nil
}

// Close ends everything that the house has started, and removes its groups,
// its folder and its sockets.
func (h *House) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	close(h.closing)
	h.starts.Wait() // they are cut short
	runtimes := h.runtimes
	var wg sync.WaitGroup
	errs := make([]error, len(runtimes))
	for i, r := range runtimes {
		wg.Go(func() { errs[i] = r.stop() })
	}
	wg.Wait()
	err := errors.Join(errs...)
	if h.backends != nil {
		err = errors.Join(err, h.backends.stop())
	}
	if h.yard != nil {
		err = errors.Join(err, h.yard.Close())
	}
	for _, p := range h.ports {
		p.close()
	}
	if h.folder != nil {
		err = errors.Join(err, h.folder.close())
	}
	return err
}

// newBoard makes a board of that many rows.
func newBoard(model string, rows int) (*os.File, *board.Board, error) {
	f, err := anonymousFile(model, board.Size(rows))
	if err != nil {
		return nil, nil, fmt.Errorf("board: %w", err)
	}
	b, err := board.Init(int(f.Fd()), rows)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("board: %w", err)
	}
	return f, b, nil
}
