package eventloop_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"forklore/runtimes/app"
)

// children are those of the loop, zombies too.
func (s *server) children() (pids []string) {
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(s.Pid) + "/task/*/children")
	for _, l := range lists {
		b, _ := os.ReadFile(l)
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}

// While a fork bomb lasts the loop serves others, on connections whose ends are
// seen: no child holds a copy of one.
func TestForkBomb(t *testing.T) {
	s := start(t)
	before, bomb := s.dial(), s.dial()
	bomb.send(get("forks=30", 1, withToken))
	eventually(t, "a bomber", func() bool { return len(s.children()) == 1 })
	before.send(get("", 2, "Connection: close"))
	if status, _, _ := before.receive("GET"); status != 200 {
		t.Errorf("another request: %d", status)
	}
	before.ended()
	if len(s.held()) != 1 {
		t.Error("the bomb was over before the others' turn")
	}
	if status, id, body := bomb.receive("GET"); status != 200 || id != 1 || body != "forked 30 processes\n" {
		t.Errorf("%d %d %q", status, id, body)
	}
	eventually(t, "the bomber is waited for", func() bool { return len(s.children()) == 0 })
}

// A bomb whose client is gone ends at once.
func TestForkBombIsDropped(t *testing.T) {
	s := start(t)
	began := time.Now()
	c := s.dial()
	c.send(get("forks=30", 1, withToken))
	eventually(t, "a bomber", func() bool { return len(s.children()) == 1 })
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
	eventually(t, "it is gone", func() bool { return len(s.children()) == 0 && len(s.held()) == 0 })
	if took := time.Since(began); took >= app.ForkHoldUS*time.Microsecond {
		t.Errorf("it took %v", took)
	}
}
