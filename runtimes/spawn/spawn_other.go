//go:build !linux

package spawn

import (
	"os"
	"syscall"
	"time"
)

func executable() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// killWithParent does nothing here: only Linux has Pdeathsig. The end of file
// of the control socket does it.
func killWithParent(*syscall.SysProcAttr) {}

func cleanDescriptors() {}

func yieldThread(nice int) {}

// StartTime has no source here; the time of asking keeps names apart.
func StartTime(int) (uint64, error) { return uint64(time.Now().UnixMilli()), nil }
