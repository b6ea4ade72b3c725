package prefork_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/board"
	"forklore/runtimes/prefork"

	"github.com/google/go-cmp/cmp"
)

func TestExactlyTheWorkersThatWereAsked(t *testing.T) {
	p := start(t, "WORKERS=3")
	pids := p.workers()
	if len(pids) != 3 {
		t.Fatalf("%d children, want 3", len(pids))
	}
	if got := p.states(); got != "___" {
		t.Errorf("board %q, want three idle", got)
	}
	if s, e, k := p.board.Started.Load(), p.board.Ended.Load(), p.board.Peak.Load(); s != 3 || e != 0 || k != 3 {
		t.Errorf("started %d ended %d peak %d, want 3 0 3", s, e, k)
	}
	if p.board.StartCount.Load() != 3 || p.board.Starts[0].Load() == 0 {
		t.Errorf("start-up durations: %d, the first %d us", p.board.StartCount.Load(), p.board.Starts[0].Load())
	}
	for _, pid := range pids {
		read := func(name string) string {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
			if err != nil {
				t.Skip("no /proc:", err)
			}
			return string(text)
		}
		fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		got := []string{strings.TrimSpace(read("comm")), strings.TrimRight(read("cmdline"), "\x00"), strings.TrimSpace(read("oom_score_adj")), strconv.Itoa(len(fds))}
		want := []string{"prefork worker", "forklore: prefork worker", "1000", "6"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("worker's comm, cmdline, oom_score_adj, descriptors (-want +got):\n%s", d)
		}
		if env := read("environ"); bytes.Count([]byte(env), []byte("FORKLORE_ROLE=")) != 1 {
			t.Errorf("environment has not exactly one role: %q", env)
		}
	}
}

func TestAsManyAtOnceAsThereAreWorkers(t *testing.T) {
	b, open := startGated(t)
	p := start(t, "WORKERS=3", b.setting())
	var waiting []<-chan reply
	for id := 1; id <= 8; id++ {
		waiting = append(waiting, p.begin(id, "io_us=1000"))
	}
	eventually(t, "all at work", func() bool { return p.states() == "WWW" && b.peak() == 3 })
	eventually(t, "the others in the queue", func() bool { return queued(t, p) == 5 })
	open()
	for i, c := range waiting {
		if r := <-c; r.Status != 200 || r.ID != strconv.Itoa(i+1) {
			t.Errorf("request %d: %+v", i+1, r)
		}
	}
	if b.peak() != 3 {
		t.Errorf("%d requests at once, want 3", b.peak())
	}
	eventually(t, "all accepted and answered", func() bool {
		return p.board.Accepted.Load() == 8 && p.board.Answered.Load() == 8
	})
}

func TestCrashTakesItsOwnRequestOnly(t *testing.T) {
	b, open := startGated(t)
	p := start(t, "WORKERS=4", b.setting())
	before := p.workers()
	var others []<-chan reply
	for id := 1; id <= 3; id++ {
		others = append(others, p.begin(id, "io_us=1"))
		p.holding(id)
	}
	carrier := p.begin(4, "cpu_us=300000&crash=1")
	row := p.holding(4)
	pid := int(row.Pid.Load())
	if row.Flags.Load() != board.CarriesFault {
		t.Errorf("flags before the fault's step: %d", row.Flags.Load())
	}
	c := <-carrier
	if c.Err == nil {
		t.Errorf("the carrier was answered: %+v", c)
	}
	eventually(t, "its death told", func() bool { return len(p.deaths()) == 1 })
	want := []death{{Pid: pid, Status: 2 << 8, Request: 4, Port: c.Port, Flags: board.CarriesFault | board.ExecutingFault}}
	if d := cmp.Diff(want, p.deaths()); d != "" {
		t.Errorf("died (-want +got):\n%s", d)
	}
	eventually(t, "the place filled", func() bool { return p.count(board.Idle) == 1 })
	open()
	for i, o := range others {
		if r := <-o; r.Status != 200 {
			t.Errorf("request %d, of another worker: %+v", i+1, r)
		}
	}
	same := 0
	for _, now := range p.workers() {
		for _, then := range before {
			if now == then {
				same++
			}
		}
	}
	if len(p.workers()) != 4 || same != 3 {
		t.Errorf("workers %v, before %v: want all but one the same", p.workers(), before)
	}
}

func TestWorkerKilledFromOutside(t *testing.T) {
	b, _ := startGated(t)
	p := start(t, "WORKERS=2", b.setting())
	victim := p.begin(7, "io_us=1")
	pid := int(p.holding(7).Pid.Load())
	syscall.Kill(pid, syscall.SIGKILL)
	r := <-victim
	if r.Err == nil {
		t.Errorf("answered by a dead worker: %+v", r)
	}
	eventually(t, "replaced", func() bool { return p.states() == "__" })
	idle := p.workers()[0]
	syscall.Kill(idle, syscall.SIGSEGV)
	eventually(t, "both told", func() bool { return len(p.deaths()) == 2 })
	ds := p.deaths()
	if d := cmp.Diff(death{Pid: pid, Status: 9, Request: 7, Port: r.Port}, ds[0]); d != "" {
		t.Errorf("the one at work (-want +got):\n%s", d)
	}
	// An idle worker takes nothing along. Go's runtime prints a trace for
	// SIGSEGV, and exits with 2.
	if ds[1].Pid != idle || ds[1].Request != 0 || ds[1].Port != 0 {
		t.Errorf("the idle one: %+v", ds[1])
	}
	eventually(t, "replaced again", func() bool { return p.states() == "__" && len(p.workers()) == 2 })
}

func TestMaxRequests(t *testing.T) {
	p := start(t, "WORKERS=2", "MAX_REQUESTS=5")
	for id := 1; id <= 42; id++ {
		if r := p.get(id, ""); r.Status != 200 {
			t.Fatalf("request %d: %+v", id, r)
		}
	}
	// No jitter below ten requests: each life is exactly five.
	eventually(t, "recycled", func() bool {
		return p.states() == "__" && 5*p.board.Ended.Load()+p.board.Row[0].Served.Load()+p.board.Row[1].Served.Load() == 42
	})
	if n := p.board.Ended.Load(); n < 7 {
		t.Errorf("%d lives for 42 requests, want at least 7", n)
	}
	if len(p.deaths()) != 0 {
		t.Errorf("ends that were asked for were told as deaths: %+v", p.deaths())
	}
}

func TestLifetimeHasJitter(t *testing.T) {
	seen := map[uint64]int{}
	for seed := range uint64(2000) {
		n := prefork.Lifetime(100, seed*0x9e3779b97f4a7c15+1)
		if n < 90 || n > 110 {
			t.Fatalf("a life of %d requests, want 100 within a tenth", n)
		}
		seen[n]++
	}
	if len(seen) != 21 {
		t.Errorf("%d different lives, want 21", len(seen))
	}
	if prefork.Lifetime(0, 5) != 0 || prefork.Lifetime(-3, 5) != 0 || prefork.Lifetime(1, 5) != 1 {
		t.Error("no limit, and a limit of one, are exact")
	}
}

func TestHungWorkerIsEnded(t *testing.T) {
	p := start(t, "WORKERS=2", "TIMEOUT_MS=1500")
	r := <-p.begin(3, "hang=1")
	if r.Err == nil {
		t.Errorf("hang was answered: %+v", r)
	}
	eventually(t, "told and replaced", func() bool { return len(p.deaths()) == 1 && p.states() == "__" })
	d := p.deaths()[0]
	if d.Status != 9 || d.Request != 3 || d.Flags != board.CarriesFault|board.ExecutingFault|board.Hung {
		t.Errorf("died: %+v", d)
	}
	if len(p.said("say prefork: worker "+strconv.Itoa(d.Pid)+" hangs")) != 1 {
		t.Errorf("said: %q", p.said("say"))
	}
}

func TestTimeoutCanBeSet(t *testing.T) {
	p := start(t, "WORKERS=1", "TIMEOUT_MS=0")
	hung := p.begin(3, "hang=1")
	p.holding(3)
	select {
	case r := <-hung:
		t.Fatalf("ended without a time-out: %+v", r)
	case <-time.After(300 * time.Millisecond):
	}
	p.proc.Tell("set TIMEOUT_MS 200")
	if r := <-hung; r.Err == nil {
		t.Errorf("hang was answered: %+v", r)
	}
}

func TestCrashLoopSlowsDownAndNeverGivesUp(t *testing.T) {
	p := start(t, "WORKERS=1")
	for id := 1; id <= 4; id++ { // each kills the worker that was started for the last
		p.get(id, "crash=1")
	}
	eventually(t, "a pause", func() bool { return len(p.said("say prefork: workers die")) >= 3 })
	var pauses []string
	for _, l := range p.said("say prefork: workers die") {
		pauses = append(pauses, l[strings.LastIndex(l, "in "):])
	}
	if d := cmp.Diff([]string{"in 100 ms", "in 200 ms", "in 400 ms"}, pauses[:3]); d != "" {
		t.Errorf("pauses (-want +got):\n%s", d)
	}
	if r := p.get(5, ""); r.Status != 200 { // waits in the backlog
		t.Errorf("after the loop: %+v", r)
	}
	p.get(6, "crash=1")
	p.get(7, "")
	if n := len(p.said("say prefork: workers die")); n != 3 {
		t.Errorf("a crash after a good request is taken for the loop: %d pauses", n)
	}
}

func TestGuardIsBounded(t *testing.T) {
	want := []int64{0, 0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000}
	if d := cmp.Diff(want, prefork.Pauses(2, 11)); d != "" {
		t.Errorf("pauses in ms after 1, 2, ... young deaths of 2 workers (-want +got):\n%s", d)
	}
}

func TestLeakStaysInItsWorker(t *testing.T) {
	p := start(t, "WORKERS=3", "MAX_REQUESTS=2")
	if r := p.get(1, "leak_bytes=8388608"); r.Status != 200 {
		t.Fatalf("%+v", r)
	}
	leaky := 0
	for i := range p.board.Row[:3] {
		r := &p.board.Row[i]
		big := rssKiB(t, int(r.Pid.Load())) > 8<<10
		leak := r.LeakKiB.Load() == 8<<10
		if big != leak && !raceEnabled {
			t.Errorf("row %d: leak on the board %d KiB, memory %d KiB", i, r.LeakKiB.Load(), rssKiB(t, int(r.Pid.Load())))
		}
		if leak {
			leaky++
		}
	}
	if leaky != 1 {
		t.Errorf("%d rows have leaked, want 1", leaky)
	}
	for id := 2; id < 6; id++ { // until the worker has had its second
		p.get(id, "")
	}
	eventually(t, "the leak gone with its worker", func() bool {
		for i := range p.board.Row[:3] {
			if p.board.Row[i].LeakKiB.Load() != 0 {
				p.get(9, "")
				return false
			}
		}
		return true
	})
}

func rssKiB(t *testing.T, pid int) (kib int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("no /proc:", err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	fmt.Sscan(rest, &kib)
	return kib
}

// A worker that waits must not cost anything: Go's preemption would interrupt
// its accept some 185 times a second.
func TestIdleWorkersSleep(t *testing.T) {
	p := start(t, "WORKERS=1")
	time.Sleep(300 * time.Millisecond) // the runtime's start settles
	before := wakeups(t, p.workers()[0])
	time.Sleep(500 * time.Millisecond)
	if n := wakeups(t, p.workers()[0]) - before; n > 10 {
		t.Errorf("an idle worker woke %d times in half a second", n)
	}
}

func wakeups(t *testing.T, pid int) (sum int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if len(files) == 0 {
		t.Skip("no /proc")
	}
	for _, f := range files {
		text, _ := os.ReadFile(f)
		_, rest, _ := strings.Cut(string(text), "\nvoluntary_ctxt_switches:")
		var n int
		fmt.Sscan(rest, &n)
		sum += n
	}
	return sum
}
