package container

import (
	"fmt"
	"syscall"
	"unsafe"
)

// script is what a child does between its birth and its exec: a list of system
// calls, prepared here, made by a few lines of assembly that walk along it
// (stub_linux_*.s). Between clone and exec no Go may run, so all that can be
// decided is decided before; what to do when a step fails is part of the step.
//
// Offsets of the first four fields, and of step's, are known to the assembly.
type script struct {
	steps *step
	at    *step // the one that is being made
	//lint:ignore U1000 the assembly's
	kept   uintptr // the result of the last step that keeps its result
	result int     // of the step that ended the child, if not the exec

	list  []step
	names []string
	alive []any // what the arguments point to
	pid   int32 // of who executes: the child, or the brother that it made
}

// step is one system call.
type step struct {
	number uintptr
	args   [6]uintptr
	flags  uintptr
}

// What is done with a step's result.
const (
	// keep keeps it, useKept takes the kept one as first argument.
	keep    = 1 << 0
	useKept = 1 << 1
	// mayFail goes on whatever it is.
	mayFail = 1 << 2
	// wantZero ends the child unless it is 0, wantMore unless it is more.
	wantZero = 1 << 3
	wantMore = 1 << 4
	// leave ends the child if it is more: it has cloned, and is the parent.
	leave = 1 << 5
)

func (s *script) add(name string, flags, number uintptr, args ...uintptr) {
	st := step{number: number, flags: flags}
	copy(st.args[:], args)
	s.list = append(s.list, st)
	s.names = append(s.names, name)
}

// text is a string for the kernel.
func (s *script) text(t string) uintptr {
	p, err := syscall.BytePtrFromString(t)
	if err != nil { // a zero byte: the kernel would read up to there
		panic("container: zero byte in " + t)
	}
	return s.point(unsafe.Pointer(p), p)
}

// texts is a list of strings that ends with a nil, for execve(2).
func (s *script) texts(list []string) (uintptr, error) {
	pointers, err := syscall.SlicePtrFromStrings(list)
	if err != nil {
		return 0, err
	}
	return s.point(unsafe.Pointer(&pointers[0]), pointers), nil
}

// point notes what is being pointed to, so that it stays, and stays in place:
// what an interface holds is on the heap, and Go's heap doesn't move.
func (s *script) point(p unsafe.Pointer, owner any) uintptr {
	s.alive = append(s.alive, owner)
	return uintptr(p)
}

// cloneArgs is clone3(2)'s.
type cloneArgs struct {
	flags, pidFD, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

const (
	cloneClearSighand = 0x100000000 // Linux 5.5
	cloneIntoCgroup   = 0x200000000
	sysClone3         = 435
)

// run clones and has the child play the script. It returns the process that
// executes in the end, or says which step failed.
func (s *script) run(args *cloneArgs) (pid int, err error) {
	s.steps = &s.list[0]
	s.at = s.steps
	args.flags |= syscall.CLONE_VM | syscall.CLONE_VFORK | cloneClearSighand
	args.exitSignal = uint64(syscall.SIGCHLD)
	r := vfork(args, s)
	if r < 0 {
		return 0, fmt.Errorf("clone3: %w", syscall.Errno(-r))
	}
	if brother := int(s.pid); brother != 0 && brother != r {
		wait(r) // it only made the other, and has ended
		r = brother
	}
	if s.result == 0 && s.at == &s.list[len(s.list)-1] {
		return r, nil
	}
	at := (uintptr(unsafe.Pointer(s.at)) - uintptr(unsafe.Pointer(s.steps))) / unsafe.Sizeof(step{})
	wait(r)
	switch {
	case s.result < 0:
		err = syscall.Errno(-s.result)
	case s.result > 0:
		err = errHostGone
	default:
		err = errKilled
	}
	return 0, fmt.Errorf("%s: %w", s.names[at], err)
}
