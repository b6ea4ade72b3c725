package cgi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scriptProcesses are the processes of the script's calls: the host's
// environment names the script too, but not as SCRIPT_FILENAME.
func (h *testHost) scriptProcesses(script string) (found []string) {
	envs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, e := range envs {
		if b, _ := os.ReadFile(e); strings.Contains(string(b), "SCRIPT_FILENAME="+script) {
			found = append(found, filepath.Dir(e))
		}
	}
	return found
}

func TestBody(t *testing.T) {
	script := shell(t, `case "$PATH_INFO" in
/echo) printf 'Content-Type: a/b\n\n%s,' "$CONTENT_LENGTH"; cat ;;
/none) printf 'Content-Type: a/b\n\nread none' ;;
/some) printf 'Content-Type: a/b\n\n%s' "$(head -c 3)" ;;
esac
`)
	h := run(t, script)
	big := strings.Repeat("0123456789", 500_000)
	for _, tc := range []struct{ path, body, want string }{
		{"echo", "", ","},
		{"echo", "a", "1,a"},
		{"echo", big[:pipeBytes-1], fmt.Sprint(pipeBytes-1, ",", big[:pipeBytes-1])},
		{"echo", big[:pipeBytes], fmt.Sprint(pipeBytes, ",", big[:pipeBytes])},
		{"echo", big[:pipeBytes+1], fmt.Sprint(pipeBytes+1, ",", big[:pipeBytes+1])},
		{"echo", big, "5000000," + big},
		{"none", "a", "read none"},
		{"none", big, "read none"}, // nobody gets EPIPE
		{"some", big, "012"},
	} {
		for _, how := range []string{"counted", "chunked"} {
			t.Run(fmt.Sprintf("%s %d %s", tc.path, len(tc.body), how), func(t *testing.T) {
				var body io.Reader = strings.NewReader(tc.body)
				if how == "chunked" {
					body = io.MultiReader(body) // whose length net/http doesn't know
				}
				if r := h.do("POST", "/script.cgi/"+tc.path, body); r.status != 200 || r.body != tc.want || r.err != nil {
					t.Errorf("got %d, %d bytes %.40q, %v", r.status, len(r.body), r.body, r.err)
				}
			})
		}
	}
	const head = "POST /script.cgi/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
	for _, tc := range []struct{ request, want string }{
		{head + "Content-Length: 99999999999\r\n\r\n", "413 "},
		{head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400 "},
		{head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "400 "},
		{head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab", "100 Continue\r\n\r\nHTTP/1.1 200 OK"},
		{"GET /a%00b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400 "},
	} {
		if got := h.raw(tc.request); !strings.HasPrefix(got, "HTTP/1.1 "+tc.want) {
			t.Errorf("%q:\ngot  %.80q\nwant %q", tc.request, got, tc.want)
		}
	}
	if n := h.board.Started.Load(); n != 19 {
		t.Errorf("%d scripts started, want 19: none for a request that is refused", n)
	}
}

func TestBodyTooSlow(t *testing.T) {
	h := run(t, shell(t, `printf 'Content-Type: a/b\n\n'`), "TIMEOUT_MS=200")
	got := h.raw("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc")
	if !strings.HasPrefix(got, "HTTP/1.1 408 ") || h.board.Started.Load() != 0 {
		t.Errorf("got %.80q, %d scripts started", got, h.board.Started.Load())
	}
}

func TestScriptIsGivenNothingElse(t *testing.T) {
	t.Setenv("LD_LIBRARY_PATH", "/nowhere")
	t.Setenv("HTTP_PROXY", "http://elsewhere")
	script := shell(t, `printf 'Content-Type: a/b\n\n'; pwd; echo "args $0 $*"; env | grep -E '^(FORKLORE|LD_|HTTP_)'; ls -l /proc/self/fd | sed -n '/\/proc\//d; s/.* \([0-9]*\) ->.*/\1/p' | tr '\n' ' '; cat; read -r pid name state parent group rest </proc/$$/stat; [ $group = $$ ] && echo leader; exit 0`) // without ls's own descriptor of the folder
	h := run(t, script)
	r := h.get("/script.cgi?a+b", "Forklore-Token: "+testToken, "Forklore-Request: 5", "Proxy: x", "Authorization: Basic eA==")
	want := []string{filepath.Dir(script), "args " + script + " a b", "HTTP_FORKLORE_REQUEST=5", "HTTP_HOST=" + h.address(),
		"HTTP_USER_AGENT=Go-http-client/1.1", "HTTP_CONNECTION=close", "0 1 2 leader"}
	for _, w := range want {
		if !strings.Contains(r.body, w) {
			t.Errorf("missing %q", w)
		}
	}
	for _, no := range []string{"TOKEN", "LD_", "PROXY", "FORKLORE_ROLE", "FORKLORE_CGI", "AUTHORIZATION"} {
		if strings.Contains(r.body, no) {
			t.Errorf("the script was given %s", no)
		}
	}
	if t.Failed() {
		t.Log(r.body)
	}
}

func TestStandardErrorIsLogged(t *testing.T) {
	h := run(t, shell(t, `echo to the log >&2; head -c 1000000 /dev/zero | tr '\0' 'e' >&2; printf 'Content-Type: a/b\n\nok'`))
	if r := h.get("/"); r.body != "ok" {
		t.Errorf("got %d %q", r.status, r.body)
	}
	eventually(t, "as much as may be is logged", func() bool { return strings.Count(h.logged(), "e") >= stderrBytes-100 })
	if l := h.logged(); !strings.Contains(l, "to the log\n") || len(l) > stderrBytes+1000 {
		t.Errorf("%d bytes logged of 1000000, limit %d", len(l), stderrBytes)
	}
	h.get("/") // the limit is each call's
	eventually(t, "the next call logs as much", func() bool { return strings.Count(h.logged(), "e") >= 2*stderrBytes-200 })
}

func TestScriptThatCannotStart(t *testing.T) {
	script := shell(t, "true")
	h := run(t, script)
	os.Chmod(script, 0o644)
	if r := h.get("/"); r.status != 500 {
		t.Errorf("not executable: got %d", r.status)
	}
	os.Remove(script)
	if r := h.get("/"); r.status != 500 {
		t.Errorf("removed: got %d", r.status)
	}
	if h.board.Started.Load() != 0 {
		t.Errorf("board: %d started", h.board.Started.Load())
	}
}

// A grandchild that holds the output doesn't hold the reply.
func TestGrandchild(t *testing.T) {
	script := shell(t, `printf 'Content-Type: a/b\n\nhello'
case "$PATH_INFO" in
/group)   sleep 60 & ;;
/session) setsid sleep 60 & ;;
/talks)   yes & ;;
/quiet)   sleep 60 >/dev/null 2>&1 & ;;
esac
`)
	h := run(t, script)
	for _, path := range []string{"group", "session", "talks", "quiet"} {
		began := time.Now()
		r := h.get("/script.cgi/" + path)
		if d := time.Since(began); !strings.HasPrefix(r.body, "hello") || r.err != nil || d > 20*time.Second {
			t.Errorf("%s: got %.20q, %v, after %v", path, r.body, r.err, d)
		}
	}
	eventually(t, "the call's group is gone, and only who left it is there", func() bool { return len(h.scriptProcesses(script)) == 1 })
}

func TestScriptThatClosesItsOutput(t *testing.T) {
	h := run(t, shell(t, `printf 'Content-Type: a/b\n\nhello'; exec >&- 2>&-; sleep 60`))
	if r := h.get("/"); r.body != "hello" || r.err != nil {
		t.Errorf("got %q, %v", r.body, r.err)
	}
	if n := len(h.deaths(0)); n > 0 {
		t.Errorf("told of %d deaths", n)
	}
}

// A client that leaves takes its call along; one that has its answer doesn't.
func TestClientLeaves(t *testing.T) {
	marks := t.TempDir()
	script := shell(t, `case "$PATH_INFO" in
/silent) sleep 60 ;;
/talks)  printf 'Content-Type: a/b\n\n'; while sleep 0.05; do echo x; done ;;
/served) printf 'Content-Type: a/b\nContent-Length: 2\n\nok'; sleep 0.5; touch `+marks+`/done ;;
esac
`)
	h := run(t, script)
	for _, path := range []string{"silent", "talks"} {
		c, err := net.Dial("tcp", h.address())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /script.cgi/%s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		eventually(t, path+" runs", func() bool { return len(h.scriptProcesses(script)) > 0 })
		c.Close()
		eventually(t, path+" is gone", func() bool { return len(h.scriptProcesses(script)) == 0 })
	}
	if r := h.get("/script.cgi/served"); r.body != "ok" {
		t.Errorf("got %q", r.body)
	}
	eventually(t, "it did its work to the end", func() bool { _, err := os.Stat(marks + "/done"); return err == nil })
	if n := len(h.deaths(0)); n > 0 {
		t.Errorf("told of %d deaths", n)
	}
	eventually(t, "3 started, 3 ended", func() bool { return h.board.Started.Load() == 3 && h.board.Ended.Load() == 3 })
}

// However the host ends, what it started is gone at once: orphans that made a
// session of their own too, unless the host itself was killed.
func TestEnds(t *testing.T) {
	for name, end := range map[string]func(*testHost){
		"the lab goes":       func(h *testHost) { h.proc.Stop(5 * time.Second) },
		"the host is killed": func(h *testHost) { h.proc.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			script := shell(t, `[ "$PATH_INFO" = /daemon ] && { setsid sh -c 'sleep 60; :' >/dev/null 2>&1 & }; sleep 60`)
			h := run(t, script)
			paths := []string{"/script.cgi", "/script.cgi", "/script.cgi/daemon"}
			if name == "the host is killed" {
				paths = paths[:2]
				script = shell(t, "exec sleep 60") // only the script itself has the lifeline
				h = run(t, script)
			}
			for _, p := range paths {
				go h.get(p)
			}
			eventually(t, "calls run", func() bool {
				return h.board.Started.Load() == uint64(len(paths)) && len(h.scriptProcesses(script)) >= len(paths)
			})
			began := time.Now()
			end(h)
			h.noneLeft()
			if d := time.Since(began); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
			if h.proc.Status().ExitStatus() != 0 && name == "the lab goes" {
				t.Errorf("ended by %v", h.proc.Status())
			}
		})
	}
}

// "stop" answers what it has, and no more.
func TestStop(t *testing.T) {
	h := run(t, "")
	got := make(chan answer, 1)
	go func() { got <- h.get("/?spin_us=400000", "Forklore-Token: "+testToken) }()
	eventually(t, "the call runs", func() bool { return h.board.Started.Load() == 1 })
	h.proc.Tell("stop")
	if r := <-got; r.status != 200 || r.err != nil {
		t.Errorf("request in flight: %d, %v", r.status, r.err)
	}
	select {
	case <-h.proc.Exited():
	case <-time.After(8 * time.Second):
		t.Fatal("still there")
	}
	if _, err := net.Dial("tcp", h.address()); err == nil {
		t.Error("still listening")
	}
}

// Calls that are over before the host knows their number are not lost, and
// leave no zombie and no descriptor.
func TestManyShortCalls(t *testing.T) {
	h := run(t, shell(t, `printf 'Content-Type: a/b\n\n'`), "MAX_CALLS=16", "QUEUE=64")
	const n = 300
	h.get("/")
	before := descriptors(h.proc.Pid) + 2*16 // each place has a pipe for standard error
	todo := make(chan int, n)
	for i := range n {
		todo <- i
	}
	close(todo)
	bad := make(chan answer, n)
	for range 8 {
		go func() {
			for range todo {
				r := h.get("/")
				bad <- r
			}
		}()
	}
	for range n {
		if r := <-bad; r.status != 200 || r.err != nil {
			t.Errorf("got %d, %v", r.status, r.err)
		}
	}
	eventually(t, "all have ended", func() bool { return h.board.Ended.Load() == n+1 })
	eventually(t, "no descriptor is left", func() bool { return descriptors(h.proc.Pid) <= before })
	if syscall.Kill(h.proc.Pid, 0) != nil {
		t.Error("the host is gone")
	}
}

func descriptors(pid int) int {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	return len(fds)
}

// Files of bodies are bounded together, and given back whatever happens.
func TestSpool(t *testing.T) {
	spooled.Store(spoolBytes - 3*pipeBytes)
	defer spooled.Store(0)
	for _, tc := range []struct {
		bytes int
		want  error
	}{{2 * pipeBytes, nil}, {4 * pipeBytes, errSpoolFull}, {2 * pipeBytes, nil}} {
		req := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", tc.bytes)))
		b, err := receive(req, 1<<20)
		if !errors.Is(err, tc.want) || (err == nil && b.bytes != int64(tc.bytes)) {
			t.Errorf("%d bytes: kept %d, %v; want %v", tc.bytes, b.bytes, err, tc.want)
		}
		b.close()
		if n := spooled.Load(); n != spoolBytes-3*pipeBytes {
			t.Errorf("%d bytes: %d not given back", tc.bytes, n-spoolBytes+3*pipeBytes)
		}
	}
}
