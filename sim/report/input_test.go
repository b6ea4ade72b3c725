package report_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the program is given: flags, scripts, a machine that lacks something.

func TestWithoutRoot(t *testing.T) {
	needRoot(t)
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("needs setpriv, to give up root")
	}
	l := command(t, "run", "--json", "--for", "3s", "--rate", "8")
	l.Args = append([]string{setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"}, l.Args...)
	l.Args[4], l.Path = l.Cmd.Path, setpriv
	l.Env = append(os.Environ(), "XDG_STATE_HOME=/nonexistent", "HOME=/nonexistent", "GORACE=atexit_sleep_ms=0")
	l.finish(t)
	d := l.document(t)
	names := []string{"cgi", "prefork", "eventloop"}
	want := 3
	if why := d.Models["container"].Unavailable; why != "" {
		t.Logf("no user namespaces for users here: %s", why)
		if !strings.Contains(why, ": ") {
			t.Errorf("container: %q, want what is missing and the remedy", why)
		}
	} else { // sandboxes in a user namespace, without groups
		names, want = append(names, "container"), 0
	}
	if l.status() != want {
		t.Errorf("status %d, want %d", l.status(), want)
	}
	for _, name := range names {
		m := d.Models[name]
		if m.Requests.Sent == 0 || m.Requests.OK != m.Requests.Sent || m.Memory.Source != "pss" || m.Memory.Peak == 0 {
			t.Errorf("%s: %+v, memory %+v; want all ok, and PSS", name, m.Requests, m.Memory)
		}
	}
}

func oneLine(s string) bool { return strings.Count(s, "\n") == 1 && strings.HasSuffix(s, "\n") }

func TestBadInput(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(notExecutable, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--models", "cgi,threads"}, `unknown model "threads"`},
		{[]string{"--rate", "-1"}, "--rate"},
		{[]string{"--rate", "NaN"}, "--rate"},
		{[]string{"--rate", "fast"}, "--rate"},
		{[]string{"--inject", "crash"}, "no @"},
		{[]string{"--inject", "crash@soon"}, "soon"},
		{[]string{"--inject", "earthquake@1s"}, "unknown fault"},
		{[]string{"--inject", "crash@1s:threads"}, "unknown model"},
		{[]string{"--inject", "crash@1s", "--inject", "crash@2s:cgi", "--models", "prefork"}, "not part of this run"},
		{[]string{"--inject", "crash@1m"}, "ends at"},
		{[]string{"--inject", "crash@1s+2s"}, "no duration"},
		{[]string{"--memory", "4MiB"}, "too small"},
		{[]string{"--memory", "lots"}, "lots"},
		{[]string{"--memory", "128"}, "unit"},
		{[]string{"--pids", "3"}, "too small"},
		{[]string{"--workers", "0"}, "--workers"},
		{[]string{"--workload", "cpu 1ms, sleep 2s"}, "sleep"},
		{[]string{"--workload", "crash"}, "--inject"},
		{[]string{"--weight", "heavy"}, "heavy"},
		{[]string{"--arrivals", "bursty"}, "bursty"},
		{[]string{"--timeout", "-1s"}, "--timeout"},
		{[]string{"--restart-delay", "later"}, "later"},
		{[]string{"--engine", "kata"}, `unknown engine "kata"`},
		{[]string{"--engine", "runc", "--models", "cgi"}, "container model is not part of this run"},
		{[]string{"--loop-listener", "nobody"}, "nobody"},
		{[]string{"--port", "70000"}, "--port"},
		{[]string{"--cgi", "/nonexistent/script"}, "no such file"},
		{[]string{"--cgi", notExecutable}, "not executable"},
		{[]string{"--cgi", "/"}, "not a file"},
		{[]string{"--cgi", "/bin/sh", "--models", "prefork"}, "not part of this run"},
		{[]string{"--for", "-1s"}, "--for"},
		{[]string{"--nonsense"}, "--nonsense"},
		{[]string{"argument"}, "argument"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			l := command(t, append([]string{"run"}, c.args...)...).finish(t)
			if l.status() != 2 || !oneLine(l.err.String()) || !strings.Contains(l.err.String(), c.says) {
				t.Errorf("status %d, stderr %q; want 2 and one line with %q", l.status(), l.err.String(), c.says)
			}
			if l.out.Len() > 0 {
				t.Errorf("standard output: %q", l.out.String())
			}
		})
	}
	t.Run("no terminal", func(t *testing.T) {
		l := command(t).finish(t)
		if l.status() != 2 || !oneLine(l.err.String()) || !strings.Contains(l.err.String(), "forklore run") {
			t.Errorf("status %d, stderr %q; want 2 and the way without a screen", l.status(), l.err.String())
		}
	})
	t.Run("unknown role", func(t *testing.T) {
		l := command(t, "run")
		l.Env = append(l.Env, "FORKLORE_ROLE=king")
		l.finish(t)
		if l.status() != 2 || !oneLine(l.err.String()) {
			t.Errorf("status %d, stderr %q", l.status(), l.err.String())
		}
	})
}

// TestScript: a CGI program that isn't ours, behind the CGI column.
func TestScript(t *testing.T) {
	script := filepath.Join(t.TempDir(), "hello.cgi")
	text := "#!/bin/sh\necho 'Content-Type: text/plain'\necho\necho \"$REQUEST_METHOD $QUERY_STRING\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	l := command(t, "run", "--json", "--models", "cgi,eventloop", "--for", "3s", "--rate", "8", "--cgi", script, "--inject", "crash@1s:cgi")
	l.finish(t)
	d := l.document(t)
	if r := d.Models["cgi"].Requests; r.Sent == 0 || r.OK != r.Sent {
		t.Errorf("cgi: %+v, want all ok", r)
	}
	if l.status() != 1 || len(d.Refused) != 1 || !strings.Contains(d.Refused[0], "shell") {
		t.Errorf("status %d, refused %q; want 1, and that a script can't be asked to crash", l.status(), d.Refused)
	}
}

// TestScriptsInOtherLanguages: path, query and body arrive, as RFC 3875 says.
func TestScriptsInOtherLanguages(t *testing.T) {
	perl := `print "Content-Type: text/plain\n\n", join("|", "perl", @ENV{qw(REQUEST_METHOD PATH_INFO QUERY_STRING CONTENT_LENGTH)}, scalar <STDIN>);`
	python := `import os, sys
print("Content-Type: text/plain\n")
print("|".join(["python"] + [os.environ.get(k, "") for k in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH")] + [sys.stdin.read()]), end="")
`
	for name, text := range map[string]string{"perl": perl, "python3": python} {
		t.Run(name, func(t *testing.T) {
			interpreter, err := exec.LookPath(name)
			if err != nil {
				t.Skip("needs " + name)
			}
			script := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(script, []byte("#!"+interpreter+"\n"+text), 0o755); err != nil {
				t.Fatal(err)
			}
			l := command(t, "run", "--models", "cgi", "--rate", "1", "--for", "1m", "--port", "21490", "--cgi", script)
			if err := l.Start(); err != nil {
				t.Fatal(err)
			}
			var answer string
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				resp, err := http.Post("http://127.0.0.1:21490/script/some%20where?a=b", "text/plain", strings.NewReader("a body"))
				if err != nil {
					continue // it doesn't serve yet
				}
				b, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				answer = string(b)
				break
			}
			language, _, _ := strings.Cut(name, "3")
			if want := language + "|POST|/some where|a=b|6|a body"; answer != want {
				t.Errorf("answer %q, want %q; stderr %s", answer, want, l.err.Bytes())
			}
			l.Process.Signal(syscall.SIGTERM)
			l.Wait()
			if l.status() != 143 {
				t.Errorf("status %d after SIGTERM, want 143", l.status())
			}
			if left := l.leftovers(); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestReadOnlyCgroups: three models run without cgroups, and the container says
// what it lacks.
func TestReadOnlyCgroups(t *testing.T) {
	needRoot(t)
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("needs unshare, for a mount namespace")
	}
	l := command(t)
	script := `mount --make-rprivate / && for m in $(grep -o '/sys/fs/cgroup[^ ]*' /proc/self/mounts); do mount -o remount,ro,bind "$m" || exit 99; done; exec "$@"`
	l.Args = []string{unshare, "-m", "sh", "-c", script, "sh", l.Cmd.Path, "run", "--json", "--for", "2s", "--rate", "8"}
	l.Path = unshare
	l.finish(t)
	if l.status() == 99 {
		t.Skip("cgroups can't be mounted read-only here")
	}
	d := l.document(t)
	for _, name := range []string{"cgi", "prefork", "eventloop"} {
		if m := d.Models[name]; m.Requests.Sent == 0 || m.Requests.OK != m.Requests.Sent || m.Memory.Source != "pss" {
			t.Errorf("%s: %+v, memory %+v; want all ok, and PSS", name, m.Requests, m.Memory)
		}
	}
	if why := d.Models["container"].Unavailable; l.status() != 3 || !strings.Contains(why, "cgroup") {
		t.Errorf("status %d, container %q; want 3 and that it lacks cgroups", l.status(), why)
	}
	if err := exec.Command(l.Args[6], "run", "--for", "1s", "--models", "eventloop").Run(); err != nil {
		t.Errorf("afterwards, with cgroups: %v", err)
	}
}
