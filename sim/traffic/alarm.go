package traffic

import "time"

// alarm wakes one waiting goroutine at a time that others may change.
type alarm interface {
	set(d time.Duration) // ring in d; replaces what was set
	wait() error         // until it rings; it may ring for nothing
	close()
}

// timerAlarm is an alarm of the runtime's own timers: for systems without
// timerfd, and for tests with a clock of their own.
type timerAlarm struct{ t *time.Timer }

func newTimerAlarm() alarm { return timerAlarm{time.NewTimer(maxSleep)} }

func (a timerAlarm) set(d time.Duration) { a.t.Reset(d) }
func (a timerAlarm) wait() error         { <-a.t.C; return nil }
func (a timerAlarm) close()              { a.t.Stop() }
