package matrix

import (
	"math"
	"reflect"
	"strings"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// Figures are what an expectation can speak of, by these names. They are
// rounded here, so that what is printed is what was checked.
type Figures struct {
	// The ledger of blame.
	InFlight   int `json:"in_flight"`  // open when it took effect
	Lost       int `json:"lost"`       // carriers and collateral
	Carriers   int `json:"carriers"`   // died of what they carried
	Collateral int `json:"collateral"` // lost without having caused it: the blast radius
	Reset      int `json:"reset"`      // of the lost: cut off
	Refused    int `json:"refused"`
	Errors     int `json:"errors"` // answered with an error status
	Delayed    int `json:"delayed"`
	Wrong      int `json:"wrong"`   // answered with another's data
	Carried    int `json:"carried"` // requests that carried the fault, whatever became of them
	// While the incident was open.
	Arrivals int `json:"arrivals"`
	Retries  int `json:"retries"` // of the arrivals
	OK       int `json:"ok"`
	// Time.
	DowntimeMS  float64 `json:"downtime_ms"`
	WorstMS     float64 `json:"worst_ms"` // the slowest answer to a request without a fault
	P99BeforeMS float64 `json:"p99_before_ms"`
	LagPeakMS   float64 `json:"lag_peak_ms"` // event loop
	LastedMS    float64 `json:"lasted_ms"`   // until it was steady again
	// Processes.
	CapacityLost   int     `json:"capacity_lost"`    // processes gone
	CapacityLostMS float64 `json:"capacity_lost_ms"` // and for how long
	Deaths         int     `json:"deaths"`
	OOMKills       int     `json:"oom_kills"`
	Workers        int     `json:"workers"` // size of prefork's pool; 0 elsewhere
	Started        int     `json:"started"`
	ProcsBefore    int     `json:"procs_before"`
	ProcsPeak      int     `json:"procs_peak"`
	QueuePeak      int     `json:"queue_peak"` // requests that waited for a place
	CPUMS          float64 `json:"cpu_ms"`
	Outside        int     `json:"outside"` // incidents meanwhile that no fault explains
	// Memory, while the fault was in force.
	SlopeMiBS float64 `json:"slope_mib_s"`
	LeakMiBS  float64 `json:"leak_mib_s"` // what requests left behind
	// What was asked for, and the usual traffic.
	RatePerS   float64 `json:"rate_per_s"`
	Strength   int64   `json:"strength"` // in the unit that the catalogue says
	StrengthMS float64 `json:"strength_ms"`
	DurationMS float64 `json:"duration_ms"` // how long the fault is in force; 0: it strikes once

	Recovered bool `json:"recovered"` // steady again
}

// observe reads the figures of an incident.
func observe(i *sim.Incident, k fault.Kind, in sim.Inject, workers int, ratePerS float64) Figures {
	f := Figures{
		InFlight: i.InFlight, Lost: i.Lost, Carriers: i.Carriers, Collateral: i.Collateral(),
		Reset: i.Reset, Refused: i.Refused, Errors: i.Errors, Delayed: i.Delayed, Wrong: i.Wrong,
		Carried: i.Carried, Arrivals: i.Arrivals, Retries: i.Retries, OK: i.OK,
		DowntimeMS: ms(i.Downtime), WorstMS: round(i.WorstMS), P99BeforeMS: round(i.Before.P99MS),
		LagPeakMS: round(i.LagPeakMS), LastedMS: ms(max(i.Closed-i.At, 0)),
		CapacityLost: i.Deaths, CapacityLostMS: ms(i.Lacking), Deaths: i.Deaths, OOMKills: i.OOMKills,
		Started: i.Started, ProcsBefore: i.Before.Procs, ProcsPeak: i.ProcsPeak, QueuePeak: i.QueuePeak,
		CPUMS: ms(i.CPU), SlopeMiBS: round(i.SlopeBPS / (1 << 20)),
		RatePerS: round(ratePerS), Strength: in.Strength, DurationMS: ms(in.Duration), Recovered: i.Recovered && !i.Open(),
	}
	if i.Model == sim.Prefork {
		f.Workers = workers
	}
	if k.Unit == fault.Time || k.Unit == fault.Backoff {
		f.StrengthMS = ms(time.Duration(in.Strength))
	}
	if s := in.Duration.Seconds(); s > 0 {
		f.LeakMiBS = round(float64(i.LeakB) / (1 << 20) / s)
	}
	return f
}

func ms(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round keeps three decimals.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// figureNames has the names in their order, and where they stand.
var figureNames = func() (names []string) {
	for i := range reflect.TypeFor[Figures]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Figures]().Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

// env is what an expectation sees: the figures by their names, and nothing else.
func (f *Figures) env() map[string]any {
	v := reflect.ValueOf(f).Elem()
	env := make(map[string]any, len(figureNames))
	for i, name := range figureNames {
		env[name] = v.Field(i).Interface()
	}
	return env
}
