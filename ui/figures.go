package ui

import (
	"fmt"
	"strconv"
	"time"
)

// count writes a number, with a comma from 10,000 on and short from 100,000 on.
func count[T ~int | ~int64 | ~uint64](v T) string {
	n := int64(v)
	switch {
	case n >= 10_000_000:
		return strconv.FormatInt(n/1_000_000, 10) + "M"
	case n >= 100_000:
		return strconv.FormatInt(n/1000, 10) + "k"
	case n >= 10_000:
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return strconv.FormatInt(n, 10)
}

// mib writes bytes.
func mib(bytes int64) string {
	switch m := float64(bytes) / (1 << 20); {
	case m >= 10_000:
		return fmt.Sprintf("%.1f GiB", m/1024)
	default:
		return fmt.Sprintf("%.0f MiB", m)
	}
}

// percent never rounds up to 100: one lost request in a thousand is seen.
func percent(share float64) string {
	switch p := share * 100; {
	case p >= 100:
		return "100%"
	case p >= 99:
		return fmt.Sprintf("%.1f%%", float64(int(p*10))/10)
	default:
		return fmt.Sprintf("%.0f%%", float64(int(p)))
	}
}

// millis writes milliseconds without their unit.
func millis(ms float64) string {
	switch {
	case ms >= 10:
		return fmt.Sprintf("%.0f", ms)
	case ms >= 0.05:
		return fmt.Sprintf("%.1f", ms)
	}
	return "0"
}

// span writes a duration for a sentence: three digits are enough.
func span(d time.Duration) string {
	switch s := d.Seconds(); {
	case s >= 60:
		return clock(d)
	case s >= 10:
		return fmt.Sprintf("%.1f s", s)
	case s >= 1:
		return fmt.Sprintf("%.2f s", s)
	case s >= 0.001:
		return fmt.Sprintf("%.0f ms", s*1000)
	}
	return "0 ms"
}

// seconds writes a duration that is counted while one looks at it.
func seconds(d time.Duration) string {
	switch s := d.Seconds(); {
	case s >= 60:
		return clock(d)
	case s >= 10:
		return fmt.Sprintf("%.0f s", s)
	default:
		return fmt.Sprintf("%.1f s", s)
	}
}

// left writes the whole seconds that remain.
func left(d time.Duration) string {
	return strconv.Itoa(int((max(d, 0)+time.Second-1)/time.Second)) + " s"
}

// clock writes the time since the start.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}

// perSecond writes a rate.
func perSecond(r float64) string {
	if r >= 1000 {
		return count(int64(r + 0.5))
	}
	if r >= 9.95 || r == float64(int(r)) {
		return fmt.Sprintf("%.0f", r)
	}
	return fmt.Sprintf("%.1f", r)
}

// slope writes bytes per second, with its sign.
func slope(bytesPerS float64) string {
	m := bytesPerS / (1 << 20)
	if m > -0.05 && m < 0.05 {
		m = 0 // not "-0.0"
	}
	return fmt.Sprintf("%+.1f MiB/s", m)
}
