package role

import (
	"syscall"
	"unsafe"
)

// setProcessName names the calling thread, which during init is the first
// thread of the process: its name is the process's (proc_pid_comm(5)).
func setProcessName(name string) {
	var b [16]byte
	copy(b[:15], name)
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_NAME, uintptr(unsafe.Pointer(&b[0])), 0)
}
