package live

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// host watches the machine while faults are at work: a demonstration may bring a
// model down, never the laptop that it runs on. What a system doesn't tell isn't
// watched there.
type host struct {
	read time.Time
	why  string
}

const (
	lookAtHost = 500 * time.Millisecond
	// The lab has the machine at least so much memory left, or a twentieth.
	leastAvailable = 192 << 20
	// loadPerCPU is far above what the lab itself causes: some four runnable
	// processes a CPU in a start storm.
	loadPerCPU = 24
)

// short says what the machine is short of, "" if nothing.
func (h *host) short() string {
	if now := time.Now(); now.Sub(h.read) > lookAtHost {
		h.read, h.why = now, shortOf(readFile("/proc/meminfo"), readFile("/proc/loadavg"), readFile("/proc/sys/kernel/pid_max"), runtime.NumCPU())
	}
	return h.why
}

func readFile(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// shortOf reads proc_meminfo(5), proc_loadavg(5) and pid_max (proc_sys_kernel(5)).
func shortOf(meminfo, loadavg, pidMax string, cpus int) string {
	if total, available := field(meminfo, "MemTotal:"), field(meminfo, "MemAvailable:"); total > 0 && available > 0 {
		if least := max(total/20, leastAvailable); available < least {
			return fmt.Sprintf("%d MiB of memory available, at least %d MiB are to be left", available>>20, least>>20)
		}
	}
	f := strings.Fields(loadavg)
	if len(f) < 4 {
		return ""
	}
	if load, err := strconv.ParseFloat(f[0], 64); err == nil && load > float64(loadPerCPU*cpus) {
		return fmt.Sprintf("its load average is %s, on %d CPUs", f[0], cpus)
	}
	_, tasks, _ := strings.Cut(f[3], "/")
	n, err := strconv.Atoi(tasks)
	most, err2 := strconv.Atoi(strings.TrimSpace(pidMax))
	if err == nil && err2 == nil && n > most/10*9 {
		return fmt.Sprintf("%d threads, and at most %d can be", n, most)
	}
	return ""
}

// field is a line's number of KiB, in bytes; 0 if there is none.
func field(text, name string) int64 {
	_, rest, ok := strings.Cut(text, name)
	if !ok {
		return 0
	}
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, _ := strconv.ParseInt(number, 10, 64)
	return kib << 10
}
