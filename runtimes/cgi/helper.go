package cgi

import (
	"syscall"
	"time"
)

// Help runs a program that a [Config].Start or a Destroy needs, such as an
// engine of containers, and waits for its end: in a process with a Host nobody
// else may wait for a child. The program has to lead a process group, which is
// killed when patience is over, or when the Host ends.
//
// What the program leaves behind becomes a child of this process (subreaper):
// Start can return one of these as the call's.
func Help(patience time.Duration, start func() (pid int, err error)) (syscall.WaitStatus, error) {
	r := processReaper()
	ticket := r.begin()
	pid, err := start()
	if err != nil {
		r.started(ticket, 0, nil)
		return 0, err
	}
	c := r.started(ticket, pid, nil)
	defer time.AfterFunc(patience, c.kill).Stop()
	c.wait()
	if c.status != 0 {
		c.killRest() // what it was at when it was killed shall not go on
	}
	return c.status, nil
}
