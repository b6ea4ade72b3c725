//go:build !(amd64 || arm64) || race

package container

import "syscall"

// haveStub: there is no child-side stub for this architecture, or, with the
// race detector, it is left out to try what happens without it. See thread_linux.go.
const haveStub = false

func vfork(*cloneArgs, *script) int { return -int(syscall.ENOSYS) }
