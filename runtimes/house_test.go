package runtimes_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes"
	_ "forklore/runtimes/cgi" // the roles
	_ "forklore/runtimes/container"
	_ "forklore/runtimes/eventloop"
	_ "forklore/runtimes/prefork"
)

var all = []string{runtimes.CGI, runtimes.Prefork, runtimes.EventLoop, runtimes.Container}

func spec() runtimes.Spec {
	return runtimes.Spec{
		MemoryBytes: 256 << 20, Pids: 512, CallTimeout: 20 * time.Second,
		MaxCalls: 8, Queue: 16, Workers: 3, RestartDelay: 50 * time.Millisecond,
	}
}

// open opens a house that is closed at the end of the test, and then leaves
// nothing behind.
func open(t *testing.T, s runtimes.Spec, models ...string) *runtimes.House {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	s.Log = log
	h, err := runtimes.Open(s, models)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		log.Close()
		if left := leftovers(); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
	return h
}

// leftovers of this process's houses: each role has the folder's name, which
// has our pid in it, in its environment.
func leftovers() (left []string) {
	mark := fmt.Sprintf("forklore-%d-", os.Getpid())
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		if env, err := os.ReadFile(path); err == nil && strings.Contains(string(env), mark) {
			left = append(left, path)
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/forklore/%d-*", "/sys/fs/cgroup/*/forklore/%d-*", os.TempDir() + "/*forklore-%d-*"} {
		found, _ := filepath.Glob(fmt.Sprintf(pattern, os.Getpid()))
		left = append(left, found...)
	}
	return left
}

func begin(t *testing.T, h *runtimes.House, model string) *runtimes.Runtime {
	t.Helper()
	r, err := h.Start(model)
	if errors.Is(err, runtimes.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// get asks as curl would; the token is what the lab's own traffic has.
func get(r *runtimes.Runtime, query, token string, id int) (status int, body string, err error) {
	req, err := http.NewRequest("GET", "http://"+r.Addr()+"/?"+query, nil)
	if err != nil {
		return 0, "", err
	}
	req.Close = true
	if token != "" {
		req.Header.Set("Forklore-Token", token)
	}
	req.Header.Set("Forklore-Request", fmt.Sprint(id))
	c := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// next waits for an event of that kind.
func next(t *testing.T, r *runtimes.Runtime, what runtimes.EventKind) runtimes.Event {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e := <-r.Events():
			if e.What == what {
				return e
			}
		case <-deadline:
			t.Fatalf("%s: no event %v", r.Model, what)
		}
	}
}

// TestServeCrashServe: every model serves, dies of a crash as it does, says
// what died, serves again, and stops without a trace.
func TestServeCrashServe(t *testing.T) {
	for _, model := range all {
		t.Run(model, func(t *testing.T) {
			h := open(t, spec(), model)
			r := begin(t, h, model)
			next(t, r, runtimes.Ready)
			if status, body, err := get(r, "cpu_us=100&io_us=1000", "", 1); status != 200 || body != "hello\n" {
				t.Fatalf("%d %q %v", status, body, err)
			}
			if status, _, err := get(r, "crash=1", "", 2); status != 403 {
				t.Errorf("a crash without the token: %d %v, want 403", status, err)
			}
			old := r.Top()
			get(r, "io_us=20000&crash=1", h.Token(), 3)
			e := next(t, r, runtimes.Died)
			if !e.Status.Exited() || e.Status.ExitStatus() != 2 || len(e.Held) != 1 || e.Held[0].Request != 3 || !e.Held[0].Executing {
				t.Errorf("died: %+v, want exit status 2 of the one that held request 3", e)
			}
			if top := model == runtimes.EventLoop; e.Top != top || e.Listener != top {
				t.Errorf("died: top %v, listener %v; want %v", e.Top, e.Listener, top)
			}
			if e.Top {
				next(t, r, runtimes.Ready)
			} else if r.Top() != old {
				t.Error("the top process was replaced, though only a child had died")
			}
			if status, _, err := get(r, "", "", 4); status != 200 {
				t.Errorf("after the crash: %d %v", status, err)
			}
			f := r.Memory()
			if f.Source == "pss" && f.MemoryBytes == 0 { // of a moment ago, when it was down: cage.Figures
				time.Sleep(1100 * time.Millisecond)
				f = r.Memory()
			}
			if f.MemoryBytes <= 0 || f.Source == "" {
				t.Errorf("memory %+v", f)
			}
			n := 0
			r.Starts(func(int64) { n++ })
			if n == 0 {
				t.Error("no start-up was measured")
			}
		})
	}
}

// TestTopIsKilledFromOutside: kill -9 of the top process takes all of its
// model, and the supervisor starts it anew.
func TestTopIsKilledFromOutside(t *testing.T) {
	for _, model := range all {
		t.Run(model, func(t *testing.T) {
			h := open(t, spec(), model)
			r := begin(t, h, model)
			next(t, r, runtimes.Ready)
			old := r.Top()
			syscall.Kill(old, syscall.SIGKILL)
			if e := next(t, r, runtimes.Died); e.Pid != old || !e.Top || !e.Status.Signaled() {
				t.Errorf("died: %+v", e)
			}
			next(t, r, runtimes.Ready)
			if r.Top() == old || r.Restarts() != 1 {
				t.Errorf("top %d, was %d; %d restarts", r.Top(), old, r.Restarts())
			}
			if status, _, err := get(r, "io_us=1000", "", 1); status != 200 {
				t.Errorf("after the restart: %d %v", status, err)
			}
		})
	}
}

// TestRestart: a reset is no death, and is quick also where nothing restarts by itself.
func TestRestart(t *testing.T) {
	s := spec()
	s.NeverRestart = true
	h := open(t, s, runtimes.EventLoop)
	r := begin(t, h, runtimes.EventLoop)
	next(t, r, runtimes.Ready)
	r.Restart(true)
	if e := next(t, r, runtimes.Ready); e.Pid == 0 || r.Restarts() != 0 {
		t.Errorf("%+v, %d restarts", e, r.Restarts())
	}
	syscall.Kill(r.Top(), syscall.SIGKILL)
	next(t, r, runtimes.Died)
	time.Sleep(100 * time.Millisecond)
	if r.Top() != 0 {
		t.Error("it came back though it was told never to")
	}
	r.Restart(true)
	next(t, r, runtimes.Ready)
}

// TestMemoryLimit: a leak ends in the kernel's OOM killer, and the event says so.
func TestMemoryLimit(t *testing.T) {
	s := spec()
	s.MemoryBytes = 48 << 20
	h := open(t, s, runtimes.EventLoop)
	if h.Yard().Mode() == "none" {
		t.Skip("needs cgroups: " + h.Yard().Why())
	}
	r := begin(t, h, runtimes.EventLoop)
	next(t, r, runtimes.Ready)
	get(r, "leak_bytes=67108864", h.Token(), 9)
	e := next(t, r, runtimes.Died)
	if e.OOMKills == 0 || e.Status.Signal() != syscall.SIGKILL || len(e.Held) != 1 || e.Held[0].Request != 9 {
		t.Errorf("died: %+v, want signal 9 by the OOM killer, holding request 9", e)
	}
}

func TestPorts(t *testing.T) {
	s := spec()
	s.Port = 21480
	l := open(t, s, runtimes.CGI)
	r := begin(t, l, runtimes.CGI)
	if r.Addr() != "127.0.0.1:21480" {
		t.Errorf("address %s", r.Addr())
	}
	if _, err := runtimes.Open(s, []string{runtimes.CGI}); !errors.Is(err, runtimes.ErrPort) || !strings.Contains(err.Error(), "21480") {
		t.Errorf("a port on which someone listens: %v, want ErrPort and the number", err)
	}
}

// TestRefusedWhileDown: the reservation keeps the port empty, so a connect is
// refused, and never reaches the client itself.
func TestRefusedWhileDown(t *testing.T) {
	s := spec()
	s.NeverRestart = true
	h := open(t, s, runtimes.EventLoop)
	r := begin(t, h, runtimes.EventLoop)
	next(t, r, runtimes.Ready)
	syscall.Kill(r.Top(), syscall.SIGKILL)
	next(t, r, runtimes.Died)
	for range 200 {
		if _, _, err := get(r, "", "", 1); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("%v, want connection refused", err)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*runtimes.Spec)
		says   string
	}{
		{"as it is", func(*runtimes.Spec) {}, ""},
		{"memory", func(s *runtimes.Spec) { s.MemoryBytes = 8 << 20 }, "too small for one process"},
		{"pids", func(s *runtimes.Spec) { s.Pids = 10 }, "pids"},
		{"workers", func(s *runtimes.Spec) { s.Workers = 200; s.Weight.MemBytes = 8 << 20 }, "200 workers"},
	} {
		s := spec()
		c.change(&s)
		err := s.Check(all)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}
