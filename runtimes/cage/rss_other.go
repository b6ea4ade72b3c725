//go:build !linux

package cage

import (
	"os/exec"
	"strconv"
	"strings"
)

// processes adds up RSS from ps(1), for systems without /proc. Pages that
// processes share are counted in each of them, so the sum is too high by that;
// the source says "rss" to show it.
type processes struct{ peakBytes int64 }

func (p *processes) figures(pids []int) Figures {
	f := Figures{Source: "rss"}
	if len(pids) > 0 {
		list := make([]string, len(pids))
		for i, pid := range pids {
			list[i] = strconv.Itoa(pid)
		}
		// Its status is 1 if one of them has ended; the others are still listed.
		out, _ := exec.Command("ps", "-o", "rss=", "-p", strings.Join(list, ",")).Output()
		for _, field := range strings.Fields(string(out)) {
			kib, _ := strconv.ParseInt(field, 10, 64)
			f.MemoryBytes += kib << 10
			f.PidsNow++
		}
	}
	p.peakBytes = max(p.peakBytes, f.MemoryBytes)
	f.PeakBytes = p.peakBytes
	return f
}
