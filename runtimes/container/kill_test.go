//go:build linux

package container

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

// "sandbox lab" starts a host, says where it is, and waits: a lab to be killed.
func init() {
	role.Enter("sandbox lab", func() {
		file, err := os.CreateTemp("", "")
		if err != nil {
			panic(err)
		}
		os.Remove(file.Name())
		if file.Truncate(int64(board.Size(32))) != nil {
			panic("no board")
		}
		if _, err := board.Init(int(file.Fd()), 32); err != nil {
			panic(err)
		}
		p, err := spawn.Start(spawn.Cmd{Role: HostRole, Board: file, Log: os.Stderr, Env: []string{
			"FORKLORE_CGROUP=" + role.Env("CGROUP"), "FORKLORE_TOKEN=" + testToken, "GORACE=atexit_sleep_ms=0"}})
		if err != nil {
			panic(err)
		}
		fmt.Println(p.Pid, <-p.Lines())
		for range p.Lines() {
		}
	})
}

// storm calls the host from four sides until stop is closed, and reports how
// many calls it made.
func (h *testHost) storm(stop <-chan struct{}, queries ...string) (calls *atomic.Int64, wait func()) {
	var clients sync.WaitGroup
	calls = new(atomic.Int64)
	queries = append(queries, "", "spin_us=3000", "mem_bytes=1048576", "crash=1")
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				h.get(queries[rand.IntN(len(queries))])
				calls.Add(1)
			}
		})
	}
	return calls, clients.Wait
}

// pickOne kills one of the host's children, whatever it is at: a function, or
// a child on its way to become one.
func (h *testHost) pickOne() {
	if pids := descendants(h.Pid); len(pids) > 0 {
		syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL)
	}
}

// members are the processes in the calls' groups.
func (h *testHost) members() (pids []int) {
	for _, d := range h.dirs {
		lists, _ := filepath.Glob(d + "/*/cgroup.procs")
		for _, l := range lists {
			text, _ := os.ReadFile(l)
			for f := range strings.FieldsSeq(string(text)) {
				pid, _ := strconv.Atoi(f)
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func pause(most time.Duration) { time.Sleep(rand.N(most)) }

// TestKilledSandboxes: a sandbox may be killed at any moment, also while it is
// being made; the host holds nothing of it afterwards.
func TestKilledSandboxes(t *testing.T) {
	h := startHost(t)
	go func() { // ends with the host
		for range h.lines {
		}
	}()
	h.get("")
	h.requireEmpty(t)
	time.Sleep(50 * time.Millisecond)
	before := h.belongings(t)
	stop := make(chan struct{})
	calls, wait := h.storm(stop)
	kills := callsInAll() / 10
	for range kills {
		pause(20 * time.Millisecond)
		h.pickOne()
	}
	close(stop)
	wait()
	var diff string
	if !eventually(func() bool { diff = cmp.Diff(before, h.belongings(t)); return diff == "" }) {
		t.Errorf("what the host holds after %d calls and %d kills (-before +after):\n%s", calls.Load(), kills, diff)
	}
	if n := h.board.Leftover.Load(); n != 0 {
		t.Errorf("%d left-overs on the board", n)
	}
	if status, body := h.get(""); status != 200 {
		t.Errorf("after %d kills: %d %q", kills, status, body)
	}
}

// TestKilledHosts: so may the host, with all of its sandboxes: they die with
// it, and the lab removes their groups.
func TestKilledHosts(t *testing.T) {
	for i := range max(3, callsInAll()/200) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			before, open := mounts(t), descriptors(t)
			t.Run("killed", func(t *testing.T) { // what it cleans up is done when it ends
				h := startHost(t)
				stop := make(chan struct{})
				_, wait := h.storm(stop, "hang=1")
				time.Sleep(30 * time.Millisecond)
				pause(60 * time.Millisecond)
				pids := descendants(h.Pid)
				h.Kill()
				close(stop)
				wait()
				if haveStub && !noThreadFD.Load() { // else, see lifeline
					requireGone(t, append(pids, h.members()...))
				}
				h.sweep()
				requireGone(t, append(pids, h.sandboxes()...))
			})
			if diff := cmp.Diff(before, mounts(t)); diff != "" {
				t.Errorf("mounts (-before +after):\n%s", diff)
			}
			if !eventually(func() bool { return descriptors(t) <= open }) {
				t.Errorf("%d descriptors, there were %d", descriptors(t), open)
			}
		})
	}
}

// TestKilledLabs: and the lab. Its host notices, ends its sandboxes, and takes
// down everything of theirs by itself.
func TestKilledLabs(t *testing.T) {
	requireSandboxes(t)
	for i := range max(3, callsInAll()/200) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			groups := testGroups(t)
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), "FORKLORE_ROLE=sandbox lab", "FORKLORE_CGROUP="+groups)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(out).ReadString('\n')
			f := strings.Fields(line)
			if len(f) != 3 || f[1] != "ready" {
				cmd.Process.Kill()
				cmd.Wait()
				t.Fatalf("the lab said %q", line)
			}
			pid, _ := strconv.Atoi(f[0])
			h := &testHost{Proc: &spawn.Proc{Pid: pid}, url: "http://127.0.0.1:" + f[2]}
			_, dirs, _ := strings.Cut(groups, ":")
			for dir := range strings.SplitSeq(dirs, ";") {
				h.dirs = append(h.dirs, dir[strings.Index(dir, "=")+1:]+"/calls")
			}
			t.Cleanup(h.sweep)
			stop := make(chan struct{})
			_, wait := h.storm(stop, "hang=1")
			time.Sleep(30 * time.Millisecond)
			pause(60 * time.Millisecond)
			pids := append(descendants(pid), pid)
			cmd.Process.Kill()
			cmd.Wait()
			close(stop)
			wait()
			requireGone(t, pids)
			for _, d := range h.dirs {
				if _, err := os.Stat(d); !eventually(func() bool { _, err = os.Stat(d); return os.IsNotExist(err) }) {
					t.Errorf("the host has left %s: %v", d, folders(t, d))
				}
			}
		})
	}
}

func requireGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if !eventually(func() bool { return !alive(pid) }) {
			t.Errorf("process %d outlives who started it", pid)
		}
	}
}
