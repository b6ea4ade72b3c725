//go:build linux

package container

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"forklore/runtimes/role"
)

// "sandbox probe" looks around and prints what it sees.
func init() { role.Enter("sandbox probe", probe) }

// world is what a function sees.
type world struct {
	Pid, Parent       int
	Session           int
	Hostname          string
	WorkDir           string
	Interfaces        map[string]bool // name: up
	Loopback          string          // "": a connection to itself by 127.0.0.1 worked
	Root, Dev         []string        // the names in / and /dev
	Proc              []string        // the names in /proc
	Status            map[string]string
	User, Group       int
	Groups            []int
	Seccomp           uintptr
	ReadOnly          bool   // the mount of this program's file
	Tmp               string // of making a folder in /tmp
	Null              string // of writing to /dev/null
	Caps              capSets
	Bounding          uint64
	Ambient           uint64
	SecureBits        uintptr
	NoNewPrivs        uintptr
	Descriptors       []int
	Limits            map[string]syscall.Rlimit
	Keyring           int32             // the session's, where the filter allows to ask
	Refused, Filtered map[string]string // what it tried and may not do: the error
}

// errText is an error as JSON has it; "" is success.
func errText(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := err.(*os.PathError); ok {
		err = e.Err
	}
	return err.Error()
}

func probe() {
	var w world
	for fd := range 1024 { // first, before Go opens any of its own
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0); errno == 0 {
			w.Descriptors = append(w.Descriptors, fd)
		}
	}
	w.Pid, w.Parent = os.Getpid(), os.Getppid()
	sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	w.Session = int(sid)
	w.Hostname, _ = os.Hostname()
	w.WorkDir, _ = os.Getwd()
	w.Root, w.Dev = names("/"), names("/dev")
	w.Proc = names("/proc")
	w.Status = status()
	w.User, w.Group = os.Getuid(), os.Getgid()
	w.Groups, _ = os.Getgroups()
	var fs syscall.Statfs_t
	syscall.Statfs(functionPath, &fs)
	w.ReadOnly = fs.Flags&syscall.MS_RDONLY != 0
	w.Tmp = errText(os.Mkdir("/tmp/a", 0o700))
	w.Null = errText(os.WriteFile("/dev/null", []byte("a"), 0))
	w.Caps, _ = capget()
	for c := range uintptr(64) {
		if on, err := prctlGet(23, c, 0); err == nil && on == 1 { // PR_CAPBSET_READ
			w.Bounding |= 1 << c
		}
		if on, err := prctlGet(prCapAmbient, 1, c); err == nil && on == 1 { // PR_CAP_AMBIENT_IS_SET
			w.Ambient |= 1 << c
		}
	}
	w.SecureBits, _ = prctlGet(27, 0, 0) // PR_GET_SECUREBITS
	w.NoNewPrivs, _ = prctlGet(39, 0, 0) // PR_GET_NO_NEW_PRIVS
	w.Seccomp, _ = prctlGet(syscall.PR_GET_SECCOMP, 0, 0)
	w.Limits = map[string]syscall.Rlimit{}
	for name, resource := range map[string]int{"core": unix.RLIMIT_CORE, "files": unix.RLIMIT_NOFILE, "file size": unix.RLIMIT_FSIZE} {
		var l syscall.Rlimit
		syscall.Getrlimit(resource, &l)
		w.Limits[name] = l
	}
	ring, _, _ := syscall.Syscall(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, sessionKeyring, 0)
	w.Keyring = int32(ring)
	w.Interfaces = map[string]bool{}
	all, _ := net.Interfaces()
	for _, i := range all {
		w.Interfaces[i.Name] = i.Flags&net.FlagUp != 0
	}
	w.Loopback = errText(loopback())
	w.Refused = tries()
	if role.Env("UNFILTERED") == "" { // one of them would be traced from then on
		w.Filtered = filtered()
	}
	b, _ := json.Marshal(w)
	os.Stdout.Write(b)
}

// sessionKeyring is KEY_SPEC_SESSION_KEYRING as a system call has it.
const sessionKeyring = ^uintptr(2)

// status are the lines of /proc/self/status that say what a process may do.
func status() map[string]string {
	lines := map[string]string{}
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.HasPrefix(name, "Cap") || name == "Seccomp" || name == "NoNewPrivs" || name == "NSpid" {
			lines[name] = strings.TrimSpace(value)
		}
	}
	return lines
}

// tries are what a function must not be able to do, in any sandbox.
func tries() map[string]string {
	dial := func(network, address string) string {
		c, err := net.DialTimeout(network, address, time.Second)
		if err == nil {
			c.Close()
			return ""
		}
		var errno syscall.Errno
		errors.As(err, &errno)
		return errno.Error()
	}
	write := func(path string) string {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		return errText(err)
	}
	return map[string]string{
		"write /":                  errText(os.WriteFile("/a", nil, 0o600)),
		"change program":           errText(os.Chmod(functionPath, 0o777)),
		"write to /proc/sys":       write("/proc/sys/kernel/hostname"),
		"trigger sysrq":            write("/proc/sysrq-trigger"),
		"read kernel memory":       errText(nothingIn(os.ReadFile("/proc/kcore"))),
		"write to its cgroup":      write("/sys/fs/cgroup/cgroup.procs"),
		"mount a cgroup":           errText(syscall.Mount("cgroup2", "/tmp", "cgroup2", 0, "")),
		"remount /":                errText(syscall.Mount("", "/", "", syscall.MS_REMOUNT, "")),
		"mount":                    errText(syscall.Mount("tmpfs", "/tmp", "tmpfs", 0, "")),
		"unshare mounts":           errText(syscall.Unshare(syscall.CLONE_NEWNS)),
		"chroot":                   errText(syscall.Chroot("/tmp")),
		"set hostname":             errText(syscall.Sethostname([]byte("a"))),
		"make a device":            errText(syscall.Mknod("/tmp/d", syscall.S_IFBLK|0o600, 8<<8)),
		"see the host":             errText(syscall.Kill(int(role.Int("HOST_PID", 0)), 0)),
		"raw socket":               call(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_RAW, 1),
		"reboot":                   call(unix.SYS_REBOOT, 0, 0, 0, 0),
		"load a module":            call(unix.SYS_INIT_MODULE, 0, 0, 0),
		"read the kernel's log":    call(unix.SYS_SYSLOG, 10, 0, 0),
		"set the clock":            call(unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, 0),
		"raise core size":          errText(syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: 1, Max: 1})),
		"reach the host's port":    dial("tcp4", role.Env("HOST_PORT")),
		"reach an abstract socket": dial("unix", role.Env("HOST_SOCKET")),
	}
}

// call is what a system call says.
func call(number uintptr, args ...uintptr) string {
	var a [6]uintptr
	copy(a[:], args)
	r, _, errno := syscall.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	if number == unix.SYS_CLONE && errno == 0 && r == 0 {
		syscall.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	return errText(errnoError(errno))
}

// filtered are those that only a filter of system calls refuses: without ours
// a kernel would do it, or find fault with the arguments.
func filtered() map[string]string {
	return map[string]string{
		"unmount":                call(unix.SYS_UMOUNT2, 0, 0),
		"open a filesystem":      call(unix.SYS_FSOPEN, 0, 0),
		"unshare users":          errText(syscall.Unshare(syscall.CLONE_NEWUSER)),
		"unshare files":          errText(syscall.Unshare(syscall.CLONE_FILES)),
		"clone users":            call(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(syscall.SIGCHLD)),
		"clone3":                 call(unix.SYS_CLONE3, 0, 0),
		"setns":                  call(unix.SYS_SETNS, ^uintptr(0), 0),
		"make a pipe by mknod":   errText(syscall.Mknod("/tmp/p", syscall.S_IFIFO|0o600, 0)),
		"trace":                  call(unix.SYS_PTRACE, syscall.PTRACE_TRACEME, 0, 0, 0),
		"read another's memory":  call(unix.SYS_PROCESS_VM_READV, uintptr(os.Getpid()), 0, 0, 0, 0, 0),
		"write another's memory": call(unix.SYS_PROCESS_VM_WRITEV, uintptr(os.Getpid()), 0, 0, 0, 0, 0),
		"get another's file":     call(unix.SYS_PIDFD_GETFD, ^uintptr(0), 0, 0),
		"compare":                call(unix.SYS_KCMP, uintptr(os.Getpid()), uintptr(os.Getpid()), 0, 0, 0),
		"add a key":              call(unix.SYS_ADD_KEY, 0, 0, 0, 0, 0),
		"request a key":          call(unix.SYS_REQUEST_KEY, 0, 0, 0, 0),
		"use keys":               call(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, sessionKeyring, 0),
		"load BPF":               call(unix.SYS_BPF, ^uintptr(0), 0, 0),
		"perf":                   call(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0),
		"userfaultfd":            call(unix.SYS_USERFAULTFD, 1),
		"io_uring":               call(unix.SYS_IO_URING_SETUP, 1, 0),
		"personality":            call(unix.SYS_PERSONALITY, 0x40000), // ADDR_NO_RANDOMIZE
		"other sockets":          call(unix.SYS_SOCKET, unix.AF_ALG, unix.SOCK_SEQPACKET, 0),
		"kexec":                  call(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0),
		"open by handle":         call(unix.SYS_OPEN_BY_HANDLE_AT, ^uintptr(0), 0, 0),
	}
}

// nothingIn is an error for a file that can't be read, or holds nothing.
func nothingIn(b []byte, err error) error {
	if err == nil && len(b) == 0 {
		return io.EOF
	}
	return err
}

func names(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	slices.Sort(all)
	return all
}

func prctlGet(option, a, b uintptr) (uintptr, error) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, option, a, b, 0, 0, 0)
	return r, errnoError(errno)
}

// loopback connects the function to itself.
func loopback() error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := net.DialTimeout("tcp4", l.Addr().String(), time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// look runs the probe in a sandbox.
func look(t *testing.T, n *native, env ...string) (w world) {
	t.Helper()
	r, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	port, err := net.Listen("tcp4", "127.0.0.1:0") // what the probe must not reach
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	socket, err := net.Listen("unix", "@forklore-probe-"+strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	status, _, err := n.run(&function{args: []string{"probe"}, env: append(env, role.Prefix+"ROLE=sandbox probe", "GORACE=atexit_sleep_ms=0",
		role.Prefix+"HOST_PID="+strconv.Itoa(os.Getpid()), role.Prefix+"HOST_PORT="+port.Addr().String(),
		role.Prefix+"HOST_SOCKET="+socket.Addr().String()),
		files: [3]uintptr{null.Fd(), pw.Fd(), os.Stderr.Fd()}})
	pw.Close()
	if err != nil || status != 0 {
		t.Fatalf("probe: %v, status %#x", err, status)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &w); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return w
}
