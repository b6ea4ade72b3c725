package matrix

import (
	"math/rand/v2"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// madeUp is an incident as it might be, with books that are in order.
func madeUp(r *rand.Rand) (i sim.Incident) {
	count := func(most int) int { // small ones, and 0, more often than not
		switch r.IntN(4) {
		case 0:
			return 0
		case 1:
			return 1
		}
		return r.IntN(most + 1)
	}
	i.Carriers = count(3)
	i.Reset, i.Refused, i.Errors = count(20), count(20), count(20)
	i.Lost = i.Carriers + i.Reset + i.Refused + i.Errors
	i.InFlight, i.Delayed, i.Wrong, i.OK = count(12), count(40), count(9), count(60)
	i.Retries, i.Carried = count(30), count(20)
	if r.IntN(4) == 0 {
		i.OK *= 10
	}
	i.Arrivals = i.Lost + i.Delayed + i.Wrong + i.OK + i.Retries
	i.Deaths = count(4)
	i.OOMKills = min(count(4), i.Deaths)
	i.Downtime, i.Lacking = time.Duration(count(9000))*time.Millisecond, time.Duration(count(3000))*time.Millisecond
	i.Started, i.ProcsPeak, i.QueuePeak = count(100), count(64), count(64)
	i.Before.Procs = count(8)
	i.Before.P99MS, i.WorstMS = 200+float64(count(200)), float64(count(5000))
	i.CPU = time.Duration(count(4000)) * time.Millisecond
	i.LeakB, i.SlopeBPS = int64(count(200))<<20, float64(count(60)<<20)
	i.Recovered, i.Closed, i.Proof = true, time.Second, "made up"
	return i
}

// What the fake says.
const workers, ratePerS = 8, 16

// find looks for an incident whose figures make the expectation hold, or fail.
func find(f sim.Fault, e *Expectation, want bool) (sim.Incident, bool) {
	k, _ := fault.Find(f)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		i := madeUp(r)
		i.Model = sim.Prefork // the only one with a pool
		fig := observe(&i, k, dose(k), workers, ratePerS)
		if ok, err := e.holds(&fig); err != nil {
			panic(err)
		} else if ok == want {
			return i, true
		}
	}
	return sim.Incident{}, false
}
