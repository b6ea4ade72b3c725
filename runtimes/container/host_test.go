//go:build linux

package container

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/backend"
	"forklore/runtimes/board"
	"forklore/runtimes/spawn"
)

// testHost is a container host as the lab starts it.
type testHost struct {
	*spawn.Proc
	board *board.Board
	url   string
	lines chan string // what it says after "ready"
	dirs  []string    // the calls' folders in cgroup

	freezer *freezer // nil: there's none here
}

const testToken = "secret"

func startHost(t *testing.T, env ...string) *testHost {
	t.Helper()
	requireSandboxes(t)
	groups := testGroups(t)
	h := &testHost{lines: make(chan string, 64)}
	_, dirs, _ := strings.Cut(groups, ":")
	for dir := range strings.SplitSeq(dirs, ";") {
		h.dirs = append(h.dirs, dir[strings.Index(dir, "=")+1:]+"/calls") // v1 has names before them
	}
	h.freezer, _ = newFreezer(groups)
	t.Cleanup(h.sweep)
	file, b := testBoard(t, 32)
	h.board = b
	var err error
	h.Proc, err = spawn.Start(spawn.Cmd{Role: HostRole, Board: file, Log: os.Stderr,
		Env: append([]string{"FORKLORE_CGROUP=" + groups, "FORKLORE_TOKEN=" + testToken,
			"FORKLORE_ITERS_PER_MS=100000", "GORACE=atexit_sleep_ms=0"}, env...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-h.Exited():
		default:
			h.Stop(5 * time.Second)
		}
	})
	select {
	case line, ok := <-h.Lines():
		port, ready := strings.CutPrefix(line, "ready ")
		if !ok || !ready {
			t.Fatalf("the host said %q, not that it is ready", line)
		}
		h.url = "http://127.0.0.1:" + port
	case <-time.After(10 * time.Second):
		t.Fatal("the host isn't ready after 10 s")
	}
	go func() { // ends with the host
		for line := range h.Lines() {
			h.lines <- line
		}
		close(h.lines)
	}()
	return h
}

// sweep is what the lab does when a host has gone: it kills what is left in
// its groups, and removes them.
func (h *testHost) sweep() {
	for _, d := range h.dirs {
		entries, _ := os.ReadDir(d)
		for _, e := range entries {
			group := d + "/" + e.Name()
			procs, _ := os.ReadFile(group + "/cgroup.procs")
			for f := range strings.FieldsSeq(string(procs)) {
				pid, _ := strconv.Atoi(f)
				syscall.Kill(pid, syscall.SIGKILL)
			}
			writeFile(group+"/freezer.state", "THAWED")
			eventually(func() bool {
				err := os.Remove(group)
				return err == nil || os.IsNotExist(err) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EPERM)
			})
		}
		os.Remove(d)
	}
}

func testBoard(t *testing.T, rows int) (*os.File, *board.Board) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "board")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(int64(board.Size(rows))); err != nil {
		t.Fatal(err)
	}
	b, err := board.Init(int(f.Fd()), rows)
	if err != nil {
		t.Fatal(err)
	}
	return f, b
}

// client uses a connection for each request, as traffic does.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}

// get returns status and body; status 0 is a connection that ended early.
func (h *testHost) get(query string) (status int, body string) {
	req, _ := http.NewRequest("GET", h.url+"/?"+query, nil)
	req.Header.Set("Forklore-Request", "7")
	req.Header.Set("Forklore-Token", testToken)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// died waits for the host's report of a death and returns its fields.
func (h *testHost) died(t *testing.T) []string {
	t.Helper()
	for {
		select {
		case line, ok := <-h.lines:
			if !ok {
				t.Fatal("the host is gone")
			}
			if f := strings.Fields(line); f[0] == "died" {
				return f
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the host reports no death")
		}
	}
}

// sandboxes are the pids on the board.
func (h *testHost) sandboxes() (pids []int) {
	for i := range h.board.Row {
		r := &h.board.Row[i]
		if pid := r.Pid.Load(); pid != 0 && r.State.Load() != board.Empty {
			pids = append(pids, int(pid))
		}
	}
	return pids
}

// alive reports whether a process is there; one that nobody has waited for is not.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && b[bytes.LastIndexByte(b, ')')+2] != 'Z'
}

func TestAnswers(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: backend.Path(dir, "container"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	back, err := spawn.Start(spawn.Cmd{Role: backend.Role, Listeners: []*os.File{socket}, Env: []string{"FORKLORE_LISTENERS=1", "GORACE=atexit_sleep_ms=0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer back.Stop(5 * time.Second)
	if line := <-back.Lines(); !strings.HasPrefix(line, "ready") {
		t.Fatalf("the backend said %q", line)
	}
	h := startHost(t, "FORKLORE_BACKEND="+backend.Path(dir, "container"))
	for _, c := range []struct {
		query  string
		status int
		body   string
	}{
		{"", 200, "hello\n"},
		{"cpu_us=1000&io_us=20000&mem_bytes=1048576", 200, "hello\n"},
		{"reply_bytes=3", 200, "xxx"},
		{"cpu_us=-1", 400, ""},
		{"", 200, "hello\n"},
	} {
		status, body := h.get(c.query)
		if status != c.status || (c.body != "" && body != c.body) {
			t.Errorf("%q: %d %q, want %d %q", c.query, status, body, c.status, c.body)
		}
	}
	if n := h.board.StartCount.Load(); n == 0 {
		t.Error("no start-up was measured")
	}
}

// A crash ends the call alone, and is reported.
func TestCrash(t *testing.T) {
	h := startHost(t)
	if status, body := h.get("crash=1"); status != 500 {
		t.Errorf("crash: %d %q, want 500", status, body)
	}
	if f := h.died(t); f[3] != "7" || f[2] != strconv.Itoa(2<<8) {
		t.Errorf("reported %q, want request 7 and exit status 2", f)
	}
	if status, _ := h.get(""); status != 200 {
		t.Errorf("after the crash: %d", status)
	}
}

// The kernel's OOM killer takes the call that is beyond its limit, alone.
func TestMemoryLimit(t *testing.T) {
	h := startHost(t, "FORKLORE_CALL_MEM_BYTES=33554432")
	var others sync.WaitGroup
	for range 3 {
		others.Go(func() {
			for range 5 {
				if status, body := h.get("mem_bytes=4194304&spin_us=20000"); status != 200 {
					t.Errorf("another call: %d %q", status, body)
				}
			}
		})
	}
	if status, body := h.get("mem_bytes=67108864"); status != 500 {
		t.Errorf("64 MiB in a group of 32: %d %q, want 500", status, body)
	}
	f := h.died(t)
	if f[2] != strconv.Itoa(int(syscall.SIGKILL)) || f[6] != "1" {
		t.Errorf("reported %q, want signal 9 and one OOM kill", f)
	}
	others.Wait()
	if n := h.board.OOMKills.Load(); n != 1 {
		t.Errorf("%d OOM kills on the board, want 1", n)
	}
}

// A function that is killed from outside is the only one.
func TestKillSandbox(t *testing.T) {
	h := startHost(t)
	type answer struct {
		status int
		body   string
	}
	answers := make(chan answer, 1)
	go func() {
		status, body := h.get("hang=1")
		answers <- answer{status, body}
	}()
	var pids []int
	if !eventually(func() bool { pids = h.sandboxes(); return len(pids) == 1 }) {
		t.Fatal("no sandbox on the board")
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.status != 500 {
		t.Errorf("the killed call: %d %q", a.status, a.body)
	}
	if f := h.died(t); f[1] != strconv.Itoa(pids[0]) || f[2] != strconv.Itoa(int(syscall.SIGKILL)) {
		t.Errorf("reported %q, want pid %d, signal 9", f, pids[0])
	}
	if status, _ := h.get(""); status != 200 {
		t.Errorf("after the kill: %d", status)
	}
	h.requireEmpty(t)
}

// When the host is killed its sandboxes die with it, by Pdeathsig; those that
// were not yet that far (see exec), by the lab.
func TestKillHost(t *testing.T) {
	for _, after := range []time.Duration{0, 3 * time.Millisecond, 40 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			h := startHost(t)
			var clients sync.WaitGroup
			for range 8 {
				clients.Go(func() { h.get("hang=1") })
			}
			eventually(func() bool { return len(h.sandboxes()) >= 4 })
			time.Sleep(after)
			pids := descendants(h.Pid)
			h.Kill()
			h.sweep()
			clients.Wait()
			for _, pid := range append(pids, h.sandboxes()...) {
				if !eventually(func() bool { return !alive(pid) }) {
					t.Errorf("process %d outlives its host", pid)
				}
			}
		})
	}
}

func descendants(pid int) (all []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, l := range lists {
		b, _ := os.ReadFile(l)
		for f := range strings.FieldsSeq(string(b)) {
			child, _ := strconv.Atoi(f)
			all = append(append(all, child), descendants(child)...)
		}
	}
	return all
}

// Beyond the limit of calls at once, and the queue, the answer is 429.
func TestTooBusy(t *testing.T) {
	h := startHost(t, "FORKLORE_MAX_CALLS=1", "FORKLORE_QUEUE=-1")
	var first sync.WaitGroup
	first.Go(func() { h.get("spin_us=500000") })
	eventually(func() bool { return len(h.sandboxes()) == 1 })
	if status, body := h.get(""); status != http.StatusTooManyRequests {
		t.Errorf("%d %q, want 429", status, body)
	}
	first.Wait()
	if n := h.board.Rejected.Load(); n != 1 {
		t.Errorf("%d rejected on the board, want 1", n)
	}
}

// Who may not make namespaces is told so, in a line, with the remedy.
func TestUnavailable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	for _, c := range []struct {
		name   string
		env    []string
		launch func(fork func(*syscall.SysProcAttr) error) error
		want   string
	}{
		{"no cgroups", []string{"FORKLORE_CGROUP="}, nil,
			"unavailable each call needs a cgroup, and there are none to be had: mount cgroups read-write"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.launch == nil {
				requireSandboxes(t)
			}
			file, _ := testBoard(t, 1)
			p, err := spawn.Start(spawn.Cmd{Role: HostRole, Env: append(c.env, "GORACE=atexit_sleep_ms=0"), Board: file, Log: os.Stderr, Launch: c.launch})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Stop(5 * time.Second)
			if line := <-p.Lines(); line != c.want {
				t.Errorf("it said %q, want %q", line, c.want)
			}
			<-p.Exited()
			if got := p.Status().ExitStatus(); got != exitUnavailable {
				t.Errorf("exit status %d, want %d", got, exitUnavailable)
			}
		})
	}
}

func TestUnavailableIsNamed(t *testing.T) {
	err := error(&Unavailable{Reason: "a", Remedy: "b", Err: syscall.EPERM})
	if got, want := err.Error(), "a (operation not permitted): b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(err, syscall.EPERM) {
		t.Error("the kernel's reason is lost")
	}
}
