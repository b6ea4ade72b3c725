//go:build !linux

package runtimes

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// anonymousFile is an unlinked file where there is no memfd.
func anonymousFile(name string, size int) (*os.File, error) {
	f, err := os.CreateTemp("", folderPrefix+name)
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	if err := f.Truncate(int64(size)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// memTotal is the machine's memory, 0 if it can't be told.
func memTotal() int64 { return 0 }

// cpuTime is not to be had here.
func cpuTime(int) time.Duration { return 0 }

// lockPort needs abstract sockets, which only Linux has.
func lockPort(int) (*os.File, error) { return nil, nil }

// killBelow kills a process, if still holds true. There is no handle of it
// here, but by its number.
func killBelow(pid, _ int, still func() bool) error {
	if !still() {
		return errGone
	}
	err := syscall.Kill(pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return errGone
	}
	return err
}
