// Package bench measures what the ways to serve a request cost on this
// machine: to start, to keep, to use as much as can be.
//
//	starts      bare ─ cgi ─ native ─ crun ─ runc ─ bubblewrap ─ bare ─ cgi ─ ...   in turn
//	throughput  traffic.Saturate, one model after the other
//	memory      PSS of what is idle then, from /proc
//
// Every figure is taken from the real thing: a [runtimes.House] for each way,
// with its host in its cage, asked by a request at a time. All of them run the
// same program, this binary as the application of weight "function", with a
// request of the workload "hello".
//
// A start is the time from before the fork, or before the sandbox is begun, to
// the moment at which the application says that it is ready: hosts write it to
// their board, and what is started here without a host is asked in the same
// way. So neither the host's HTTP nor what is taken down after the call is in
// it. Where a sandbox waits, prewarmed or warm, a start is what a call waits for
// it: until the function has the call. The contenders take turns, one start each: what disturbs the machine
// disturbs all of them, and only the ratios are to be compared with those of
// other machines. A contender's turn begins when nothing is left to do of the
// one before.
//
// Costs 40 s of a whole machine.
// May not enter: faults, screens, figures that weren't taken here.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"forklore/runtimes"
	"forklore/runtimes/cage"
	"forklore/sim/report"
)

// Schema names the shape of the JSON.
const Schema = "forklore/bench/v1"

// Document is what was measured. Units stand last in the names.
type Document struct {
	Schema     string         `json:"schema"`
	Machine    report.Machine `json:"machine"`
	Starts     []Start        `json:"starts"`
	Memory     []Memory       `json:"memory"`
	Throughput []Throughput   `json:"throughput"`
}

// Start is how long one way to start takes.
type Start struct {
	What  string  `json:"what"`
	P50US int64   `json:"p50_us"`
	P99US int64   `json:"p99_us"`
	Ratio float64 `json:"ratio"` // of the p50 to that of the bare start
}

// Memory is what one idle process takes.
type Memory struct {
	What     string `json:"what"`
	PSSBytes int64  `json:"pss_bytes"`
}

// Throughput is what a model does at most.
type Throughput struct {
	What         string  `json:"what"`
	RequestsPerS float64 `json:"requests_per_s"`
}

// Options of a measurement.
type Options struct {
	Quick bool              // takes what is just enough to see the shape
	Log   *os.File          // of the roles
	Note  func(text string) // told what isn't measured, and what is measured now
}

// How long the parts take. Starts get the most: their p99 wants many.
type extent struct {
	starts     time.Duration
	rounds     int // at most
	throughput time.Duration
}

func (o *Options) extent() extent {
	if o.Quick {
		return extent{starts: time.Second, rounds: 3, throughput: 100 * time.Millisecond}
	}
	return extent{starts: 18 * time.Second, rounds: 200, throughput: 2 * time.Second}
}

// spec is that of every house here.
func (o *Options) spec() runtimes.Spec {
	return runtimes.Spec{
		MemoryBytes: 256 << 20, Pids: 512, Workers: workers, MaxCalls: 64, Queue: 256,
		CallTimeout: 30 * time.Second, RestartDelay: time.Second, Log: o.Log,
	}
}

// workers is the size of the prefork pool, the lab's default.
const workers = 8

// Run measures. If ctx ends before, its cause is the error.
func Run(ctx context.Context, o Options) (_ *Document, err error) {
	b := &bench{Options: o}
	defer func() { err = errors.Join(err, b.close()) }()
	d := &Document{Schema: Schema, Machine: report.ThisMachine(cage.MachineCgroup())}
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	e := o.extent()
	o.Note(fmt.Sprintf("starts, one after the other, for %v at most", e.starts))
	if d.Starts, err = b.starts(ctx, e.starts, e.rounds); err != nil {
		return nil, err
	}
	o.Note(fmt.Sprintf("requests a second at full load, %v each", e.throughput))
	if d.Throughput, err = b.throughput(ctx, e.throughput); err != nil {
		return nil, err
	}
	if d.Memory, err = b.memory(); err != nil {
		return nil, err
	}
	return d, nil
}

// WriteJSON writes one object and nothing else.
func (d *Document) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// WriteTable writes it for people.
func (d *Document) WriteTable(w io.Writer) error {
	fmt.Fprintf(w, "%s %s, %d CPUs, %d MiB, cgroup %s\n\n", d.Machine.OS, d.Machine.Kernel, d.Machine.CPUs,
		d.Machine.MemBytes>>20, d.Machine.Cgroup)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "start\tp50 ms\tp99 ms\tx bare\t")
	for _, s := range d.Starts {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.2f\t\n", s.What, float64(s.P50US)/1e3, float64(s.P99US)/1e3, s.Ratio)
	}
	fmt.Fprintln(t, "\t\t\t\t\nat full load\trequests/s\t")
	for _, p := range d.Throughput {
		fmt.Fprintf(t, "%s\t%.0f\t\n", p.What, p.RequestsPerS)
	}
	fmt.Fprintln(t, "\t\t\nidle after that\tPSS MiB\t")
	for _, m := range d.Memory {
		fmt.Fprintf(t, "%s\t%.2f\t\n", m.What, float64(m.PSSBytes)/(1<<20))
	}
	return t.Flush()
}
