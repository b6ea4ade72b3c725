//go:build linux

package container

import (
	"encoding/binary"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"forklore/runtimes/role"
)

// TestFilter asks the filter about each class of system calls, by Go's own
// interpreter of the language; that the kernel's says the same, the probe's
// tries say (notCalled).
func TestFilter(t *testing.T) {
	vm, err := bpf.NewVM(filterProgram(absent))
	if err != nil {
		t.Fatal(err)
	}
	// ask is what the filter says of a call. The interpreter is one for packets,
	// whose numbers are big-endian: each word is written so, at its place.
	ask := func(arch uint32, number uint32, args ...uint64) uint32 {
		data := make([]byte, 64) // struct seccomp_data
		binary.BigEndian.PutUint32(data[offNumber:], number)
		binary.BigEndian.PutUint32(data[offArch:], arch)
		for i, a := range args {
			binary.BigEndian.PutUint32(data[offArgs+8*i:], uint32(a))
			binary.BigEndian.PutUint32(data[offArgs+8*i+4:], uint32(a>>32))
		}
		verdict, err := vm.Run(data)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(verdict)
	}
	for _, c := range []struct {
		class   string
		want    uint32
		numbers []uint32
		args    []uint64
	}{
		{"what each program does", retAllow, []uint32{unix.SYS_READ, unix.SYS_WRITE, unix.SYS_OPENAT, unix.SYS_MMAP, unix.SYS_FUTEX,
			unix.SYS_EXECVE, unix.SYS_EXIT_GROUP, unix.SYS_RT_SIGRETURN, unix.SYS_GETRANDOM, unix.SYS_EPOLL_PWAIT}, nil},
		{"mounts", retEPERM, []uint32{unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE,
			unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR}, nil},
		{"namespaces", retEPERM, []uint32{unix.SYS_UNSHARE, unix.SYS_SETNS}, nil},
		{"clone of a thread", retAllow, []uint32{unix.SYS_CLONE}, []uint64{unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD}},
		{"clone of a process", retAllow, []uint32{unix.SYS_CLONE}, []uint64{uint64(syscall.SIGCHLD)}},
		{"clone, users", retEPERM, []uint32{unix.SYS_CLONE}, []uint64{unix.CLONE_NEWUSER}},
		{"clone, mounts", retEPERM, []uint32{unix.SYS_CLONE}, []uint64{unix.CLONE_NEWNS | uint64(syscall.SIGCHLD)}},
		{"clone, pids", retEPERM, []uint32{unix.SYS_CLONE}, []uint64{unix.CLONE_NEWPID}},
		{"clone, network", retEPERM, []uint32{unix.SYS_CLONE}, []uint64{unix.CLONE_NEWNET}},
		{"clone, ipc", retEPERM, []uint32{unix.SYS_CLONE}, []uint64{unix.CLONE_NEWIPC}},
		{"clone, hostname", retEPERM, []uint32{unix.SYS_CLONE}, []uint64{unix.CLONE_NEWUTS}},
		{"clone, cgroups", retEPERM, []uint32{unix.SYS_CLONE}, []uint64{unix.CLONE_NEWCGROUP}},
		{"clone3, whose flags can't be seen", retENOSYS, []uint32{unix.SYS_CLONE3}, nil},
		{"other processes", retEPERM, []uint32{unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
			unix.SYS_PROCESS_MADVISE, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP}, nil},
		{"keys", retEPERM, []uint32{unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY}, nil},
		{"devices", retEPERM, []uint32{unix.SYS_MKNODAT}, nil},
		{"the kernel's machinery", retEPERM, []uint32{unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
			unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER}, nil},
		{"the kernel itself", retEPERM, []uint32{unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
			unix.SYS_DELETE_MODULE, unix.SYS_SYSLOG, unix.SYS_ACCT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_QUOTACTL}, nil},
		{"the clock", retEPERM, []uint32{unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX}, nil},
		{"names of the machine", retEPERM, []uint32{unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME}, nil},
		{"files by handle", retEPERM, []uint32{unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT}, nil},
		{"personality, Linux", retAllow, []uint32{unix.SYS_PERSONALITY}, []uint64{0}},
		{"personality, to ask", retAllow, []uint32{unix.SYS_PERSONALITY}, []uint64{0xffffffff}},
		{"personality, without random addresses", retEPERM, []uint32{unix.SYS_PERSONALITY}, []uint64{0x40000}},
		{"sockets", retAllow, []uint32{unix.SYS_SOCKET}, []uint64{unix.AF_UNIX}},
		{"sockets of the kernel's crypto", retEPERM, []uint32{unix.SYS_SOCKET}, []uint64{unix.AF_ALG}},
		{"sockets to the hypervisor", retEPERM, []uint32{unix.SYS_SOCKET}, []uint64{unix.AF_VSOCK}},
		{"calls that are to come", retEPERM, []uint32{600, 1 << 20, ^uint32(0)}, nil},
		{"the x32 interface", retEPERM, []uint32{0x40000000 | unix.SYS_READ, 0x40000000 | unix.SYS_EXECVE}, nil},
	} {
		for _, n := range c.numbers {
			if got := ask(audit, n, c.args...); got != c.want {
				t.Errorf("%s: call %d%v is answered %#x, want %#x", c.class, n, c.args, got, c.want)
			}
		}
	}
	if got := ask(unix.AUDIT_ARCH_I386, unix.SYS_READ); got != retKill {
		t.Errorf("another architecture's call is answered %#x, want %#x", got, uint32(retKill))
	}
	// All numbers, against the lists themselves.
	listed := map[uint32]bool{}
	for _, list := range [...][]uint32{fileCalls, memoryCalls, processCalls, otherCalls, machineCalls} {
		for _, n := range list {
			if listed[n] {
				t.Errorf("call %d is listed twice", n)
			}
			listed[n] = true
		}
	}
	for n := range uint32(700) {
		switch n {
		case unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_PERSONALITY, unix.SYS_SOCKET:
			continue
		}
		if got := ask(audit, n); (got == retAllow) != listed[n] {
			t.Errorf("call %d is answered %#x; listed: %v", n, got, listed[n])
		}
	}
}

// TestBehindTheFilter takes the filter away: what stands behind it is enough
// for all that it isn't alone with.
func TestBehindTheFilter(t *testing.T) {
	eachWay(t, defaultMemBytes, defaultPids, func(t *testing.T, n *native, w way) {
		n.filter = openFilter(t)
		got := look(t, n, role.Prefix+"UNFILTERED=1")
		for try, failed := range got.Refused {
			if failed == "" {
				t.Errorf("it could %s", try)
			}
		}
	})
}

// openFilter lets everything through.
func openFilter(t *testing.T) *filter {
	t.Helper()
	raw, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: retAllow}})
	if err != nil {
		t.Fatal(err)
	}
	return &filter{raw: raw, fprog: syscall.SockFprog{Len: 1, Filter: (*syscall.SockFilter)(unsafe.Pointer(&raw[0]))}}
}
