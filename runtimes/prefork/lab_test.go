package prefork_test

import (
	"bufio"
	"fmt"
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

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/prefork"
	"forklore/runtimes/spawn"
)

const (
	token = "s3cret"
	rows  = 16
)

func TestMain(m *testing.M) {
	// The race detector makes a process sleep a second before it exits.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// pool is a parent under test, with what the lab would have given it.
type pool struct {
	t     testing.TB
	proc  *spawn.Proc
	board *board.Board
	addr  string

	mu    sync.Mutex
	lines []string
	pids  map[int]bool // workers that were seen
}

// start starts a parent and waits until it's ready. At the end of the test it
// is ended, and nothing may be left of it.
func start(t testing.TB, settings ...string) *pool {
	t.Helper()
	p := launch(t, nil, settings...)
	p.waitReady()
	return p
}

func launch(t testing.TB, listener *os.File, settings ...string) *pool {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "board")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(board.Size(rows))); err != nil {
		t.Fatal(err)
	}
	b, err := board.Init(int(f.Fd()), rows)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"FORKLORE_TOKEN=" + token, "FORKLORE_ITERS_PER_MS=" + strconv.FormatInt(app.Calibrate(), 10), "FORKLORE_EXE=" + exe}
	for _, s := range settings {
		env = append(env, "FORKLORE_"+s)
	}
	cmd := spawn.Cmd{Role: prefork.ParentRole, Env: env, Board: f, Log: log}
	if listener != nil {
		cmd.Listeners = []*os.File{listener}
		cmd.Env = append(cmd.Env, "FORKLORE_LISTENER=1")
	}
	p := &pool{t: t, board: b, pids: map[int]bool{}}
	if p.proc, err = spawn.Start(cmd); err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for line := range p.proc.Lines() {
			p.mu.Lock()
			p.lines = append(p.lines, line)
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		p.workers()
		p.proc.Stop(2 * time.Second)
		<-heard
		p.waitGone()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("lines: %q\nboard: %q\nlog:\n%s", p.said(""), p.states(), text)
		}
		b.Close()
	})
	return p
}

func (p *pool) waitReady() {
	p.t.Helper()
	eventually(p.t, "ready", func() bool { return len(p.said("ready ")) == 1 })
	p.addr = "127.0.0.1:" + strings.Fields(p.said("ready ")[0])[1]
	eventually(p.t, "all workers idle", func() bool {
		p.workers()
		for _, s := range p.states() {
			if s == board.Starting {
				return false
			}
		}
		return true
	})
}

// said returns the lines with that prefix.
func (p *pool) said(prefix string) (found []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if strings.HasPrefix(l, prefix) {
			found = append(found, l)
		}
	}
	return found
}

// death is a line "died".
type death struct {
	Pid     int
	Status  syscall.WaitStatus
	Request uint64
	Port    uint16
	Flags   uint32
}

func (p *pool) deaths() (ds []death) {
	for _, l := range p.said("died ") {
		var d death
		var kills int
		if _, err := fmt.Sscanf(l, "died %d %d %d %d %d %d", &d.Pid, &d.Status, &d.Request, &d.Port, &d.Flags, &kills); err != nil {
			p.t.Errorf("line %q: %v", l, err)
		}
		ds = append(ds, d)
	}
	return ds
}

// states are the letters of the rows in use.
func (p *pool) states() string {
	var s []byte
	for i := range p.board.Row {
		if c := p.board.Row[i].State.Load(); c != board.Empty {
			s = append(s, byte(c))
		}
	}
	return string(s)
}

func (p *pool) count(state byte) int { return strings.Count(p.states(), string(state)) }

// workers asks the kernel which children the parent has.
func (p *pool) workers() (pids []int) {
	pids = children(p.proc.Pid)
	for _, pid := range pids {
		p.pids[pid] = true
	}
	return pids
}

// waitGone fails if a worker that was ever seen, or the parent, is still there.
func (p *pool) waitGone() {
	p.t.Helper()
	p.pids[p.proc.Pid] = true
	for pid := range p.pids {
		eventually(p.t, fmt.Sprintf("process %d gone", pid), func() bool { return !running(pid) })
	}
}

// running: a zombie isn't, whoever should have waited for it.
func running(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X") &&
		strings.Contains(string(text), "prefork")
}

// patience is for what must happen; how fast is the benchmarks' matter.
const patience = 10 * time.Second

// goneWithin is the promise for the end of the lab.
const goneWithin = 2 * time.Second

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// reply is what a client got.
type reply struct {
	Status int
	ID     string
	Body   int // its length
	Err    error
	Port   uint16 // the client's
}

// get sends a request on a connection of its own.
func (p *pool) get(id int, query string) reply {
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		return reply{Err: err}
	}
	defer c.Close()
	return exchange(c, bufio.NewReader(c), request(id, query, "Connection: close"))
}

// begin is get without the waiting.
func (p *pool) begin(id int, query string) <-chan reply {
	done := make(chan reply, 1)
	go func() { done <- p.get(id, query) }()
	return done
}

// holding waits until a worker holds the request.
func (p *pool) holding(id int) *board.Row {
	p.t.Helper()
	var row *board.Row
	eventually(p.t, fmt.Sprintf("request %d on the board", id), func() bool {
		for i := range p.board.Row {
			if r := &p.board.Row[i]; r.Request.Load() == uint64(id) && r.State.Load() == board.Working {
				row = r
			}
		}
		return row != nil
	})
	return row
}

func request(id int, query string, fields ...string) string {
	s := "GET /?" + query + " HTTP/1.1\r\nHost: x\r\nForklore-Token: " + token + "\r\n"
	if id != 0 {
		s += "Forklore-Request: " + strconv.Itoa(id) + "\r\n"
	}
	for _, f := range fields {
		s += f + "\r\n"
	}
	return s + "\r\n"
}

// exchange writes a request as it is, and reads a response.
func exchange(c net.Conn, br *bufio.Reader, text string) reply {
	c.SetDeadline(time.Now().Add(10 * time.Second))
	r := reply{Port: uint16(c.LocalAddr().(*net.TCPAddr).Port)}
	if _, r.Err = c.Write([]byte(text)); r.Err != nil {
		return r
	}
	method, _, _ := strings.Cut(text, " ")
	return r.read(br, method)
}

func (r reply) read(br *bufio.Reader, method string) reply {
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if r.Err = err; err != nil {
		return r
	}
	defer resp.Body.Close()
	r.Status, r.ID = resp.StatusCode, resp.Header.Get("Forklore-Request")
	var buf [4096]byte
	for err == nil {
		var n int
		n, err = resp.Body.Read(buf[:])
		r.Body += n
	}
	if err.Error() != "EOF" {
		r.Err = err
	}
	return r
}

// backend is the dependency, as in DESIGN.md: it holds each answer for as long
// as it's told, and until the test opens the gate. It counts how many wait at
// once.
type backend struct {
	path      string
	gate      chan struct{} // nil, or closed: open
	mu        sync.Mutex
	now, most int
}

// startGated starts a backend that answers nobody before open is called.
func startGated(t testing.TB) (b *backend, open func()) {
	b = startBackend(t)
	b.gate = make(chan struct{})
	open = sync.OnceFunc(func() { close(b.gate) })
	t.Cleanup(open)
	return b, open
}

func startBackend(t testing.TB) *backend {
	t.Helper()
	dir, err := os.MkdirTemp("", "prefork") // short: a unix path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{path: filepath.Join(dir, "b")}
	l, err := net.Listen("unix", b.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); os.RemoveAll(dir) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(c)
		}
	}()
	return b
}

func (b *backend) serve(c net.Conn) {
	defer c.Close()
	var us int
	if _, err := fmt.Fscanf(c, "%d\n", &us); err != nil {
		return
	}
	b.mu.Lock()
	b.now++
	b.most = max(b.most, b.now)
	b.mu.Unlock()
	time.Sleep(time.Duration(us) * time.Microsecond)
	if b.gate != nil {
		<-b.gate
	}
	b.mu.Lock()
	b.now--
	b.mu.Unlock()
	c.Write([]byte(app.IOAnswer))
}

func (b *backend) peak() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most
}

func (b *backend) setting() string { return "BACKEND=" + b.path }
