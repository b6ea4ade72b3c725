//go:build linux

package container

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/runtimes/role"
)

// belongings are what the host holds: whatever a call leaves shows up here.
type belongings struct {
	Groups      []string
	Descriptors []string
	Children    []int
	Mounts      string
	Worlds      []string // the namespaces that its threads are in
}

func (h *testHost) belongings(t *testing.T) (b belongings) {
	t.Helper()
	for _, d := range h.dirs {
		b.Groups = append(b.Groups, folders(t, d)...)
	}
	proc := fmt.Sprintf("/proc/%d", h.Pid)
	fds, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		to, err := os.Readlink(proc + "/fd/" + fd.Name())
		if err == nil {
			kind, _, _ := strings.Cut(to, ":")
			b.Descriptors = append(b.Descriptors, kind)
		}
	}
	slices.Sort(b.Descriptors)
	b.Children = descendants(h.Pid)
	text, err := os.ReadFile(proc + "/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	b.Mounts = string(text)
	worlds, _ := filepath.Glob(proc + "/task/*/ns/*")
	for _, w := range worlds {
		if to, err := os.Readlink(w); err == nil && !slices.Contains(b.Worlds, to) {
			b.Worlds = append(b.Worlds, to)
		}
	}
	slices.Sort(b.Worlds)
	return b
}

// requireEmpty fails if a call has left anything.
func (h *testHost) requireEmpty(t *testing.T) {
	t.Helper()
	var b belongings
	if !eventually(func() bool { b = h.belongings(t); return len(b.Groups) == 0 && len(b.Children) == 0 }) {
		t.Errorf("calls have left groups %v, processes %v", b.Groups, b.Children)
	}
	if n := h.board.Leftover.Load(); n != 0 {
		t.Errorf("%d left-overs on the board", n)
	}
}

// callsInAll is 300, or what FORKLORE_CALLS says: 10,000 is worth a try after
// a change of how sandboxes are made or taken down.
func callsInAll() int { return int(role.Int("CALLS", 300)) }

func TestNothingIsLeft(t *testing.T) {
	h := startHost(t)
	h.get("")
	h.requireEmpty(t)
	time.Sleep(50 * time.Millisecond)
	before := h.belongings(t)
	calls, clients := callsInAll(), 4
	calls -= calls % clients
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range calls / clients {
				query := ""
				if (i+c)%10 == 0 {
					query = "crash=1"
				}
				if status, body := h.get(query); status != 200 && query == "" {
					t.Errorf("%d %q", status, body)
				}
			}
		})
	}
	go func() { // ends with the host
		for range h.lines {
		}
	}()
	all.Wait()
	var diff string
	if !eventually(func() bool { diff = cmp.Diff(before, h.belongings(t)); return diff == "" }) {
		t.Errorf("what the host holds after %d calls (-before +after):\n%s", calls, diff)
	}
	if n := h.board.Leftover.Load(); n != 0 {
		t.Errorf("%d left-overs on the board", n)
	}
	if started, ended := h.board.Started.Load(), h.board.Ended.Load(); started != uint64(calls+1) || ended != started {
		t.Errorf("%d calls started, %d ended; want %d", started, ended, calls+1)
	}
}
