package ui

import (
	"testing"
	"time"

	"forklore/sim"
)

// at is a calm snapshot at a time, with so many MiB and answers in CGI.
func at(when time.Duration, mib int64, answered uint64) *sim.Snapshot {
	s := calm()
	s.At = when
	s.Model[sim.CGI].Memory.Bytes = mib << 20
	s.Model[sim.CGI].Requests.OK = answered
	return s
}

func TestHistory(t *testing.T) {
	var h history
	for i := range 3 * historyLen {
		h.add(at(time.Duration(i)*sim.Interval, int64(i), uint64(4*i)))
	}
	if len(h.point) != historyLen || h.ago(0).model[sim.CGI].of[memoryMetric] != 1799 {
		t.Fatalf("%d moments, the newest has %v", len(h.point), h.ago(0).model[sim.CGI].of)
	}
	if got := h.ago(0).model[sim.CGI].of[answersMetric]; got != 40 {
		t.Errorf("%v answers a second, want 40", got)
	}
	if got := h.ago(historyLen - 1).model[sim.CGI].of[memoryMetric]; got != 1200 {
		t.Errorf("the oldest moment has %v", got)
	}
	if got := h.most(memoryMetric); got != 1799 {
		t.Errorf("most: %v", got)
	}
	bins := make([]bin, 60)
	h.bins(bins, sim.CGI, memoryMetric)
	if b := bins[59]; b != (bin{1790, 1799, 1790, 1799, true}) {
		t.Errorf("the newest second: %+v", b)
	}
	if b := bins[0]; !b.known || b.lo < 1200 || b.hi > 1210 {
		t.Errorf("the oldest second: %+v", b)
	}
	h.add(at(0, 7, 0)) // another run's clock
	if len(h.point) != 1 || h.most(memoryMetric) != 45 {
		t.Errorf("%d moments after the clock went back, most %v", len(h.point), h.most(memoryMetric))
	}
	var none *history
	none.bins(bins, sim.CGI, memoryMetric)
	if bins[59].known || none.most(procsMetric) != 0 || none.clone() != nil {
		t.Error("no history has a figure")
	}
}

// A column without a snapshot of its own is bridged, a gap is not.
func TestFill(t *testing.T) {
	bins := make([]bin, 240) // four a second
	known := bin{5, 5, 5, 5, true}
	bins[10], bins[14], bins[30] = known, known, known
	fill(bins)
	for i, want := range map[int]bool{9: false, 11: true, 13: true, 15: false, 29: false} {
		if bins[i].known != want {
			t.Errorf("column %d: known %v, want %v", i, bins[i].known, want)
		}
	}
}

func TestNice(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 1: 1, 1.2: 2, 16: 20, 268: 300, 801: 1000, 128: 200} {
		if got := nice(v); got != want {
			t.Errorf("nice(%v) = %v, want %v", v, got, want)
		}
	}
}

// Every sign that a large figure can have has its dots, all in one size.
func TestBigDigits(t *testing.T) {
	for _, r := range "0123456789+~?-kM" {
		rows, ok := bigDots[r]
		for _, row := range rows {
			if !ok || len(row) != 3 {
				t.Errorf("%q: %q", r, rows)
			}
		}
	}
}
