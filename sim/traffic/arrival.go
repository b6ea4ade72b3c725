package traffic

import (
	"math/rand/v2"
	"time"

	"forklore/runtimes/app"
)

// Arrival is one request that comes in, at the same moment and with the same
// steps in every model.
type Arrival struct {
	ID       uint64 // 1, 2, 3, ...; of a retry, see Attempt
	Intended time.Time
	Steps    app.Steps
}

// draws makes arrivals from a seed. What arrival n is depends on the seed and
// n alone, never on what was drawn before: so a run can be taken up anywhere,
// and two runs with one seed are comparable arrival by arrival, whatever their
// rates.
type draws struct {
	seed     uint64
	even     bool
	workload Workload
	pcg      rand.PCG
	rng      *rand.Rand
}

func newDraws(seed uint64, even bool, w Workload) *draws {
	d := &draws{seed: seed, even: even, workload: w}
	d.rng = rand.New(&d.pcg)
	return d
}

// at returns the gap before arrival id, in mean gaps, and its steps. The gap
// is drawn for even arrivals too, so that they do the same work.
func (d *draws) at(id uint64) (gap float64, steps app.Steps) {
	d.pcg.Seed(mix(d.seed), mix(d.seed+mix(id)))
	gap = d.rng.ExpFloat64() // a Poisson process has exponential gaps
	if d.even {
		gap = 1
	}
	return gap, d.workload.Draw(d.rng)
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014): neighbouring
// seeds and arrivals become unrelated states of the generator.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
