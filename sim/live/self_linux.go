package live

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// self measures what the lab itself costs, once a second.
type self struct {
	at    time.Time
	cpu   time.Duration
	share float64
	rss   int64
}

func (s *self) usage(now time.Time) (cpuShare float64, rssBytes int64) {
	if now.Sub(s.at) < time.Second {
		return s.share, s.rss
	}
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) == nil {
		cpu := time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
		if !s.at.IsZero() {
			s.share = float64(cpu-s.cpu) / float64(now.Sub(s.at))
		}
		s.cpu = cpu
	}
	// statm: size and resident, in pages (proc_pid_statm(5)).
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := bytes.Fields(b); len(f) > 1 {
			pages, _ := strconv.ParseInt(string(f[1]), 10, 64)
			s.rss = pages * int64(os.Getpagesize())
		}
	}
	s.at = now
	return s.share, s.rss
}

// descriptors counts what a process has open (proc_pid_fd(5)); 0: it can't be
// seen, or is gone.
func descriptors(pid int) int {
	dir, err := os.Open("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	return len(names)
}
