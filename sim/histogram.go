package sim

import (
	"math"
	"sort"
)

// HistogramLen is how many buckets a Histogram has.
const HistogramLen = 24

// Histogram counts durations, as many as fell between two bounds. Each bound
// is the one before it times the square root of two: below 1 ms is the first
// bucket, from 2048 ms on the last.
type Histogram [HistogramLen]uint32

// bucketUS are the buckets' lower bounds, in microseconds.
var bucketUS = func() (us [HistogramLen]int64) {
	for i := 1; i < HistogramLen; i++ {
		us[i] = int64(math.Round(1000 * math.Pow(2, float64(i-1)/2)))
	}
	return us
}()

// BucketMS is where a bucket begins, in milliseconds.
func BucketMS(i int) float64 { return float64(bucketUS[i]) / 1000 }

// Count adds one duration.
func (h *Histogram) Count(us int64) {
	h[max(sort.Search(HistogramLen, func(i int) bool { return bucketUS[i] > us })-1, 0)]++
}

// Add adds another histogram's counts.
func (h *Histogram) Add(other *Histogram) {
	for i := range h {
		h[i] += other[i]
	}
}
