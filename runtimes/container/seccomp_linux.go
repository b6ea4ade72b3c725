package container

import (
	"cmp"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The filter of system calls (seccomp(2)). What isn't on the lists below, and
// what a later kernel will add, is refused with EPERM.
//
// The lists follow moby's default profile, less what a function that answers
// one request has no use for: making device nodes and pipes by mknod, chroot,
// setting clocks, NUMA policy, vmsplice, sockets of other families.
//
// The program is assembled by golang.org/x/net/bpf, the Go project's own
// assembler for the classic BPF that seccomp takes. libseccomp would decide
// the same with cgo, which would take away the static binary that a sandbox
// starts without a linker. What libseccomp would add is an optimised order of
// the comparisons: see decide.

// verdict is the end of a filter program, or of one of its branches: what is
// returned, after a look at one argument if there is one.
type verdict struct {
	name     string
	argument uint32 // whose lower half is looked at, if there are conditions
	mask     uint32
	allowed  []uint32 // values of it under the mask that are fine; nil: no look
	otherwise,
	result uint32
}

const (
	retKill  = unix.SECCOMP_RET_KILL_PROCESS
	retAllow = unix.SECCOMP_RET_ALLOW
	retEPERM = unix.SECCOMP_RET_ERRNO | uint32(syscall.EPERM)
	// A C library takes it for an old kernel's answer, and uses clone(2).
	retENOSYS = unix.SECCOMP_RET_ERRNO | uint32(syscall.ENOSYS)
)

// Offsets in struct seccomp_data.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// Namespaces in the flags of clone(2); CLONE_NEWTIME can't be given to it.
const cloneNamespaces = namespaces | unix.CLONE_NEWUSER

var (
	allow  = verdict{name: "allow", result: retAllow}
	refuse = verdict{name: "refuse", result: retEPERM}
	absent = verdict{name: "absent", result: retENOSYS}

	// The flags of clone3 are in memory, where a filter can't look. Who forks into
	// a cgroup from behind the filter needs it all the same, see startThread.
	// The first argument is the flags, except on s390, where there's no filter.
	onClone = verdict{name: "no namespaces", mask: cloneNamespaces, allowed: []uint32{0}, result: retAllow, otherwise: retEPERM}
	// Linux, Linux with 32-bit addresses, and with uname26; and to ask.
	onPersonality = verdict{name: "personality", mask: ^uint32(0),
		allowed: []uint32{0, 0x8, 0x20000, 0x20008, 0xffffffff}, result: retAllow, otherwise: retEPERM}
	onSocket = verdict{name: "socket", mask: ^uint32(0),
		allowed: []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}, result: retAllow, otherwise: retEPERM}
)

// audit names the architecture that a system call was made for. A process may
// use another's numbers, for which the lists below aren't true.
var audit = map[string]uint32{
	"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64,
	"riscv64": unix.AUDIT_ARCH_RISCV64, "loong64": unix.AUDIT_ARCH_LOONGARCH64,
}[runtime.GOARCH]

// filterProgram is the filter, with a clone3 that is let through or isn't there.
func filterProgram(clone3 verdict) []bpf.Instruction {
	verdicts := map[uint32]verdict{
		unix.SYS_CLONE: onClone, unix.SYS_CLONE3: clone3,
		unix.SYS_PERSONALITY: onPersonality,
		unix.SYS_SOCKET:      onSocket,
	}
	for _, list := range [...][]uint32{fileCalls, memoryCalls, processCalls, otherCalls, machineCalls} {
		for _, number := range list {
			verdicts[number] = allow
		}
	}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: audit, SkipTrue: 1},
		bpf.RetConstant{Val: retKill},
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
	}
	return append(program, decide(stretches(verdicts))...)
}

// stretch is a run of numbers with the same verdict, up to the next one's first.
type stretch struct {
	first uint32
	verdict
}

func stretches(verdicts map[uint32]verdict) []stretch {
	all := []stretch{{0, refuse}}
	numbers := make([]uint32, 0, len(verdicts))
	for n := range verdicts {
		numbers = append(numbers, n)
	}
	slices.SortFunc(numbers, cmp.Compare)
	next := uint32(0) // the first number that isn't decided yet
	for _, n := range numbers {
		if n > next && all[len(all)-1].name != refuse.name {
			all = append(all, stretch{next, refuse})
		}
		if v := verdicts[n]; all[len(all)-1].name != v.name {
			if all[len(all)-1].first == n { // the very first
				all = all[:len(all)-1]
			}
			all = append(all, stretch{n, v})
		}
		next = n + 1
	}
	return append(all, stretch{next, refuse})
}

// decide finds a number's stretch by halving: eight comparisons where a list
// has two hundred. The kernel walks the program for every number there is when
// it is installed (seccomp_cache_prepare), which is at each call's start.
func decide(all []stretch) []bpf.Instruction {
	if len(all) == 1 {
		return all[0].instructions()
	}
	half := len(all) / 2
	below, above := decide(all[:half]), decide(all[half:])
	program := []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: all[half].first, SkipTrue: uint8(len(below))}}
	if len(below) > 0xff { // a conditional jump goes no further
		program = []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: all[half].first, SkipTrue: 1},
			bpf.Jump{Skip: uint32(len(below))}}
	}
	return append(append(program, below...), above...)
}

func (v verdict) instructions() []bpf.Instruction {
	if v.allowed == nil {
		return []bpf.Instruction{bpf.RetConstant{Val: v.result}}
	}
	// Little-endian machines: the lower half comes first.
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArgs + 8*v.argument, Size: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: v.mask},
	}
	for i, value := range v.allowed {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: uint8(len(v.allowed) - i)})
	}
	return append(program, bpf.RetConstant{Val: v.otherwise}, bpf.RetConstant{Val: v.result})
}

// filter is the program in the kernel's form.
type filter struct {
	fprog syscall.SockFprog
	raw   []bpf.RawInstruction
}

func newFilter(clone3 verdict) (*filter, error) {
	if audit == 0 {
		return nil, &Unavailable{Reason: "no list of system calls for " + runtime.GOARCH}
	}
	raw, err := bpf.Assemble(filterProgram(clone3))
	if err != nil {
		return nil, err
	}
	f := &filter{raw: raw}
	// RawInstruction has the fields of struct sock_filter, in its order.
	f.fprog = syscall.SockFprog{Len: uint16(len(raw)), Filter: (*syscall.SockFilter)(unsafe.Pointer(&raw[0]))}
	return f, nil
}

// install puts the filter on the calling thread.
func (f *filter) install() error {
	_, _, errno := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&f.fprog)))
	return errnoError(errno)
}
