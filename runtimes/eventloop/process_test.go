package eventloop_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

// A hundred requests that wait 200 ms each are done after one wait, by one thread.
func TestIOStepsOverlap(t *testing.T) {
	s := start(t, env("BACKEND="+backend(t)))
	const n = 100
	conns := make([]*conn, n)
	for i := range conns {
		conns[i] = s.dial()
	}
	began := time.Now()
	for i, c := range conns {
		c.send(get("cpu_us=10&io_us=200000&cpu_us=10", uint64(i+1)))
	}
	eventually(t, "all in flight at once", func() bool { return len(s.held()) == n })
	for i, c := range conns {
		if status, id, body := c.receive("GET"); status != 200 || id != uint64(i+1) {
			t.Fatalf("request %d: %d, id %d, %q", i+1, status, id, body)
		}
	}
	// One after the other it would be 20 s.
	if d := time.Since(began); d < 200*time.Millisecond || d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

// A backend that doesn't accept: connects beyond its backlog wait for a timer.
func TestBackendBacklogFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere a full backlog refuses")
	}
	dir, err := os.MkdirTemp("", "forklore")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "backend.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	syscall.CloseOnExec(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	s := start(t, env("BACKEND="+path))
	const n = 10
	var conns [n]*conn
	for i := range conns {
		conns[i] = s.dial()
		conns[i].send(get("io_us=1", uint64(i+1)))
	}
	eventually(t, "all in flight", func() bool { return len(s.held()) == n })
	other := s.dial()
	other.send(get("", 99))
	other.receive("GET") // the loop isn't stuck in a connect
	for range n {
		c, _, err := syscall.Accept(fd)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Write(c, []byte("ok\n"))
		defer syscall.Close(c)
	}
	for i, c := range conns {
		if status, id, body := c.receive("GET"); status != 200 || id != uint64(i+1) {
			t.Errorf("request %d: %d, id %d, %q", i+1, status, id, body)
		}
	}
}

// A backend that goes away in the middle is 502, not the end of the loop.
func TestBackendGoesAway(t *testing.T) {
	dir, err := os.MkdirTemp("", "forklore")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "backend.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1))
			c.Close()
		}
	}()
	s := start(t, env("BACKEND="+path))
	c := s.dial()
	for id := uint64(1); id < 3; id++ {
		c.send(get("io_us=1000", id))
		status, got, body := c.receive("GET")
		if status != 502 || got != id || !strings.HasPrefix(body, "backend: ") {
			t.Errorf("%d, id %d, %q", status, got, body)
		}
	}
}

// One crash ends every request that is in flight, and the board says which.
func TestCrash(t *testing.T) {
	s := start(t, env("BACKEND="+backend(t)))
	var others []*conn
	want := map[uint64]uint32{}
	for id := uint64(1); id <= 20; id++ {
		c := s.dial()
		c.send(get("io_us=10000000", id))
		others, want[id] = append(others, c), 0
	}
	eventually(t, "all in flight", func() bool { return len(s.held()) == 20 })
	pid := s.board.Row[0].Pid.Load()
	carrier := s.dial()
	carrier.send(get("io_us=1000&crash=1", 21, withToken))
	want[21] = board.CarriesFault | board.ExecutingFault
	if st := s.exit(5 * time.Second); st.ExitStatus() != 2 {
		t.Errorf("%s, want exit status 2", spawn.String(st))
	}
	if d := cmp.Diff(want, s.held()); d != "" {
		t.Errorf("on the board (-want +got):\n%s", d)
	}
	for i := range s.board.Row {
		if r := &s.board.Row[i]; r.Request.Load() != 0 && (r.Pid.Load() != pid || r.Port.Load() == 0 || r.State.Load() != board.Working) {
			t.Errorf("row %d: pid %d, port %d, state %c", i, r.Pid.Load(), r.Port.Load(), r.State.Load())
		}
	}
	for _, c := range append(others, carrier) {
		c.ended()
	}
	if log := s.logged(); !strings.Contains(log, "injected crash, request 21") {
		t.Errorf("the log has no trace of it:\n%s", log)
	}
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Error("a new connection was not refused")
	}
}

func TestLeak(t *testing.T) {
	s := start(t)
	c := s.dial()
	before := rss(t, s.Pid)
	for id := uint64(1); id <= 4; id++ {
		c.send(get("leak_bytes=4194304", id, withToken))
		if status, _, _ := c.receive("GET"); status != 200 {
			t.Fatalf("status %d", status)
		}
	}
	if kib := s.board.Row[0].LeakKiB.Load(); kib != 16<<10 {
		t.Errorf("%d KiB on the board, want 16 MiB", kib)
	}
	if grown := rss(t, s.Pid) - before; grown < 16<<20 {
		t.Errorf("grew by %d bytes, want 16 MiB", grown)
	}
	// mem is given back.
	before = rss(t, s.Pid)
	for id := uint64(5); id <= 8; id++ {
		c.send(get("mem_bytes=16777216", id))
		c.receive("GET")
	}
	if grown := rss(t, s.Pid) - before; grown > 16<<20 {
		t.Errorf("mem steps left %d bytes behind", grown)
	}
}

// rss is what a process has in memory, by smaps_rollup: statm is wrong by up
// to 63 pages a thread ("inaccurate because of a kernel-internal scalability
// optimization", proc_pid_statm(5)).
func rss(t *testing.T, pid int) int64 {
	t.Helper()
	p, err := procfs.NewProc(pid)
	if err != nil {
		t.Skip("needs /proc: ", err)
	}
	rollup, err := p.ProcSMapsRollup()
	if err != nil {
		t.Skip("needs smaps_rollup: ", err)
	}
	return int64(rollup.Rss)
}

// Whoever computes keeps all others waiting, and the lag says how long.
func TestSpinBlocksOthers(t *testing.T) {
	s := start(t)
	spins, other := s.dial(), s.dial()
	other.send(get("", 1))
	other.receive("GET")
	began := time.Now()
	spins.send(get("spin_us=400000", 2, withToken))
	eventually(t, "spinning", func() bool { return s.held()[2]&board.ExecutingFault != 0 })
	other.send(get("", 3))
	other.receive("GET")
	if d := time.Since(began); d < 400*time.Millisecond {
		t.Errorf("the other was answered after %v", d)
	}
	spins.receive("GET")
	eventually(t, "lag on the board", func() bool { return s.board.LagNowUS.Load() > 300_000 })
	eventually(t, "and gone again", func() bool { return s.board.LagNowUS.Load() < 100_000 })
	if lag := s.board.LagMaxUS.Load(); lag < 350_000 {
		t.Errorf("worst lag %d us, want 400 ms", lag)
	}
}

func TestHangHoldsOnlyItself(t *testing.T) {
	s := start(t)
	hangs, other := s.dial(), s.dial()
	hangs.send(get("hang=1", 1, withToken))
	eventually(t, "hanging", func() bool { _, ok := s.held()[1]; return ok })
	other.send(get("", 2))
	if status, id, _ := other.receive("GET"); status != 200 || id != 2 {
		t.Errorf("%d, id %d", status, id)
	}
	hangs.Close()
	eventually(t, "given up with its client", func() bool { return len(s.held()) == 0 })
}

func TestBleed(t *testing.T) {
	s := start(t)
	a, b := s.dial(), s.dial()
	a.send(get("bleed=1", 1, withToken))
	if _, id, _ := a.receive("GET"); id != 1 {
		t.Errorf("id %d", id)
	}
	b.send(get("", 2))
	if _, id, _ := b.receive("GET"); id != 1 {
		t.Errorf("answered as request %d, want another's data, 1", id)
	}
}

// Clients that have gone leave nothing behind.
func TestClientsThatReset(t *testing.T) {
	s := start(t, env("BACKEND="+backend(t)))
	for id := uint64(1); id <= 20; id++ {
		c := s.dial()
		c.send(get("io_us=5000000", id))
		eventually(t, "held", func() bool { return len(s.held()) == 1 })
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
		eventually(t, "dropped", func() bool { return len(s.held()) == 0 })
	}
	before := descriptors(t, s.Pid)
	if before > 20 {
		t.Errorf("%d descriptors are open", before)
	}
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	d, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Skip("needs /proc: ", err)
	}
	return len(d)
}

// stop: nothing that has been sent gets lost, and then the process ends.
func TestStopLosesNothing(t *testing.T) {
	s := start(t, env("BACKEND="+backend(t)))
	idle := s.dial()
	idle.send(get("", 1000))
	idle.receive("GET")
	var wg sync.WaitGroup
	for id := uint64(1); id <= 50; id++ {
		c := s.dial()
		if id%2 == 0 { // half of them have only connected when it is told to stop
			c.send(get("io_us=1500000", id)) // all are sent before the first is answered, on a slow machine too
		}
		wg.Go(func() {
			if id%2 == 1 {
				time.Sleep(200 * time.Millisecond)
				c.send(get("io_us=1000", id))
			}
			if status, got, _ := c.receive("GET"); status != 200 || got != id {
				t.Errorf("request %d: %d, id %d", id, status, got)
			}
			c.ended()
		})
	}
	eventually(t, "in flight", func() bool { return len(s.held()) == 25 })
	if err := s.Tell("stop"); err != nil {
		t.Fatal(err)
	}
	idle.ended()
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Error("a new connection was not refused")
	}
	wg.Wait()
	if st := s.exit(5 * time.Second); st != 0 {
		t.Errorf("%s, want exit status 0", spawn.String(st))
	}
}

func TestEndsWithTheLab(t *testing.T) {
	s := start(t, env("BACKEND="+backend(t)))
	c := s.dial()
	c.send(get("io_us=5000000", 1))
	eventually(t, "held", func() bool { return len(s.held()) == 1 })
	s.Stop(2 * time.Second) // closes the control socket
	if s.Status() != 0 {
		t.Errorf("%s, want exit status 0", spawn.String(s.Status()))
	}
	c.ended()
}

// The supervisor's listener outlives the loop: who connects meanwhile waits.
func TestInheritedListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	shared := func(c *spawn.Cmd) { c.Listeners = []*os.File{f}; c.Env = append(c.Env, "FORKLORE_LISTENER=1") }

	s := start(t, shared)
	if s.addr != l.Addr().String() {
		t.Fatalf("listens on %s, want %s", s.addr, l.Addr())
	}
	c := s.dial()
	c.send(get("", 1))
	c.receive("GET")
	c.send(get("crash=1", 2, withToken))
	s.exit(5 * time.Second)
	c.ended()

	waits := s.dial()
	waits.send(get("", 3, "Connection: close"))
	second := start(t, shared)
	if status, id, _ := waits.receive("GET"); status != 200 || id != 3 {
		t.Errorf("%d, id %d", status, id)
	}
	waits.ended()

	// A graceful stop leaves the listener to the next.
	second.Tell("stop")
	second.exit(5 * time.Second)
	waits = s.dial()
	waits.send(get("", 4))
	start(t, shared)
	if status, id, _ := waits.receive("GET"); status != 200 || id != 4 {
		t.Errorf("%d, id %d", status, id)
	}
}

// The lab holds a bound socket on the port while the loop is down.
func TestPortIsReserved(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	syscall.CloseOnExec(fd)
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := "PORT=" + strconv.Itoa(sa.(*syscall.SockaddrInet4).Port)
	for range 2 {
		s := start(t, env(port))
		c := s.dial()
		c.send(get("", 1))
		c.receive("GET")
		s.Kill()
	}
}

// All work is one thread's; the others are the Go runtime's, and sleep.
func TestOneThreadWorks(t *testing.T) {
	s := start(t)
	c := s.dial()
	for id := uint64(1); id <= 40; id++ {
		c.send(get("cpu_us=10000", id))
		c.receive("GET")
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.Pid))
	if err != nil || len(tasks) == 0 {
		t.Skip("needs /proc")
	}
	all, most := 0, 0
	var ticks []int
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		user, _ := strconv.Atoi(f[11]) // fields 14 and 15 of proc_pid_stat(5)
		sys, _ := strconv.Atoi(f[12])
		ticks = append(ticks, user+sys)
		all, most = all+user+sys, max(most, user+sys)
	}
	// On a slow machine the runtime's own watching takes its share, too.
	if most < 5 || most*10 < all*6 {
		t.Errorf("CPU ticks of its threads: %v; want one that works", ticks)
	}
	if n := s.board.Started.Load() - s.board.Ended.Load(); n != 1 {
		t.Errorf("%d serving processes on the board, want 1", n)
	}
}

// More connections than a thread per connection would bear, as many as the
// limit on descriptors allows.
func TestManyConnections(t *testing.T) {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	n := min(10_000, int(min(lim.Cur, 1<<20))-200)
	if n < 5000 {
		t.Skipf("needs RLIMIT_NOFILE of 5200 or more, it is %d", lim.Cur)
	}
	s := start(t)
	conns := dialMany(t, s.addr, n)
	eventually(t, "all accepted", func() bool { return s.board.Accepted.Load() == uint64(n) })
	request := []byte(get("", 1))
	buf := make([]byte, 4096)
	for i := 0; i < n; i += 7 {
		if _, err := conns[i].Write(request); err != nil {
			t.Fatal(err)
		}
		conns[i].SetReadDeadline(time.Now().Add(10 * time.Second))
		if k, err := conns[i].Read(buf); err != nil || !strings.HasPrefix(string(buf[:k]), "HTTP/1.1 200") {
			t.Fatalf("connection %d: %q, %v", i, buf[:k], err)
		}
	}
	t.Logf("RSS with %d connections: %d KiB", n, rss(t, s.Pid)>>10)
}

// dialMany opens connections and closes them at the end.
func dialMany(t testing.TB, addr string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	t.Cleanup(func() {
		for _, c := range conns {
			if c != nil {
				c.(*net.TCPConn).SetLinger(0) // no 10,000 sockets in TIME_WAIT
				c.Close()
			}
		}
	})
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns[i] = c
	}
	return conns
}

func TestStartFails(t *testing.T) {
	s := start(t)
	_, port, _ := net.SplitHostPort(s.addr)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p, err := spawn.Start(spawn.Cmd{Role: "event loop", Log: log, Env: []string{role.Prefix + "PORT=" + port}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	<-p.Exited()
	b, _ := os.ReadFile(log.Name())
	if p.Status().ExitStatus() != 1 || !strings.Contains(string(b), "board (descriptor 4)") {
		t.Errorf("%s, %q", spawn.String(p.Status()), b)
	}
}
