//go:build !linux

package traffic

func newAlarm() (alarm, error) { return newTimerAlarm(), nil }
