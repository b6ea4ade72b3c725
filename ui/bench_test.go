package ui

import (
	"sort"
	"testing"
	"time"

	"forklore/assets"
	"forklore/sim"
)

// One frame of 200x60, four columns with 512 processes each: p99 of 3 ms at
// most is the house's figure.
func BenchmarkFrame(b *testing.B) {
	for _, bm := range []struct {
		name string
		w, h int
		snap *sim.Snapshot
	}{
		{"80x24", 80, 24, after()},
		{"200x60x512", 200, 60, big()},
	} {
		b.Run(bm.name, func(b *testing.B) {
			st := state{target: sim.AllModels}
			st.observe(bm.snap)
			word, pal := assets.Words("en"), colours()
			var f frame
			took := make([]time.Duration, 0, 1<<16)
			b.ReportAllocs()
			for b.Loop() {
				begin := time.Now()
				f.draw(bm.snap, &st, word, bm.w, bm.h, pal)
				if len(took) < cap(took) {
					took = append(took, time.Since(begin))
				}
			}
			sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
