//go:build !linux

package live

import (
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
		s.cpu, s.rss = cpu, int64(ru.Maxrss) // the most, in bytes on macOS (getrusage(2))
	}
	s.at = now
	return s.share, s.rss
}

func descriptors(int) int { return 0 }
