package lessons

import (
	"math"
	"time"

	"forklore/sim"
)

// column are the figures of one model, as expressions name them. README.md says
// what each means; a test compares the two.
type column struct {
	Up            bool    `expr:"up"`
	ProcsNow      float64 `expr:"procs_now"`
	ProcsPeak     float64 `expr:"procs_peak"`
	Started       float64 `expr:"started"`
	Ended         float64 `expr:"ended"`
	Restarts      float64 `expr:"restarts"`
	Workers       float64 `expr:"workers"`
	Busy          float64 `expr:"busy"`
	Queue         float64 `expr:"queue"`
	InFlight      float64 `expr:"in_flight"`
	MemoryMiB     float64 `expr:"memory_mib"`
	MemoryPeakMiB float64 `expr:"memory_peak_mib"`
	LimitMiB      float64 `expr:"limit_mib"`
	OOMKills      float64 `expr:"oom_kills"`
	PidsNow       float64 `expr:"pids_now"`
	PidsPeak      float64 `expr:"pids_peak"`
	Sent          float64 `expr:"sent"`
	OK            float64 `expr:"ok"`
	Failed        float64 `expr:"failed"`
	Refused       float64 `expr:"refused"`
	Reset         float64 `expr:"reset"`
	Errors        float64 `expr:"errors"`
	Timeouts      float64 `expr:"timeouts"`
	OKShare       float64 `expr:"ok_share"`
	AnsweredPerS  float64 `expr:"answered_per_s"`
	P50MS         float64 `expr:"p50_ms"`
	P90MS         float64 `expr:"p90_ms"`
	P99MS         float64 `expr:"p99_ms"`
	WorstMS       float64 `expr:"worst_ms"`
	RunP50MS      float64 `expr:"run_p50_ms"`
	RunP99MS      float64 `expr:"run_p99_ms"`
	StartP50MS    float64 `expr:"start_p50_ms"`
	StartP99MS    float64 `expr:"start_p99_ms"`
	Starts        float64 `expr:"starts"`
	WarmStartP50  float64 `expr:"warm_start_p50_ms"`
	CallP50MS     float64 `expr:"call_p50_ms"`
	DestroyP50MS  float64 `expr:"destroy_p50_ms"`
	ColdShare     float64 `expr:"cold_share"`
	LagMS         float64 `expr:"lag_ms"`
	LagMaxMS      float64 `expr:"lag_max_ms"`
	CPUMS         float64 `expr:"cpu_ms"`

	Incident incident `expr:"incident"`
}

// incident are the ledger's figures of the newest injection. In a column that
// it did not hit all are NaN: nothing can be claimed of them.
type incident struct {
	Lost            float64 `expr:"lost"`
	Carriers        float64 `expr:"carriers"`
	Collateral      float64 `expr:"collateral"`
	InFlight        float64 `expr:"in_flight"`
	Reset           float64 `expr:"reset"`
	Refused         float64 `expr:"refused"`
	Errors          float64 `expr:"errors"`
	Delayed         float64 `expr:"delayed"`
	Wrong           float64 `expr:"wrong"`
	OK              float64 `expr:"ok"`
	DowntimeMS      float64 `expr:"downtime_ms"`
	LackingMS       float64 `expr:"lacking_ms"`
	Deaths          float64 `expr:"deaths"`
	OOMKills        float64 `expr:"oom_kills"`
	Leaks           float64 `expr:"leaks"`
	LeakMiB         float64 `expr:"leak_mib"`
	SlopeMiBPerS    float64 `expr:"slope_mib_s"`
	Arrivals        float64 `expr:"arrivals"`
	Retries         float64 `expr:"retries"`
	Started         float64 `expr:"started"`
	ProcsPeak       float64 `expr:"procs_peak"`
	QueuePeak       float64 `expr:"queue_peak"`
	LagPeakMS       float64 `expr:"lag_peak_ms"`
	WorstMS         float64 `expr:"worst_ms"`
	CPUMS           float64 `expr:"cpu_ms"`
	BeforeProcs     float64 `expr:"before_procs"`
	BeforeMemoryMiB float64 `expr:"before_memory_mib"`
	BeforeP99MS     float64 `expr:"before_p99_ms"`
	AgeMS           float64 `expr:"age_ms"`
	Open            bool    `expr:"open"`
	Recovered       bool    `expr:"recovered"`

	known bool
}

// environment is what an expression sees.
type environment struct {
	CGI          column             `expr:"cgi"`
	Prefork      column             `expr:"prefork"`
	EventLoop    column             `expr:"eventloop"`
	Container    column             `expr:"container"`
	Models       []column           `expr:"models"`
	RatePerS     float64            `expr:"rate_per_s"`
	Arrivals     float64            `expr:"arrivals"`
	Unattributed float64            `expr:"unattributed"`
	AtMS         float64            `expr:"at_ms"`
	Drawn        string             `expr:"drawn"`
	Noted        map[string]float64 `expr:"noted"`
}

func (e *environment) column(m sim.Model) *column {
	return [sim.NModels]*column{&e.CGI, &e.Prefork, &e.EventLoop, &e.Container}[m]
}

const mib = 1 << 20

func msOf(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// environmentOf has the figures of one moment. newest are the incidents of the
// newest injection, by model.
func environmentOf(s *sim.Snapshot, models sim.Models, newest *[sim.NModels]*sim.Incident, noted map[string]float64) *environment {
	e := &environment{RatePerS: s.Load.RatePerS, Arrivals: float64(s.Load.Arrivals),
		Unattributed: float64(s.Unattributed), AtMS: msOf(s.At), Noted: noted}
	for m := range sim.NModels {
		c := e.column(m)
		*c = columnOf(&s.Model[m])
		c.Incident = incidentOf(newest[m], s.At)
		if models.Has(m) {
			e.Models = append(e.Models, *c)
		}
	}
	return e
}

func columnOf(m *sim.ModelState) column {
	r := m.Requests
	return column{
		Up:       m.State == sim.OK || m.State == sim.Losing || m.State == sim.Recovering,
		ProcsNow: float64(m.ProcsNow), ProcsPeak: float64(m.ProcsPeak),
		Started: float64(m.ProcsStarted), Ended: float64(m.ProcsEnded), Restarts: float64(m.Restarts),
		Workers: float64(m.Workers), Busy: float64(m.Busy), Queue: float64(m.Queue), InFlight: float64(m.InFlight),
		MemoryMiB: float64(m.Memory.Bytes) / mib, MemoryPeakMiB: float64(m.Memory.PeakBytes) / mib,
		LimitMiB: float64(m.Memory.LimitBytes) / mib, OOMKills: float64(m.Memory.OOMKills),
		PidsNow: float64(m.Memory.PidsNow), PidsPeak: float64(m.Memory.PidsPeak),
		Sent: float64(r.Sent), OK: float64(r.OK), Failed: float64(r.Failed()), Refused: float64(r.Refused),
		Reset: float64(r.Reset), Errors: float64(r.ErrorStatus), Timeouts: float64(r.Timeout),
		OKShare: m.Recent.OKShare, AnsweredPerS: m.Recent.AnsweredPerS,
		P50MS: m.Recent.Latency.P50, P90MS: m.Recent.Latency.P90, P99MS: m.Recent.Latency.P99, WorstMS: m.Recent.Latency.Max,
		RunP50MS: m.Latency.P50, RunP99MS: m.Latency.P99,
		StartP50MS: m.StartMS.P50, StartP99MS: m.StartMS.P99, Starts: float64(m.StartMS.N),
		WarmStartP50: m.WarmStartMS.P50, CallP50MS: m.CallMS.P50, DestroyP50MS: m.DestroyMS.P50, ColdShare: m.ColdShare,
		LagMS: m.LagMS, LagMaxMS: m.LagMaxMS, CPUMS: msOf(m.CPU),
	}
}

func incidentOf(i *sim.Incident, now time.Duration) incident {
	if i == nil {
		n := math.NaN()
		return incident{Lost: n, Carriers: n, Collateral: n, InFlight: n, Reset: n, Refused: n, Errors: n, Delayed: n,
			Wrong: n, OK: n, DowntimeMS: n, LackingMS: n, Deaths: n, OOMKills: n, Leaks: n, LeakMiB: n, SlopeMiBPerS: n,
			Arrivals: n, Retries: n, Started: n, ProcsPeak: n, QueuePeak: n, LagPeakMS: n, WorstMS: n, CPUMS: n,
			BeforeProcs: n, BeforeMemoryMiB: n, BeforeP99MS: n, AgeMS: n}
	}
	out := incident{
		known: true, Lost: float64(i.Lost), Carriers: float64(i.Carriers), Collateral: float64(i.Collateral()),
		InFlight: float64(i.InFlight), Reset: float64(i.Reset), Refused: float64(i.Refused), Errors: float64(i.Errors),
		Delayed: float64(i.Delayed), Wrong: float64(i.Wrong), OK: float64(i.OK), DowntimeMS: msOf(i.Downtime),
		LackingMS: msOf(i.Lacking), Deaths: float64(i.Deaths), OOMKills: float64(i.OOMKills), Leaks: float64(i.Leaks),
		LeakMiB: float64(i.LeakB) / mib, SlopeMiBPerS: i.SlopeBPS / mib, Arrivals: float64(i.Arrivals),
		Retries: float64(i.Retries), Started: float64(i.Started), ProcsPeak: float64(i.ProcsPeak),
		QueuePeak: float64(i.QueuePeak), LagPeakMS: i.LagPeakMS, WorstMS: i.WorstMS, CPUMS: msOf(i.CPU),
		BeforeProcs: float64(i.Before.Procs), BeforeMemoryMiB: float64(i.Before.MemoryBytes) / mib,
		BeforeP99MS: i.Before.P99MS, AgeMS: msOf(now - i.At), Open: i.Open(), Recovered: i.Recovered,
	}
	out.settle()
	return out
}

// settle: where no time was usual before the fault, none is late.
func (i *incident) settle() {
	if i.known && i.BeforeP99MS == 0 {
		i.Delayed = math.NaN()
	}
}
