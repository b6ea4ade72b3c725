package bench

import (
	"strings"
	"testing"
)

func TestPercentile(t *testing.T) {
	var hundred []int64
	for i := range 100 {
		hundred = append(hundred, int64(i+1))
	}
	for _, c := range []struct {
		of   []int64
		p    int
		want int64
	}{
		{[]int64{7}, 50, 7},
		{[]int64{7}, 99, 7},
		{[]int64{1, 2}, 50, 1},
		{[]int64{1, 2, 3}, 50, 2},
		{[]int64{1, 2, 3}, 99, 3},
		{hundred, 50, 50},
		{hundred, 99, 99},
	} {
		if got := percentile(c.of, c.p); got != c.want {
			t.Errorf("p%d of %d: %d, want %d", c.p, len(c.of), got, c.want)
		}
	}
}

func TestReadyNS(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   int64
		fails  bool
	}{
		{"Content-Type: text/plain\nForklore-Ready-Ns: 42\n\nhello\n", 42, false},
		{"Content-Type: text/plain\n\nhello\n", 0, true},
		{"Forklore-Ready-Ns: soon\n\n", 0, true},
		{"", 0, true},
	} {
		if got, err := readyNS(strings.NewReader(c.answer)); got != c.want || (err != nil) != c.fails {
			t.Errorf("%q: %d, %v; want %d", c.answer, got, err, c.want)
		}
	}
}
