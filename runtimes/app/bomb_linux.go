//go:build amd64 || arm64

package app

import (
	"syscall"
	"unsafe"

	"forklore/runtimes/role"
)

// LightBomb forks a bomber, which forks n processes. lit: it is under way.
// Otherwise the answer has what there is to say.
func LightBomb(n int64, a *Answer) (b Bomb, lit bool) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		a.Failed = "forks: " + err.Error()
		return b, false
	}
	charge = bomber{n: uintptr(n), pipe: uintptr(ends[1]), fds: uintptr(FDLimit()),
		end: syscall.NsecToTimespec(role.Nanotime() + ForkHoldUS*1000)}
	pid, errno := forkBomber()
	syscall.Close(ends[1])
	if errno != 0 { // not even the first: that is what it has come to
		syscall.Close(ends[0])
		a.Bombed, a.ForkErrno = true, errno
		return b, false
	}
	return Bomb{FD: ends[0], pid: int(pid)}, true
}

// bomber is all that the bomber has, in a variable that it gets a copy of. It
// is the copy of one thread of a Go program: the others, which the runtime
// counts on, are missing. So it runs what needs no runtime, system calls from
// functions that don't look whether their stack has to grow, which is also
// where the scheduler would take over; and no signal handler, since all
// signals are blocked. syscall.ForkExec does the same on its way to exec.
type bomber struct {
	n, pipe, fds uintptr

	signals [2]uint64 // those that are blocked meanwhile, and those that were
	end     syscall.Timespec
	now     syscall.Timespec
	wait    syscall.Timespec
	poll    struct {
		fd              int32
		events, revents int16
	}
	over   uint32 // the children wait for a change of it
	report [2]int64
}

var charge bomber

//go:nosplit
//go:norace
func forkBomber() (pid uintptr, errno syscall.Errno) {
	const setMask = 2 // SIG_SETMASK
	b := &charge
	b.signals[0] = ^uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&b.signals[0])), uintptr(unsafe.Pointer(&b.signals[1])), 8, 0, 0)
	pid, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if pid == 0 && errno == 0 {
		b.run()
	}
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&b.signals[1])), 0, 8, 0, 0)
	return pid, errno
}

// retryNS is how long the bomber waits after a refusal.
const retryNS = 1_000_000

// run is the bomber's life. It has no Pdeathsig, unlike its children: who is
// killed leaves them as zombies to whoever takes in orphans, hundreds that
// count in the group until that one has waited for them. The pipe tells it as
// well that nobody is there any more, and it goes in good order.
//
//go:nosplit
//go:norace
func (b *bomber) run() {
	b.closeOthers()
	me, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	var forked uintptr
	for b.goesOn(forked == b.n) {
		for forked < b.n {
			r := forkChild(me, &b.over, &b.end)
			if r < 0 {
				if b.report[1] == 0 {
					b.report[0], b.report[1] = int64(forked), int64(-r)
				}
				break
			}
			forked++
		}
	}
	if b.report[1] == 0 {
		b.report[0] = int64(forked)
	}
	syscall.RawSyscall(syscall.SYS_WRITE, 0, uintptr(unsafe.Pointer(&b.report)), reportBytes)
	b.over = 1
	const wake = 1 // FUTEX_WAKE
	syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(&b.over)), wake, b.n, 0, 0, 0)
	for {
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_WAIT4, ^uintptr(0), 0, 0, 0, 0, 0); errno != 0 {
			b.exit()
		}
	}
}

// goesOn waits until it is worth a try again, or for the end if there is
// nothing more to try. false: it is over, or nobody reads the pipe any more.
//
//go:nosplit
//go:norace
func (b *bomber) goesOn(waits bool) bool {
	const monotonic = 1 // CLOCK_MONOTONIC, as role.Nanotime
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&b.now)), 0)
	left := (b.end.Sec-b.now.Sec)*1e9 + b.end.Nsec - b.now.Nsec
	if left <= 0 {
		return false
	}
	if !waits {
		left = min(left, retryNS)
		if b.report[1] == 0 {
			left = 0 // it was never refused
		}
	}
	b.wait.Sec, b.wait.Nsec = left/1e9, left%1e9
	b.poll.fd, b.poll.events = 0, 0
	broken, _, _ := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&b.poll)), 1, uintptr(unsafe.Pointer(&b.wait)), 0, 0, 0)
	return broken == 0 // else POLLERR: the read end is closed
}

// closeOthers leaves nothing open but the pipe, as descriptor 0. A copy of a
// client's connection would keep it open after this program has closed it.
//
//go:nosplit
//go:norace
func (b *bomber) closeOthers() {
	const closeRange = 436 // Linux 5.9
	syscall.RawSyscall(syscall.SYS_DUP3, b.pipe, 0, 0)
	if _, _, errno := syscall.RawSyscall(closeRange, 1, uintptr(^uint32(0)), 0); errno == 0 {
		return
	}
	for fd := uintptr(1); fd < b.fds; fd++ {
		syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
	}
}

//go:nosplit
//go:norace
func (b *bomber) exit() {
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// forkChild forks a child that waits until over is no longer 0, or the time
// has come, and ends. It shares the bomber's memory, files and handlers: what
// a process of its own costs then is the kernel's part of it alone, and the
// limit that a bomb meets is that of the processes and not that of the memory.
// So it may touch no stack, and is assembly. It returns the child's pid, or an
// error number below zero.
//
//go:noescape
func forkChild(parent uintptr, over *uint32, end *syscall.Timespec) int
