package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"forklore/sim"
)

// Schema names the shape of the JSON.
const Schema = "forklore/run/v1"

// Document is the JSON of a run. Units stand last in the names.
type Document struct {
	Schema       string           `json:"schema"`
	Source       sim.Kind         `json:"source"`
	Machine      Machine          `json:"machine"`
	Seed         uint64           `json:"seed"`
	RatePerS     float64          `json:"rate_per_s"`
	Workload     string           `json:"workload"`
	Weight       string           `json:"weight"`
	DurationMS   int64            `json:"duration_ms"`
	Unattributed uint64           `json:"unattributed"`
	Models       map[string]Model `json:"models"`
	Incidents    []Incident       `json:"incidents"`
	// Refused injections, each with the reason; absent if there are none.
	Refused []string `json:"refused,omitempty"`
}

// Machine is where it ran.
type Machine struct {
	OS       string `json:"os"`
	Kernel   string `json:"kernel"`
	CPUs     int    `json:"cpus"`
	MemBytes int64  `json:"mem_bytes"`
	Cgroup   string `json:"cgroup"`
	Root     bool   `json:"root"`
}

// Model is one model's figures.
type Model struct {
	Address  string   `json:"address"`
	Requests Requests `json:"requests"`
	Latency  struct {
		P50 float64 `json:"p50"`
		P90 float64 `json:"p90"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	} `json:"latency_ms"`
	Processes struct {
		Now     int    `json:"now"`
		Peak    int    `json:"peak"`
		Started uint64 `json:"started"`
		Ended   uint64 `json:"ended"`
	} `json:"processes"`
	Memory struct {
		Now    int64  `json:"now_bytes"`
		Peak   int64  `json:"peak_bytes"`
		Limit  int64  `json:"limit_bytes"`
		Source string `json:"source"`
	} `json:"memory"`
	CPUMS    float64 `json:"cpu_ms"`
	Restarts uint64  `json:"restarts"`
	Start    struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
	} `json:"start_ms"`
	*Sandboxes // of the container
	// Unavailable says why this model did not run; its figures are zero then.
	Unavailable string `json:"unavailable,omitempty"`
}

// Sandboxes are the figures that only the container has.
type Sandboxes struct {
	Mode string `json:"mode"`
	// WarmStart is what calls waited for a sandbox that was there; start_ms has
	// the sandboxes that had to be made.
	WarmStart Times `json:"warm_start_ms"`
	// Call is the function alone.
	Call    Times `json:"call_ms"`
	Destroy Times `json:"destroy_ms"`
	// ColdShare is the share of the calls that waited for a sandbox to be made.
	ColdShare float64 `json:"cold_share"`
}

// Times are quantiles of N durations.
type Times struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	N   uint64  `json:"n"`
}

// Requests add up: sent is the sum of the others. Local counts arrivals that
// never left the lab, and is absent when there were none.
type Requests struct {
	Sent        uint64 `json:"sent"`
	OK          uint64 `json:"ok"`
	ErrorStatus uint64 `json:"error_status"`
	Reset       uint64 `json:"reset"`
	Refused     uint64 `json:"refused"`
	Timeout     uint64 `json:"timeout"`
	InFlight    uint64 `json:"in_flight"`
	Local       uint64 `json:"local,omitempty"`
}

// Incident is one failure of one model.
type Incident struct {
	Fault          sim.Fault `json:"fault"`
	Model          string    `json:"model"`
	AtMS           float64   `json:"at_ms"`
	InFlight       int       `json:"in_flight"`
	Carriers       int       `json:"carriers"`
	Lost           int       `json:"lost"`
	Reset          int       `json:"reset"`
	Refused        int       `json:"refused"`
	Errors         int       `json:"errors"`
	Collateral     int       `json:"collateral"`
	Delayed        int       `json:"delayed"`
	Wrong          int       `json:"wrong"`
	DowntimeMS     float64   `json:"downtime_ms"`
	CapacityLost   int       `json:"capacity_lost"`
	CapacityLostMS float64   `json:"capacity_lost_ms"`
	OOMKills       int       `json:"oom_kills"`
	// While it was open: requests sent, of them second and later tries;
	// processes started, the most at once, and what waited for one.
	Arrivals  int     `json:"arrivals"`
	Retries   int     `json:"retries"`
	Started   int     `json:"started"`
	ProcsPeak int     `json:"procs_peak"`
	QueuePeak int     `json:"queue_peak"`
	LagPeakMS float64 `json:"lag_peak_ms"`
	WorstMS   float64 `json:"worst_ms"`
	Recovered bool    `json:"recovered"`
	Proof     string  `json:"proof"`
}

// Document puts the run's figures into their JSON shape.
func (r *Run) Document() Document {
	s := r.Final
	d := Document{
		Schema: Schema, Source: s.Kind, Machine: ThisMachine(s.Lab.Cgroup), Seed: s.Load.Seed, RatePerS: s.Load.RatePerS,
		Workload: s.Load.Workload, Weight: s.Load.Weight, DurationMS: r.Duration.Milliseconds(),
		Unattributed: s.Unattributed, Models: map[string]Model{}, Incidents: []Incident{}, Refused: r.Refused,
	}
	for m := range sim.NModels {
		if s.Model[m].State != sim.Off {
			d.Models[m.String()] = model(m, &s.Model[m], r.ProcsNow[m])
		}
	}
	for _, i := range r.Incidents {
		d.Incidents = append(d.Incidents, Incident{
			Fault: i.Fault, Model: i.Model.String(), AtMS: ms(i.At), InFlight: i.InFlight, Carriers: i.Carriers,
			Lost: i.Lost, Reset: i.Reset, Refused: i.Refused, Errors: i.Errors, Collateral: i.Collateral(), Delayed: i.Delayed,
			Wrong: i.Wrong, DowntimeMS: ms(i.Downtime), CapacityLost: i.Deaths, CapacityLostMS: ms(i.Lacking),
			OOMKills: i.OOMKills, Arrivals: i.Arrivals, Retries: i.Retries, Started: i.Started, ProcsPeak: i.ProcsPeak,
			QueuePeak: i.QueuePeak, LagPeakMS: i.LagPeakMS, WorstMS: i.WorstMS,
			Recovered: i.Recovered, Proof: i.Proof,
		})
	}
	return d
}

func model(m sim.Model, s *sim.ModelState, procsNow int) (d Model) {
	d.Address = s.Address
	d.Requests = Requests(s.Requests)
	d.Latency.P50, d.Latency.P90, d.Latency.P99, d.Latency.Max = s.Latency.P50, s.Latency.P90, s.Latency.P99, s.Latency.Max
	d.Processes.Now, d.Processes.Peak = procsNow, s.ProcsPeak
	d.Processes.Started, d.Processes.Ended = s.ProcsStarted, s.ProcsEnded
	if s.Address != "" && m != sim.EventLoop { // with their parent or host, which has been started again at each restart
		d.Processes.Peak++
		d.Processes.Started += 1 + s.Restarts
		d.Processes.Ended += s.Restarts
	}
	d.Memory.Now, d.Memory.Peak, d.Memory.Limit = s.Memory.Bytes, s.Memory.PeakBytes, s.Memory.LimitBytes
	d.Memory.Source = s.Memory.Source
	d.CPUMS = ms(s.CPU)
	d.Restarts = s.Restarts
	d.Start.P50, d.Start.P99 = s.StartMS.P50, s.StartMS.P99
	if m == sim.Container {
		times := func(q sim.Quantiles) Times { return Times{P50: q.P50, P99: q.P99, N: q.N} }
		d.Sandboxes = &Sandboxes{Mode: s.Mode, WarmStart: times(s.WarmStartMS), Call: times(s.CallMS),
			Destroy: times(s.DestroyMS), ColdShare: s.ColdShare}
	}
	if s.State == sim.Unavailable {
		d.Unavailable = s.Why
	}
	return d
}

// String is the machine in a few words.
func (m Machine) String() string {
	return fmt.Sprintf("%s %s, %d CPUs, %d GiB", m.OS, m.Kernel, m.CPUs, m.MemBytes>>30)
}

// ThisMachine is the one that this runs on; what cgroups it has, package cage knows.
func ThisMachine(cgroup string) Machine {
	kernel, memBytes := kernelAndMemory()
	return Machine{OS: runtime.GOOS, Kernel: kernel, CPUs: runtime.NumCPU(), MemBytes: memBytes,
		Cgroup: cgroup, Root: os.Geteuid() == 0}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// WriteJSON writes one object and nothing else.
func (r *Run) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r.Document())
}
