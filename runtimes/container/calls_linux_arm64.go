package container

import "golang.org/x/sys/unix"

// machineCalls are those that not every architecture has.
var machineCalls = []uint32{unix.SYS_FSTATAT, unix.SYS_GETRLIMIT, unix.SYS_RENAMEAT, unix.SYS_SETRLIMIT}
