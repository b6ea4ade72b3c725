package eventloop_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Without descriptors a client is told at once, and those that are connected
// are served on.
func TestNoDescriptorsLeft(t *testing.T) {
	s := start(t)
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Prlimit(s.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Skip("needs prlimit(2) on a child: ", err)
	}
	var served, closed int
	var alive *conn
	for id := uint64(1); id <= 100; id++ {
		c := s.dial()
		io.WriteString(c, get("", id))
		if b, err := c.r.Peek(1); err == nil && b[0] == 'H' {
			c.receive("GET")
			served, alive = served+1, c
		} else {
			closed++
		}
	}
	if served < 40 || closed < 36 {
		t.Errorf("%d served, %d closed; want about 56 and 44", served, closed)
	}
	if n := s.board.Rejected.Load(); n != uint64(closed) {
		t.Errorf("%d rejected on the board, want %d", n, closed)
	}
	alive.send(get("", 101))
	if status, _, _ := alive.receive("GET"); status != 200 {
		t.Errorf("a connection from before: status %d", status)
	}
	alive.Close()
	eventually(t, "room for a new one", func() bool {
		c := s.dial()
		io.WriteString(c, get("", 102, "Connection: close"))
		b, err := c.r.Peek(1)
		return err == nil && b[0] == 'H'
	})
}

// Two halves of the table are leaked: those who are connected are served, what
// needs a descriptor fails, a new client is closed at once, and the loop rests.
// When there are descriptors again it is as before.
func TestDescriptorsAreLeaked(t *testing.T) {
	s := start(t, env("BACKEND="+backend(t)))
	var limit unix.Rlimit
	set := func(descriptors uint64) {
		t.Helper()
		if err := unix.Prlimit(s.Pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil || limit.Max < descriptors {
			t.Skipf("needs %d descriptors, and prlimit(2) on a child: %d, %v", descriptors, limit.Max, err)
		}
		limit.Cur = descriptors
		if err := unix.Prlimit(s.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
			t.Skip("needs prlimit(2) on a child: ", err)
		}
	}
	set(256)
	ask := func(c *conn, query string, want int) {
		t.Helper()
		c.send(get(query, 1, withToken))
		if status, _, body := c.receive("GET"); status != want {
			t.Errorf("%s: %d %q, want %d", query, status, body, want)
		}
	}
	before := s.dial()
	ask(before, "fds_pct=50", 200)
	ask(before, "io_us=1", 200)
	ask(before, "fds_pct=50", 200)
	ask(before, "io_us=1", 502)
	for range 20 {
		c := s.dial()
		c.ended()
		c.Close()
	}
	if n := s.board.Rejected.Load(); n != 20 {
		t.Errorf("%d rejected, want 20", n)
	}
	ask(before, "", 200)
	used := cpuTicks(t, s.Pid)
	time.Sleep(500 * time.Millisecond)
	if used = cpuTicks(t, s.Pid) - used; used > 20 { // of 50
		t.Errorf("%d ticks of CPU in half a second: it spins", used)
	}
	// The loop's own table was made for more.
	set(512)
	ask(before, "io_us=1", 200)
	ask(s.dial(), "io_us=1", 200)
}

// cpuTicks is the process's time on a CPU, in hundredths of a second
// (proc_pid_stat(5), fields 14 and 15).
func cpuTicks(t *testing.T, pid int) (ticks int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	for _, s := range f[11:13] {
		n, _ := strconv.Atoi(s)
		ticks += n
	}
	return ticks
}
