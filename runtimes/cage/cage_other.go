//go:build !linux

package cage

import (
	"errors"
	"runtime"
)

// MachineCgroup is "none": control groups are Linux's.
func MachineCgroup() string { return "none" }

func openGroups(string) (yardGroups, error) {
	return nil, errors.New("no cgroups on " + runtime.GOOS + ": nothing is limited, memory is RSS from ps(1)")
}
