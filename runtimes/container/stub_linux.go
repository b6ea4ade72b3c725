//go:build (amd64 || arm64) && !race

package container

import "unsafe"

// haveStub: the child's side of a sandbox can be done in the child.
const haveStub = true

// vfork clones the process as vfork(2) does: the child runs on the parent's
// memory, and the calling thread stands still until it executes or ends. The
// child runs the script and nothing else, see stub_linux_*.s. It returns the
// child's pid, or an error number below zero.
//
// A vfork child of a Go program must not run Go: the runtime's locks, threads
// and signal handlers would be the parent's. This one runs some thirty lines
// of assembly that touch no stack and no memory but the script's, and
// CLONE_CLEAR_SIGHAND has taken the runtime's signal handlers from it. So no
// signals need to be blocked, as syscall.ForkExec has to; and its descriptors
// are closed by the script, so it takes no syscall.ForkLock either: starts go
// on side by side.
//
// Why vfork and not just CLONE_VM: the kernel's OOM killer leaves a vfork
// child alone (oom_badness, in_vfork); without it, the parent would be killed
// for what it shares memory with.
//
// The thread's processor goes to other goroutines meanwhile, as it would in a
// slow system call.
//
//go:nosplit
//go:norace
func vfork(args *cloneArgs, s *script) int {
	entersyscall()
	pid := cloneAndRun(args, unsafe.Sizeof(*args), s)
	exitsyscall()
	return pid
}

//go:noescape
func cloneAndRun(args *cloneArgs, size uintptr, s *script) int

//go:linkname entersyscall runtime.entersyscall
func entersyscall()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()
