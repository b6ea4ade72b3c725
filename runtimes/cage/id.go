package cage

import (
	"fmt"
	"os"

	"forklore/runtimes/spawn"
)

// ID names this process for as long as the machine is up: pid and start time.
func ID() string {
	start, err := spawn.StartTime(os.Getpid())
	if err != nil {
		start = 0 // no /proc, so no groups either
	}
	return fmt.Sprintf("%d-%d", os.Getpid(), start)
}
