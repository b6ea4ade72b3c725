package traffic

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// shape is a family of distributions.
type shape uint8

const (
	constant  shape = iota // a
	exp                    // mean a
	uniform                // a to b
	lognormal              // median a, sigma of the logarithm
)

// shapes are how users write them.
var shapes = map[string]shape{"const": constant, "exp": exp, "uniform": uniform, "lognormal": lognormal}

// dist is a distribution of a step's N: microseconds or bytes.
type dist struct {
	shape shape
	a, b  int64
	sigma float64
}

// maxSigma keeps a lognormal's mean finite enough to plan with: at 4 it is
// already 3000 times the median.
const maxSigma = 4

// draw returns one value, at most most: exp and lognormal have no end of
// their own, and no request may take the machine down.
func (d dist) draw(r *rand.Rand, most int64) int64 {
	x := float64(d.a)
	switch d.shape {
	case constant:
		return d.a
	case uniform:
		return d.a + r.Int64N(d.b-d.a+1)
	case exp:
		x *= r.ExpFloat64()
	case lognormal:
		x *= math.Exp(d.sigma * r.NormFloat64())
	}
	return int64(math.Round(min(x, float64(most))))
}

// mean is the expected value, without the cut that draw makes.
func (d dist) mean() float64 {
	switch d.shape {
	case uniform:
		return (float64(d.a) + float64(d.b)) / 2
	case lognormal:
		return float64(d.a) * math.Exp(d.sigma*d.sigma/2)
	}
	return float64(d.a)
}

// text writes the distribution as ParseWorkload reads it.
func (d dist) text(u units) string {
	switch d.shape {
	case exp:
		return "exp(" + u.text(d.a) + ")"
	case uniform:
		return "uniform(" + u.text(d.a) + "," + u.text(d.b) + ")"
	case lognormal:
		return "lognormal(" + u.text(d.a) + "," + strconv.FormatFloat(d.sigma, 'g', -1, 64) + ")"
	}
	return u.text(d.a)
}
