package prefork

import (
	"syscall"

	"forklore/runtimes/role"
)

// The three who wait. Each is blocked in one system call nearly all the time,
// and ends with the process.

// awaitDeaths says that a child has ended, and leaves it unreaped. Until main
// has waited for it, it may say so once more: then main finds nothing.
func (p *parent) awaitDeaths(dead chan<- struct{}) {
	for {
		if childEnded() {
			dead <- struct{}{}
		} else {
			<-p.born // there are no children
		}
	}
}

// awaitLines closes lines when the lab is gone.
func awaitLines(lines chan<- string) {
	role.Commands(func(line string) { lines <- line })
	close(lines)
}

// awaitTime is the clock: package time would cost more imports than all else
// here together.
func (p *parent) awaitTime(ticks chan<- struct{}) {
	for {
		if p.hurry.Load() {
			sleepMS(tickHurryMS)
		} else {
			sleepMS(tickMS)
		}
		ticks <- struct{}{}
	}
}

// sleepMS blocks the calling thread.
func sleepMS(ms int64) {
	t := syscall.NsecToTimeval(ms * 1_000_000)
	syscall.Select(0, nil, nil, nil, &t)
}
