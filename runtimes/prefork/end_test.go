package prefork_test

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestStopLosesNothing(t *testing.T) {
	b, open := startGated(t)
	p := start(t, "WORKERS=2", b.setting())
	idle, err := net.Dial("tcp", p.addr) // a kept connection without a request
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	br := bufio.NewReader(idle)
	if r := exchange(idle, br, request(1, "")); r.Status != 200 {
		t.Fatalf("%+v", r)
	}
	var waiting []<-chan reply
	waiting = append(waiting, p.begin(2, "io_us=1"))
	p.holding(2)
	for id := 3; id <= 8; id++ { // into the queue: one worker is at work, one kept
		waiting = append(waiting, p.begin(id, "io_us=1"))
	}
	eventually(t, "all are in the queue", func() bool { return queued(t, p) == 6 })
	p.workers()
	p.proc.Tell("stop")
	eventually(t, "heard", func() bool { return p.board.Generation.Load() != 1 })
	open()
	for i, c := range waiting {
		if r := <-c; r.Status != 200 {
			t.Errorf("request %d: %+v", i+2, r)
		}
	}
	waitExit(p)
	if s := p.proc.Status(); !s.Exited() || s.ExitStatus() != 0 {
		t.Errorf("the parent's status: %v", s)
	}
	if n := len(p.deaths()); n != 0 {
		t.Errorf("%d deaths in a graceful stop", n)
	}
	if a, n := p.board.Accepted.Load(), p.board.Answered.Load(); a != 8 || n != 8 {
		t.Errorf("accepted %d answered %d, want 8 8", a, n)
	}
	if _, err := br.ReadByte(); err == nil {
		t.Error("the kept connection is still open")
	}
	if c, err := net.Dial("tcp", p.addr); err == nil {
		c.Close()
		t.Error("still listening")
	}
}

// queued is the length of the listener's accept queue.
func queued(t *testing.T, p *pool) (n int) {
	_, port, _ := net.SplitHostPort(p.addr)
	var number int
	fmt.Sscan(port, &number)
	return acceptQueue(t, number)
}

func TestSupervisorsListenerKeepsItsQueue(t *testing.T) {
	b, open := startGated(t)
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	defer f.Close()
	syscall.SetNonblock(int(f.Fd()), false)
	first := launch(t, f, "WORKERS=1", b.setting())
	first.waitReady()
	held := first.begin(1, "io_us=1")
	first.holding(1)
	queuedOne := first.begin(2, "")
	eventually(t, "it is in the queue", func() bool { return queued(t, first) == 1 })
	first.proc.Tell("stop")
	eventually(t, "heard", func() bool { return first.board.Generation.Load() != 1 })
	open()
	if r := <-held; r.Status != 200 {
		t.Errorf("the one in flight: %+v", r)
	}
	waitExit(first)
	second := launch(t, f, "WORKERS=1", b.setting())
	second.waitReady()
	if r := <-queuedOne; r.Status != 200 {
		t.Errorf("the one in the queue: %+v", r)
	}
	eventually(t, "the second parent's worker has served it", func() bool { return second.board.Answered.Load() == 1 })
}

func TestRestartUnderLoad(t *testing.T) {
	b := startBackend(t)
	p := start(t, "WORKERS=4", b.setting())
	before := map[int]bool{}
	for _, pid := range p.workers() {
		before[pid] = true
	}
	var stop atomic.Bool
	var failed, done atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				if r := p.get(1, "io_us=2000"); r.Status != 200 {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	p.proc.Tell("restart")
	eventually(t, "other workers", func() bool {
		pids := p.workers()
		for _, pid := range pids {
			if before[pid] {
				return false
			}
		}
		return len(pids) == 4
	})
	stop.Store(true)
	wg.Wait()
	if failed.Load() != 0 || done.Load() == 0 || len(p.deaths()) != 0 {
		t.Errorf("%d of %d requests failed, deaths: %+v", failed.Load(), done.Load(), p.deaths())
	}
}

// Idle workers must see that they should leave, though nobody connects.
func TestRestartAndStopWhileIdle(t *testing.T) {
	p := start(t, "WORKERS=3")
	before := p.workers()
	p.proc.Tell("restart")
	eventually(t, "three more", func() bool { return p.board.Started.Load() == 6 && p.states() == "___" })
	for _, pid := range before {
		eventually(t, "the old ones gone", func() bool { return !running(pid) })
	}
	p.workers()
	p.proc.Tell("stop")
	waitExit(p)
	if p.board.Ended.Load() != 6 || len(p.deaths()) != 0 {
		t.Errorf("ended %d, deaths %+v", p.board.Ended.Load(), p.deaths())
	}
}

// waitExit waits for the parent's end.
func waitExit(p *pool) {
	p.t.Helper()
	select {
	case <-p.proc.Exited():
	case <-time.After(patience):
		p.t.Fatalf("the parent is still there, board %q", p.states())
	}
}

func TestTheLabIsGone(t *testing.T) {
	for _, end := range []struct {
		name string
		do   func(p *pool)
	}{
		{"end of file on the control socket", func(p *pool) { p.proc.Stop(10 * time.Second) }},
		{"end of file during a stop", func(p *pool) { p.proc.Tell("stop"); p.proc.Stop(10 * time.Second) }},
		{"kill -9 of the parent", func(p *pool) { p.proc.Kill() }},
	} {
		t.Run(end.name, func(t *testing.T) {
			p := start(t, "WORKERS=4", "TIMEOUT_MS=0")
			c := p.begin(1, "hang=1")
			p.holding(1)
			spins := p.begin(2, "spin_us=60000000")
			p.holding(2)
			p.workers()
			began := time.Now()
			end.do(p)
			p.waitGone()
			if d := time.Since(began); d > goneWithin {
				t.Errorf("it took %v", d)
			}
			if r := <-c; r.Err == nil {
				t.Errorf("hang was answered: %+v", r)
			}
			<-spins
		})
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := launch(t, nil, fmt.Sprintf("PORT=%d", l.Addr().(*net.TCPAddr).Port))
	waitExit(p)
	if p.proc.Status().ExitStatus() != 1 {
		t.Errorf("status %v, want 1", p.proc.Status())
	}
	eventually(t, "the reason", func() bool { return len(p.said("say prefork: cannot listen on 127.0.0.1:")) == 1 })
}

// The lab keeps the port with a socket that is bound and doesn't listen.
func TestReservedPort(t *testing.T) {
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
	sa, _ := syscall.Getsockname(fd)
	port := sa.(*syscall.SockaddrInet4).Port
	for range 2 { // and again, after the first has left
		p := start(t, "WORKERS=1", fmt.Sprintf("PORT=%d", port))
		if r := p.get(1, ""); r.Status != 200 {
			t.Errorf("%+v", r)
		}
		p.workers()
		p.proc.Tell("stop")
		waitExit(p)
	}
}
