package cgi

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

// The tests run the real host, in a process of its own: this test binary in
// the role "cgi host".

const testToken = "t0k3n"

type testHost struct {
	t     testing.TB
	dir   string
	proc  *spawn.Proc
	board *board.Board
	port  int
	log   string

	mu   sync.Mutex
	died []string
}

// run starts a host. script is a program's path, "" the built-in application.
func run(t testing.TB, script string, env ...string) *testHost {
	t.Helper()
	h := &testHost{t: t, dir: t.TempDir()}
	const rows = 64
	f, err := os.CreateTemp(h.dir, "board")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(board.Size(rows))); err != nil {
		t.Fatal(err)
	}
	if h.board, err = board.Init(int(f.Fd()), rows); err != nil {
		t.Fatal(err)
	}
	h.log = filepath.Join(h.dir, "log")
	log, err := os.OpenFile(h.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	defaults := []string{"TOKEN=" + testToken, "BACKEND=" + filepath.Join(h.dir, "backend"), "ITERS_PER_MS=1000", "MAX_CALLS=8", "QUEUE=8"}
	if script != "" {
		defaults = append(defaults, "CGI="+script)
	}
	settings := append(env[:len(env):len(env)], defaults...) // the first of two counts
	for i, s := range settings {
		settings[i] = role.Prefix + s
	}
	h.proc, err = spawn.Start(spawn.Cmd{Role: "cgi host", Env: settings, Board: f, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.stop)
	select {
	case line := <-h.proc.Lines():
		port, ok := strings.CutPrefix(line, "ready ")
		if h.port, err = strconv.Atoi(port); !ok || err != nil {
			t.Fatalf("first line %q, want ready <port>; log:\n%s", line, h.logged())
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("not ready after 10 s; log:\n%s", h.logged())
	}
	go func() { // ends with the host
		for line := range h.proc.Lines() {
			h.mu.Lock()
			h.died = append(h.died, line)
			h.mu.Unlock()
		}
	}()
	return h
}

// stop ends the host and looks for what it left behind.
func (h *testHost) stop() {
	h.proc.Stop(5 * time.Second)
	h.noneLeft()
}

// noneLeft fails if a process is there that got this host's folder in its
// environment: the host itself, its calls and whatever they started.
func (h *testHost) noneLeft() {
	h.t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	var left []string
	for range 100 {
		if left = h.processes(); len(left) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	h.t.Errorf("processes left behind: %v", left)
}

// processes are the command lines of all processes that this host is the
// origin of.
func (h *testHost) processes() (found []string) {
	envs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, e := range envs {
		b, _ := os.ReadFile(e)
		if bytes.Contains(b, []byte(h.dir)) {
			cmd, _ := os.ReadFile(filepath.Dir(e) + "/cmdline")
			found = append(found, string(bytes.ReplaceAll(cmd, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// deaths waits until the host has told of n, and returns their lines.
func (h *testHost) deaths(n int) []string {
	h.t.Helper()
	for range 200 {
		h.mu.Lock()
		d := h.died[:len(h.died):len(h.died)]
		h.mu.Unlock()
		if len(d) >= n {
			return d
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.t.Fatalf("the host told of fewer than %d deaths; log:\n%s", n, h.logged())
	return nil
}

func (h *testHost) logged() string {
	b, _ := os.ReadFile(h.log)
	return string(b)
}

func (h *testHost) address() string { return "127.0.0.1:" + strconv.Itoa(h.port) }

func (h *testHost) url(path string) string { return "http://" + h.address() + path }

// client follows no redirect, reuses no connection, and so retries nothing.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       20 * time.Second,
}

type answer struct {
	status int
	header http.Header
	body   string
	err    error // of the body
}

func (h *testHost) get(path string, header ...string) answer {
	h.t.Helper()
	return h.do("GET", path, nil, header...)
}

func (h *testHost) do(method, path string, body io.Reader, header ...string) answer {
	h.t.Helper()
	req, err := http.NewRequest(method, h.url(path), body)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range header {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Add(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(b), err}
}

// raw sends bytes and returns all that comes back.
func (h *testHost) raw(request string) string {
	h.t.Helper()
	c, err := net.Dial("tcp", h.address())
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, request)
	b, _ := io.ReadAll(bufio.NewReader(c))
	return string(b)
}

// shell writes a script for /bin/sh.
func shell(t testing.TB, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.cgi")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventually waits for what happens after the answer.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("never: %s", what)
}
