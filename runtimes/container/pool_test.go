//go:build linux

package container

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/board"
)

// The row of the only sandbox that there is.
func (h *testHost) only(t *testing.T) *board.Row {
	t.Helper()
	var row *board.Row
	if !eventually(func() bool {
		n := 0
		for i := range h.board.Row {
			r := &h.board.Row[i]
			if r.State.Load() != board.Empty {
				row = r
				n++
			}
		}
		return n == 1
	}) {
		t.Fatalf("sandboxes %v, want one", h.sandboxes())
	}
	return row
}

// inState waits until n sandboxes are in the state, and returns their pids.
func (h *testHost) inState(t *testing.T, state uint32, n int) (pids []int) {
	t.Helper()
	if !eventually(func() bool {
		pids = nil
		for i := range h.board.Row {
			if r := &h.board.Row[i]; r.State.Load() == state {
				pids = append(pids, int(r.Pid.Load()))
			}
		}
		return len(pids) == n
	}) {
		t.Fatalf("%d sandboxes in state %c, want %d", len(pids), rune(state), n)
	}
	return pids
}

// waitingState is the letter of a warm sandbox between two calls.
func (h *testHost) waitingState(t *testing.T) uint32 {
	t.Helper()
	if h.freezer == nil {
		t.Log("no cgroup freezer here: warm sandboxes wait unfrozen")
		return board.Idle
	}
	return board.Frozen
}

func (h *testHost) ok(t *testing.T, query string) {
	t.Helper()
	if status, body := h.get(query); status != 200 {
		t.Errorf("%q: %d %q", query, status, body)
	}
}

// answeredAs asks as a user, and returns whom the function took it for.
func (h *testHost) answeredAs(t *testing.T, id, query string) string {
	t.Helper()
	req, _ := http.NewRequest("GET", h.url+"/?"+query, nil)
	req.Header.Set("Forklore-Request", id)
	req.Header.Set("Forklore-Token", testToken)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.Header.Get("Forklore-Request")
}

func cpuTicks(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	return f[11] + "+" + f[12] // utime, stime (proc_pid_stat(5))
}

// What a warm sandbox keeps: its process, its globals, its leaks, its /tmp.
// While it waits it is stopped in fact.
func TestWarm(t *testing.T) {
	h := startHost(t, "FORKLORE_MODE=warm")
	waits := h.waitingState(t)
	h.ok(t, "leak_bytes=1048576")
	pid := h.inState(t, waits, 1)[0]
	if waits == board.Frozen {
		i, err := h.freezer.enclose(pid)
		if err != nil {
			t.Fatal(err)
		}
		state, want := "/freezer.state", "FROZEN"
		if i.v2 {
			state, want = "/cgroup.events", "frozen 1"
		}
		if text, err := os.ReadFile(i.dir + state); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s%s: %q, %v; want %s", i.dir, state, text, err, want)
		}
		before := cpuTicks(t, pid)
		time.Sleep(300 * time.Millisecond)
		if after := cpuTicks(t, pid); after != before {
			t.Errorf("CPU time went from %s to %s while it was frozen", before, after)
		}
	}
	tmp := fmt.Sprintf("/proc/%d/root/tmp/left", pid)
	if err := os.WriteFile(tmp, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := h.answeredAs(t, "41", "bleed=1"); got != "41" {
		t.Errorf("answered as %q, want 41", got)
	}
	h.inState(t, waits, 1)
	if got := h.answeredAs(t, "42", "leak_bytes=1048576"); got != "41" {
		t.Errorf("after a bleed answered as %q, want the last one's 41", got)
	}
	h.inState(t, waits, 1)
	row := h.only(t)
	if int(row.Pid.Load()) != pid || row.Served.Load() != 3 || row.LeakKiB.Load() != 2048 {
		t.Errorf("pid %d served %d and leaks %d KiB; want %d, 3, 2048", row.Pid.Load(), row.Served.Load(), row.LeakKiB.Load(), pid)
	}
	if _, err := os.Stat(tmp); err != nil {
		t.Error("/tmp was not kept: ", err)
	}
	b := h.board
	if b.Started.Load() != 1 || b.ColdCalls.Load() != 1 || b.StartCount.Load() != 1 || b.WarmStarts.Count() != 2 || b.Calls.Count() != 3 {
		t.Errorf("%d sandboxes, %d cold starts (%d measured), %d warm, %d calls; want 1, 1 (1), 2, 3",
			b.Started.Load(), b.ColdCalls.Load(), b.StartCount.Load(), b.WarmStarts.Count(), b.Calls.Count())
	}
}

// A fresh sandbox keeps nothing.
func TestFreshKeepsNothing(t *testing.T) {
	h := startHost(t)
	if got := h.answeredAs(t, "41", "bleed=1&leak_bytes=1048576"); got != "41" {
		t.Errorf("answered as %q, want 41", got)
	}
	if got := h.answeredAs(t, "42", ""); got != "42" {
		t.Errorf("answered as %q, want 42", got)
	}
	h.requireEmpty(t)
	b := h.board
	eventually(func() bool { return b.Destroys.Count() >= 2 })
	if b.Started.Load() != 2 || b.ColdCalls.Load() != 2 || b.WarmStarts.Count() != 0 || b.Destroys.Count() != 2 {
		t.Errorf("%d sandboxes, %d cold, %d warm starts, %d destroyed; want 2, 2, 0, 2",
			b.Started.Load(), b.ColdCalls.Load(), b.WarmStarts.Count(), b.Destroys.Count())
	}
}

func TestWarmEndsWhenIdle(t *testing.T) {
	h := startHost(t, "FORKLORE_MODE=warm", "FORKLORE_IDLE_MS=300")
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() { h.ok(t, "spin_us=100000") })
	}
	calls.Wait()
	pids := h.sandboxes()
	if !eventually(func() bool { return len(h.sandboxes()) == 0 }) {
		t.Fatalf("sandboxes %v are still there", h.sandboxes())
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("sandbox %d is alive", pid)
		}
	}
	h.requireEmpty(t)
	if s, e := h.board.Started.Load(), h.board.Ended.Load(); s != e || s == 0 {
		t.Errorf("%d started, %d ended", s, e)
	}
	h.ok(t, "")
	noDeaths(t, h)
}

// noDeaths fails if the host has reported one.
func noDeaths(t *testing.T, h *testHost) {
	t.Helper()
	for {
		select {
		case line := <-h.lines:
			if strings.HasPrefix(line, "died") {
				t.Errorf("reported %q", line)
			}
		default:
			return
		}
	}
}

// Each of the stock is used once, and has been there before its call.
func TestPrewarmed(t *testing.T) {
	const size = 3
	h := startHost(t, "FORKLORE_MODE=prewarmed", fmt.Sprintf("FORKLORE_POOL=%d", size))
	used := map[int]bool{}
	for i := range 6 {
		waiting := h.inState(t, board.Idle, size)
		if got := h.answeredAs(t, strconv.Itoa(50+i), "bleed=1"); got != strconv.Itoa(50+i) {
			t.Errorf("answered as %q, want %d: not a new sandbox", got, 50+i)
		}
		var gone []int
		eventually(func() bool {
			gone = slices.DeleteFunc(slices.Clone(waiting), alive)
			return len(gone) > 0
		})
		if len(gone) != 1 || used[gone[0]] {
			t.Errorf("after a call %v are gone of %v, want one", gone, waiting)
			continue
		}
		used[gone[0]] = true
	}
	if len(used) != 6 {
		t.Errorf("%d sandboxes used for 6 calls", len(used))
	}
	h.inState(t, board.Idle, size)
	b := h.board
	if b.WarmStarts.Count() != 6 || b.ColdCalls.Load() != 0 {
		t.Errorf("%d calls found a sandbox, %d did not; want 6, 0", b.WarmStarts.Count(), b.ColdCalls.Load())
	}
	eventually(func() bool { return b.Destroys.Count() >= 6 }) // it is counted once its cgroup is gone, too
	if b.Destroys.Count() != 6 || b.Started.Load() != 6+size {
		t.Errorf("%d destroyed, %d started; want 6, %d", b.Destroys.Count(), b.Started.Load(), 6+size)
	}
	noDeaths(t, h)
}

// More calls than the stock has: the others are made as in mode fresh.
func TestPrewarmedStorm(t *testing.T) {
	h := startHost(t, "FORKLORE_MODE=prewarmed", "FORKLORE_POOL=2", "FORKLORE_MAX_CALLS=16")
	h.inState(t, board.Idle, 2)
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() { h.ok(t, "spin_us=50000") })
	}
	calls.Wait()
	if w, c := h.board.WarmStarts.Count(), h.board.ColdCalls.Load(); w < 2 || c == 0 || w+c != 10 {
		t.Errorf("%d calls found a sandbox, %d made one; want 2 or more, the rest, 10 in all", w, c)
	}
	h.inState(t, board.Idle, 2)
}

// A crash ends its own sandbox, and no other that waits.
func TestCrashInWarm(t *testing.T) {
	h := startHost(t, "FORKLORE_MODE=warm")
	waits := h.waitingState(t)
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() { h.ok(t, "spin_us=200000") })
	}
	calls.Wait()
	before := h.inState(t, waits, 2)
	if status, body := h.get("crash=1"); status != 500 {
		t.Errorf("crash: %d %q, want 500", status, body)
	}
	f := h.died(t)
	pid, _ := strconv.Atoi(f[1])
	flags, _ := strconv.Atoi(f[5])
	if !slices.Contains(before, pid) || f[2] != strconv.Itoa(2<<8) || f[3] != "7" ||
		flags&board.ExecutingFault == 0 || flags&board.Reused == 0 {
		t.Errorf("reported %q, want one of %v, exit status 2, request 7, reused and executing", f, before)
	}
	after := h.inState(t, waits, 1)
	if !slices.Contains(before, after[0]) || after[0] == pid {
		t.Errorf("waiting %v, want the other of %v", after, before)
	}
	h.ok(t, "")
	noDeaths(t, h)
}

// A sandbox that is killed while it waits, frozen, is reported and removed.
func TestKillWaiting(t *testing.T) {
	h := startHost(t, "FORKLORE_MODE=warm")
	h.ok(t, "")
	pid := h.inState(t, h.waitingState(t), 1)[0]
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if f := h.died(t); f[1] != strconv.Itoa(pid) || f[2] != strconv.Itoa(int(syscall.SIGKILL)) || f[3] != "0" {
		t.Errorf("reported %q, want pid %d, signal 9, no request", f, pid)
	}
	h.requireEmpty(t)
	h.ok(t, "")
	// And once more, with a call at once.
	pid = h.inState(t, h.waitingState(t), 1)[0]
	syscall.Kill(pid, syscall.SIGKILL)
	// A sandbox that is thawed only to die may still take the call, which dies
	// with it then; the next one has a sandbox in any case.
	h.get("")
	if f := h.died(t); f[1] != strconv.Itoa(pid) {
		t.Errorf("reported %q, want pid %d", f, pid)
	}
	h.ok(t, "")
}

// When the host is killed, the lab's sweep finds the frozen ones.
func TestKillHostWithFrozen(t *testing.T) {
	h := startHost(t, "FORKLORE_MODE=warm")
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() { h.get("spin_us=100000") })
	}
	calls.Wait()
	pids := h.sandboxes()
	h.Kill()
	h.sweep()
	for _, pid := range pids {
		if !eventually(func() bool { return !alive(pid) }) {
			t.Errorf("sandbox %d outlives its host", pid)
		}
	}
}

// Live switching loses no call, and leaves nobody of the mode before.
func TestSwitchModes(t *testing.T) {
	h := startHost(t)
	go func() { // ends with the host
		for range h.lines {
		}
	}()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.ok(t, "spin_us=5000")
				}
			}
		})
	}
	for _, mode := range []string{warm, prewarmed, warm, fresh, prewarmed, fresh, warm, fresh} {
		if err := h.Tell("set MODE " + mode); err != nil {
			t.Fatal(err)
		}
		for n := h.board.Answered.Load() + 9; h.board.Answered.Load() < n && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	close(stop)
	clients.Wait()
	if b := h.board; b.WarmStarts.Count() == 0 || b.ColdCalls.Load() == 0 {
		t.Errorf("%d warm, %d cold starts: both ways should have been gone", b.WarmStarts.Count(), b.ColdCalls.Load())
	}
	h.requireEmpty(t)
	// A process is counted as ended a moment after it is gone.
	if !eventually(func() bool { return h.board.Started.Load() == h.board.Ended.Load() }) {
		t.Errorf("%d started, %d ended", h.board.Started.Load(), h.board.Ended.Load())
	}
}

// The end of the host, by its lab's end, takes those that wait along.
func TestStopWithWaiting(t *testing.T) {
	for _, mode := range []string{warm, prewarmed} {
		t.Run(mode, func(t *testing.T) {
			h := startHost(t, "FORKLORE_MODE="+mode)
			h.ok(t, "")
			eventually(func() bool { return len(h.sandboxes()) > 0 })
			pids := h.sandboxes()
			h.Stop(3 * time.Second)
			if s := h.Status(); s != 0 {
				t.Errorf("the host's status is %#x", s)
			}
			for _, pid := range pids {
				if alive(pid) {
					t.Errorf("sandbox %d outlives its host", pid)
				}
			}
			for _, d := range h.dirs {
				if left, _ := filepath.Glob(d + "/*/"); len(left) > 0 {
					t.Errorf("groups are left: %v", left)
				}
			}
		})
	}
}

// At the limit a call is rejected at once, also when sandboxes wait elsewhere.
func TestWarmLimit(t *testing.T) {
	h := startHost(t, "FORKLORE_MODE=warm", "FORKLORE_MAX_CALLS=2", "FORKLORE_QUEUE=-1")
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() { h.ok(t, "spin_us=600000") })
	}
	h.inState(t, board.Working, 2)
	if status, body := h.get(""); status != http.StatusTooManyRequests {
		t.Errorf("%d %q, want 429", status, body)
	}
	calls.Wait()
	h.inState(t, h.waitingState(t), 2)
	h.ok(t, "")
	if n := h.board.Started.Load(); n != 2 {
		t.Errorf("%d sandboxes, want 2", n)
	}
}
