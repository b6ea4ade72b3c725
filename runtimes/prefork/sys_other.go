//go:build !linux

package prefork

import (
	"syscall"

	"forklore/runtimes/role"
)

// executable: package syscall can't tell, so whoever starts the parent does.
func executable() string { return role.Env("EXE") }

// attributes: only Linux has Pdeathsig. Workers look for their parent each
// time that their wait for a connection ends.
func attributes() *syscall.SysProcAttr { return nil }

// poke interrupts a worker's wait: see package runtime's sigtable for why it
// does nothing else.
const poke = syscall.SIGURG

// heedPoke has nothing to do: accept below wakes by itself, and a signal to a
// kept connection may wait for its time-out.
func heedPoke() {}

func subreaper() {}

// childEnded looks now and then: waitid(2) with WNOWAIT isn't to be had here.
func childEnded() bool {
	sleepMS(10)
	return true
}

// acceptWaitMS is how long a worker may fail to see that it should leave: a
// signal doesn't end its wait here.
const acceptWaitMS = 200

// accept waits with select(2), which has a time-out. All workers wake for each
// connection, one gets it: the thundering herd, that Linux spares the blocking
// accept.
func accept(listener int) (conn int, port uint16, errno syscall.Errno) {
	var set syscall.FdSet
	const bits = 32
	set.Bits[listener/bits] |= 1 << (listener % bits)
	t := syscall.NsecToTimeval(acceptWaitMS * 1_000_000)
	syscall.SetNonblock(listener, true)
	syscall.Select(listener+1, &set, nil, nil, &t)
	fd, sa, err := syscall.Accept(listener)
	if err != nil {
		return -1, 0, err.(syscall.Errno)
	}
	syscall.SetNonblock(fd, false) // inherited from the listener here
	syscall.CloseOnExec(fd)
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	setPatience(fd, patienceNS(timeoutNS()))
	if v4, ok := sa.(*syscall.SockaddrInet4); ok {
		port = uint16(v4.Port)
	}
	return fd, port, 0
}

func read(fd int, b []byte) (int, syscall.Errno)  { return errnoOf(syscall.Read(fd, b)) }
func write(fd int, b []byte) (int, syscall.Errno) { return errnoOf(syscall.Write(fd, b)) }

func errnoOf(n int, err error) (int, syscall.Errno) {
	errno, _ := err.(syscall.Errno)
	return max(n, 0), errno
}

// backlogUsed can't be told here.
func backlogUsed(int) uint64 { return 0 }
