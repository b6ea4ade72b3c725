package eventloop

import (
	"syscall"

	"forklore/runtimes/app"
	"forklore/runtimes/role"
)

// readControl reads what the lab says. One read for each event: the control
// socket is level-triggered and may block, since its writer and role.Tell use
// it as a plain stream.
func (l *loop) readControl() {
	var b [128]byte
	n, err := syscall.Read(role.ControlFD, b[:])
	if n == 0 || err != nil && err != syscall.EINTR && err != syscall.EAGAIN {
		syscall.Exit(0) // the lab is gone, and nobody is left to answer to
	}
	for _, c := range b[:max(n, 0)] {
		if c != '\n' {
			if len(l.command) < len(b) {
				l.command = append(l.command, c)
			}
			continue
		}
		switch string(l.command) {
		case "stop":
			l.stop()
		case "close leaked":
			app.CloseLeaked()
		}
		l.command = l.command[:0]
	}
}
