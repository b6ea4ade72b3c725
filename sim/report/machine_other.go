//go:build !linux

package report

import (
	"encoding/binary"
	"syscall"
)

func kernelAndMemory() (kernel string, memBytes int64) {
	kernel, _ = syscall.Sysctl("kern.osrelease")
	// syscall.Sysctl takes the value for a string and cuts its last byte if it is 0.
	if raw, err := syscall.Sysctl("hw.memsize"); err == nil {
		b := make([]byte, 8)
		copy(b, raw)
		memBytes = int64(binary.LittleEndian.Uint64(b))
	}
	return kernel, memBytes
}
