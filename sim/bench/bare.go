package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"forklore/runtimes/app"
	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// program is a contender that is started here, without a host: the application
// as a CGI script, by fork and exec, alone or as another program's argument.
type program struct {
	name string
	path string
	args []string
	env  []string
}

// The meta-variables of the request that the hosts get (RFC 3875, section 4.1).
var request = []string{
	"GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1", "SERVER_SOFTWARE=forklore/1", "SERVER_NAME=127.0.0.1",
	"SERVER_PORT=80", "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=1024", "REQUEST_METHOD=GET", "REQUEST_URI=/?", "QUERY_STRING=",
	"SCRIPT_NAME=", "PATH_INFO=/", "HTTP_HOST=127.0.0.1", "PATH=/usr/local/bin:/usr/bin:/bin",
}

// newBare is the start that all others are compared with.
func newBare() *program {
	self := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		self, _ = os.Executable()
	}
	return &program{name: bareStart, path: self, args: []string{"forklore: " + cgiCall},
		env: append(cgi.Environment(cgiCall), request...)}
}

// newBubblewrap is the same program in bubblewrap's box: the same namespaces
// as ours but for the cgroup, which bubblewrap leaves to others.
func newBubblewrap() (*program, error) {
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, errors.New("bwrap is not installed")
	}
	self, err := exePath()
	if err != nil {
		return nil, err
	}
	bare := newBare()
	args := []string{"bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
		"--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL",
		"--ro-bind", self, "/function", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"}
	if os.Geteuid() != 0 {
		args = append(args, "--unshare-user")
	}
	for _, dir := range []string{"/lib", "/lib64", "/usr/lib"} { // for a binary that isn't static
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			args = append(args, "--ro-bind", real, dir)
		}
	}
	return &program{name: bubblewrap, path: path, args: append(args, "/function"), env: bare.env}, nil
}

func (p *program) String() string { return p.name }

func (p *program) start(ctx context.Context) (int64, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	began := role.Nanotime()
	pid, err := syscall.ForkExec(p.path, p.args, &syscall.ProcAttr{Dir: "/", Env: p.env,
		Files: []uintptr{null.Fd(), w.Fd(), null.Fd()}, Sys: &syscall.SysProcAttr{Setpgid: true}})
	w.Close()
	if err != nil {
		return 0, fmt.Errorf("execute %s: %w", p.path, err)
	}
	defer context.AfterFunc(ctx, func() { syscall.Kill(-pid, syscall.SIGKILL) })()
	ready, err := readyNS(r)
	var status syscall.WaitStatus
	for {
		if _, e := syscall.Wait4(pid, &status, 0, nil); e != syscall.EINTR {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case status != 0:
		return 0, fmt.Errorf("%s ended with status %#x", p.path, uint32(status))
	case err != nil:
		return 0, err
	}
	return (ready - began) / 1000, nil
}

// readyNS reads a script's answer to its end, and from its header when the
// application was ready.
func readyNS(r io.Reader) (ns int64, err error) {
	err = errors.New("the application doesn't say when it was ready")
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		if v, ok := strings.CutPrefix(sc.Text(), app.ReadyHeader+": "); ok {
			ns, err = strconv.ParseInt(v, 10, 64)
		}
	}
	return ns, err
}
