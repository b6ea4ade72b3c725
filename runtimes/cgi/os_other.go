//go:build !linux

package cgi

import (
	"os"
	"syscall"
)

const waitAll = 0

// Only Linux has subreapers, deaths that are passed on, and lists of children:
// elsewhere a call's group is all that can be ended.
func becomeSubreaper() {}

func killWithHost(*syscall.SysProcAttr) {}

func killOrphans() {}

func self() (string, error) { return os.Executable() }
