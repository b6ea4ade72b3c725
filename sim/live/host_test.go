package live

import (
	"strings"
	"testing"
)

// TestShortOf: what the machine is short of, as its own files say; nothing where
// there are none.
func TestShortOf(t *testing.T) {
	const meminfo, loadavg, pidMax = "MemTotal:       8000000 kB\nMemFree:  100 kB\nMemAvailable:   4000000 kB\n", "0.50 0.40 0.30 2/345 6789\n", "32768\n"
	for _, c := range []struct {
		name                     string
		meminfo, loadavg, pidMax string
		want                     string
	}{
		{"all well", meminfo, loadavg, pidMax, ""},
		{"no /proc", "", "", "", ""},
		{"memory, of a large machine", strings.Replace(meminfo, "4000000", "399999", 1), loadavg, pidMax, "390 MiB of memory available"},
		{"memory, of a small one", strings.NewReplacer("8000000", "1000000", "4000000", "190000").Replace(meminfo), loadavg, pidMax, "at least 192 MiB"},
		{"load", meminfo, "48.1 9 9 2/345 6789", pidMax, "load average is 48.1, on 2 CPUs"},
		{"just not", meminfo, "47.9 9 9 2/345 6789", pidMax, ""},
		{"threads", meminfo, "1 1 1 2/30000 6789", pidMax, "30000 threads, and at most 32768"},
		{"nonsense", "MemTotal: x kB\nMemAvailable: y kB", "a b c d e", "z", ""},
	} {
		got := shortOf(c.meminfo, c.loadavg, c.pidMax, 2)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
