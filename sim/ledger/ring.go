package ledger

import (
	"slices"
	"time"
)

// ring keeps the newest latencies.
type ring struct {
	d    []time.Duration
	next int
}

func (r *ring) n() int { return len(r.d) }

func (r *ring) add(d time.Duration) {
	if len(r.d) < maxBaseline {
		r.d = append(r.d, d)
		return
	}
	r.d[r.next] = d
	r.next = (r.next + 1) % maxBaseline
}

func (r *ring) p99() time.Duration {
	if len(r.d) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(r.d))
	return s[min(len(s)-1, len(s)*99/100)]
}
