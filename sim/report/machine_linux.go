package report

import (
	"os"
	"strings"
	"syscall"
)

func kernelAndMemory() (kernel string, memBytes int64) {
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = strings.TrimSpace(string(b))
	}
	var si syscall.Sysinfo_t
	if syscall.Sysinfo(&si) == nil {
		memBytes = int64(uint64(si.Totalram) * uint64(si.Unit))
	}
	return kernel, memBytes
}
