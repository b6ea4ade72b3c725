//go:build linux

package container

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/role"
)

// "sandbox probe" looks around and prints what it sees.
func init() { role.Enter("sandbox probe", probe) }

// world is what a function sees.
type world struct {
	Pid, Parent int
	Session     int
	Hostname    string
	WorkDir     string
	Interfaces  map[string]bool // name: up
	Loopback    string          // "": a connection to itself by 127.0.0.1 worked
	Root, Dev   []string        // the names in / and /dev
	Proc        string          // the error of reading /proc
	Tmp         string          // of making a folder in /tmp
	Null        string          // of writing to /dev/null
	Caps        capSets
	Bounding    uint64
	Ambient     uint64
	SecureBits  uintptr
	NoNewPrivs  uintptr
	Descriptors []int
	CoreLimit   syscall.Rlimit
	Refused     map[string]string // what it tried and may not do: the error
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
	_, err := os.ReadDir("/proc")
	w.Proc = errText(err)
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
	syscall.Getrlimit(syscall.RLIMIT_CORE, &w.CoreLimit)
	w.Interfaces = map[string]bool{}
	all, _ := net.Interfaces()
	for _, i := range all {
		w.Interfaces[i.Name] = i.Flags&net.FlagUp != 0
	}
	w.Loopback = errText(loopback())
	w.Refused = map[string]string{
		"write /":         errText(os.WriteFile("/a", nil, 0o600)),
		"change program":  errText(os.Chmod(functionPath, 0o777)),
		"remount /":       errText(syscall.Mount("", "/", "", syscall.MS_REMOUNT, "")),
		"mount":           errText(syscall.Mount("tmpfs", "/tmp", "tmpfs", 0, "")),
		"unshare":         errText(syscall.Unshare(syscall.CLONE_NEWNS)),
		"make a device":   errText(syscall.Mknod("/tmp/d", syscall.S_IFBLK|0o600, 8<<8)),
		"set hostname":    errText(syscall.Sethostname([]byte("a"))),
		"see the host":    errText(syscall.Kill(int(role.Int("HOST_PID", 0)), 0)),
		"chroot":          errText(syscall.Chroot("/tmp")),
		"raise core size": errText(syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: 1, Max: 1})),
	}
	b, _ := json.Marshal(w)
	os.Stdout.Write(b)
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
func look(t *testing.T, n *native) (w world) {
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
	status, _, err := n.run(&function{args: []string{"probe"}, env: []string{role.Prefix + "ROLE=sandbox probe", role.Prefix + "HOST_PID=" + strconv.Itoa(os.Getpid()), "GORACE=atexit_sleep_ms=0"},
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
