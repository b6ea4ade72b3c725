package sim

import "testing"

func TestHistogram(t *testing.T) {
	var h, sum Histogram
	for _, us := range []int64{-1, 0, 999, 1000, 1413, 1414, 1_000_000, 2_047_999, 2_048_000, 1 << 40} {
		h.Count(us)
	}
	sum.Add(&h)
	sum.Add(&h)
	want := Histogram{0: 6, 1: 4, 2: 2, 20: 2, 22: 2, 23: 4}
	if sum != want {
		t.Errorf("got %v, want %v", sum, want)
	}
	if BucketMS(0) != 0 || BucketMS(1) != 1 || BucketMS(3) != 2 || BucketMS(23) != 2048 {
		t.Errorf("bounds: %v %v %v %v", BucketMS(0), BucketMS(1), BucketMS(3), BucketMS(23))
	}
}
