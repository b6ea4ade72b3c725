//go:build linux

package ui

import (
	"fmt"
	"sort"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/prometheus/procfs"

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
		over overlay
	}{
		{"80x24", 80, 24, after(), noOverlay},
		{"80x24 hang", 80, 24, hanging(), noOverlay},
		{"120x36", 120, 36, after(), noOverlay},
		{"200x60x512", 200, 60, big(), noOverlay},
		{"200x60x512 compare", 200, 60, big(), compareOverlay},
		{"200x60x512 zoom", 200, 60, big(), zoomOverlay},
	} {
		b.Run(bm.name, func(b *testing.B) {
			st := state{target: sim.AllModels, over: bm.over}
			for _, snap := range minute(bm.snap) { // the charts are full
				st.observe(snap)
			}
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
			for _, q := range []int{50, 99} {
				b.ReportMetric(float64(took[len(took)*q/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", q))
			}
		})
	}
}

// What the screen itself costs while snapshots come in at their rate: CPU as a
// share of one core over five seconds, its start apart, and memory.
func BenchmarkIdleScreen(b *testing.B) {
	for _, size := range []pty.Winsize{{Cols: 80, Rows: 24}, {Cols: 200, Rows: 60}} {
		b.Run(fmt.Sprintf("%dx%d", size.Cols, size.Rows), func(b *testing.B) {
			for b.Loop() {
				s := startScreen(b, "runs")
				if err := pty.Setsize(s.pty, &size); err != nil {
					b.Fatal(err)
				}
				proc, err := procfs.NewProc(s.cmd.Process.Pid)
				if err != nil {
					b.Fatal(err)
				}
				time.Sleep(time.Second)
				before, err := proc.Stat()
				if err != nil {
					b.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				after, err := proc.Stat()
				if err != nil {
					b.Fatal(err)
				}
				s.pty.WriteString("\x03")
				_ = s.cmd.Wait()
				b.ReportMetric(100*(after.CPUTime()-before.CPUTime())/5, "cpu-%")
				b.ReportMetric(float64(after.ResidentMemory())/(1<<20), "rss-MiB")
			}
		})
	}
}
