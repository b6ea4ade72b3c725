package cgi

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/app"
	"forklore/runtimes/backend"
	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

func TestApplication(t *testing.T) {
	h := run(t, "")
	for _, tc := range []struct {
		method, path string
		header       []string
		status       int
		body         string
		user         string
	}{
		{"GET", "/", nil, 200, app.Body, ""},
		{"GET", "/any/path?cpu_us=10&mem_bytes=65536", []string{"Forklore-Request: 7"}, 200, app.Body, "7"},
		{"GET", "/?reply_bytes=100000", nil, 200, strings.Repeat("x", 100000), ""},
		{"HEAD", "/?reply_bytes=1000", []string{"Forklore-Request: 8"}, 200, "", "8"},
		{"POST", "/?a=b", nil, 200, app.Body, ""},
		{"GET", "/?cpu_us=abc", nil, 400, "the steps of the request are out of bounds, or more than 16\n", ""},
		{"GET", "/?crash=1", nil, 403, "faults, and steps as heavy as these, need the run's token\n", ""},
		{"GET", "/?leak_bytes=1", []string{"Forklore-Token: guess"}, 403, "faults, and steps as heavy as these, need the run's token\n", ""},
		{"GET", "/?leak_bytes=4096", []string{"Forklore-Token: " + testToken}, 200, app.Body, ""},
		{"GET", "/?bleed=1", []string{"Forklore-Token: " + testToken, "Forklore-Request: 9"}, 200, app.Body, "9"},
		{"GET", "/", []string{"Forklore-Request: 10"}, 200, app.Body, "10"}, // a new process can't remember 9
		{"GET", "/?io_us=1000", nil, 502, "backend: no such file or directory\n", ""},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			r := h.do(tc.method, tc.path, nil, tc.header...)
			if r.err != nil || r.status != tc.status || r.body != tc.body {
				t.Errorf("got %d, %d bytes (%.60q), %v; want %d, %.60q", r.status, len(r.body), r.body, r.err, tc.status, tc.body)
			}
			if got := r.header.Get(app.RequestHeader); got != tc.user {
				t.Errorf("answers request %q, want %q", got, tc.user)
			}
			if r.header.Get("Content-Type") != "text/plain" || r.header.Get("Content-Length") == "" {
				t.Errorf("header %v", r.header)
			}
			if r.header.Get(app.ReadyHeader) != "" {
				t.Errorf("%s reached the client", app.ReadyHeader)
			}
		})
	}
	b := h.board
	eventually(t, "12 started, ended, ready and answered", func() bool {
		return b.Started.Load() == 12 && b.Ended.Load() == 12 && b.StartCount.Load() == 12 && b.Answered.Load() == 12
	})
	if us := b.Starts[0].Load(); us < 100 || us > 10e6 {
		t.Errorf("first start-up took %d us", us)
	}
	if len(h.died) > 0 {
		t.Errorf("told of deaths: %v", h.died)
	}
}

func TestApplicationCrash(t *testing.T) {
	h := run(t, "")
	var others sync.WaitGroup
	for i := range 3 {
		others.Go(func() {
			if r := h.get("/?spin_us=300000", "Forklore-Token: "+testToken, fmt.Sprint("Forklore-Request: ", 100+i)); r.status != 200 || r.err != nil {
				t.Errorf("another request: %d, %v", r.status, r.err)
			}
		})
	}
	if r := h.get("/?crash=1", "Forklore-Token: "+testToken, "Forklore-Request: 42"); r.status != 500 {
		t.Errorf("crash answered %d, %v, want 500", r.status, r.err)
	}
	others.Wait()
	var pid, status, request, port, flags, ooms int
	line := h.deaths(1)[0]
	if _, err := fmt.Sscanf(line, "died %d %d %d %d %d %d", &pid, &status, &request, &port, &flags, &ooms); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if w := syscall.WaitStatus(status); w.ExitStatus() != 2 || request != 42 || port == 0 || flags != board.CarriesFault|board.ExecutingFault {
		t.Errorf("%q: want exit status 2 of request 42 with both flags", line)
	}
	if !strings.Contains(h.logged(), "injected crash, request 42") {
		t.Errorf("no trace in the log:\n%s", h.logged())
	}
}

func TestApplicationWeight(t *testing.T) {
	h := run(t, "", "ITERS_PER_MS=100000") // not measured: what disturbs would make the weight lighter
	newest := func() uint32 { return h.board.Starts[(h.board.StartCount.Load()-1)%board.StartRing].Load() }
	light := ^uint32(0)
	for n := range uint64(5) { // the first finds nothing in memory
		if r := h.get("/"); r.status != 200 {
			t.Fatal(r)
		}
		eventually(t, "the start is measured", func() bool { return uint64(h.board.StartCount.Load()) > n })
		light = min(light, newest())
	}
	h.proc.Tell("set WEIGHT_CPU_US 500000") // fifty million turns, ten times a start or more
	eventually(t, "the next starts take three times as long", func() bool {
		h.get("/")
		return newest() > 3*light
	})
}

func TestRow(t *testing.T) {
	h := run(t, "")
	go h.get("/?spin_us=500000", "Forklore-Token: "+testToken, "Forklore-Request: 77")
	row := &h.board.Row[0]
	eventually(t, "the row holds request 77", func() bool {
		return row.Request.Load() == 77 && row.State.Load() == board.Working && row.Pid.Load() != 0 &&
			row.Flags.Load() == board.CarriesFault && row.Port.Load() != 0
	})
	if age := role.Nanotime() - row.BornNS.Load(); age < 0 || age > 5e9 {
		t.Errorf("born %d ns ago", age)
	}
	eventually(t, "the row is left, and shows what it held", func() bool {
		return row.State.Load() == board.Empty && row.Request.Load() == 77 && row.Flags.Load()&board.Dead != 0
	})
}

// Beyond MAX_CALLS requests queue, beyond QUEUE they are sent away.
func TestQueue(t *testing.T) {
	h := run(t, "", "MAX_CALLS=2", "QUEUE=3")
	const n = 9
	replies := make(chan answer, n)
	for range n {
		go func() { replies <- h.get("/?spin_us=600000", "Forklore-Token: "+testToken) }()
	}
	count := map[int]int{}
	for range n {
		r := <-replies
		count[r.status]++
		if r.status == 503 && r.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	b := h.board
	if count[200] < 5 || count[200]+count[503] != n || b.Rejected.Load() != uint64(count[503]) {
		t.Errorf("replies %v, rejected %d; want at least 5 times 200, the others 503", count, b.Rejected.Load())
	}
	if b.Peak.Load() != 2 || b.QueueMax.Load() != 3 || b.QueueNow.Load() != 0 {
		t.Errorf("peak %d, queue at most %d, now %d; want 2, 3, 0", b.Peak.Load(), b.QueueMax.Load(), b.QueueNow.Load())
	}
}

// A request that waits for the backend holds a process as long.
func TestBackend(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: backend.Path(dir, "cgi"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	p, err := spawn.Start(spawn.Cmd{Role: backend.Role, Listeners: []*os.File{socket}, Env: []string{role.Prefix + "LISTENERS=1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(2 * time.Second)
	<-p.Lines() // ready
	h := run(t, "", "BACKEND="+backend.Path(dir, "cgi"))
	began := time.Now()
	if r := h.get("/?io_us=200000&io_us=100000"); r.status != 200 || r.body != app.Body {
		t.Errorf("got %d %q", r.status, r.body)
	}
	if d := time.Since(began); d < 300*time.Millisecond {
		t.Errorf("300 ms of waiting took %v", d)
	}
}
