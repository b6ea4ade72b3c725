//go:build linux

package app_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forklore/runtimes/app"
	"forklore/runtimes/role"
)

// call runs this test binary as a CGI script.
func call(t *testing.T, roleName string, env ...string) (stdout string, exit int) {
	t.Helper()
	if !role.Known(roleName) {
		t.Fatalf("role %q is not linked in", roleName)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(env, role.Prefix+"ROLE="+roleName, role.Prefix+"ITERS_PER_MS=100")
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.Run()
	return out.String(), cmd.ProcessState.ExitCode()
}

var ready = regexp.MustCompile(app.ReadyHeader + `: [1-9][0-9]*\n`)

func TestCGI(t *testing.T) {
	const plain = "Content-Type: text/plain\n"
	for _, tc := range []struct {
		name string
		env  []string
		want string // without the time
		exit int
	}{
		{"nothing", nil, plain + "Content-Length: 6\n\nhello\n", 0},
		{"id", []string{"HTTP_FORKLORE_REQUEST=12"}, plain + "Content-Length: 6\nForklore-Request: 12\n\nhello\n", 0},
		{"id that is none", []string{"HTTP_FORKLORE_REQUEST=-1"}, plain + "Content-Length: 6\n\nhello\n", 0},
		{"reply", []string{"QUERY_STRING=reply_bytes=3"}, plain + "Content-Length: 3\n\nxxx", 0},
		{"long reply", []string{"QUERY_STRING=reply_bytes=70000"}, plain + "Content-Length: 70000\n\n" + strings.Repeat("x", 70000), 0},
		{"HEAD", []string{"QUERY_STRING=reply_bytes=3", "REQUEST_METHOD=HEAD"}, plain + "Content-Length: 3\n\n", 0},
		{"bad steps", []string{"QUERY_STRING=cpu_us=-1"}, "Status: 400 Bad Request\n" + plain + "Content-Length: 60\n\nthe steps of the request are out of bounds, or more than 16\n", 0},
		{"fault without token", []string{"QUERY_STRING=crash=1"}, "Status: 403 Forbidden\n" + plain + "Content-Length: 58\n\nfaults, and steps as heavy as these, need the run's token\n", 0},
		{"no token set", []string{"QUERY_STRING=crash=1", "HTTP_FORKLORE_TOKEN="}, "Status: 403 Forbidden\n" + plain + "Content-Length: 58\n\nfaults, and steps as heavy as these, need the run's token\n", 0},
		{"crash", []string{"QUERY_STRING=crash=1", "HTTP_FORKLORE_TOKEN=s", "FORKLORE_TOKEN=s"}, "", 2},
		{"no backend", []string{"QUERY_STRING=io_us=1", "FORKLORE_BACKEND=/nowhere/socket"},
			"Status: 502 Bad Gateway\n" + plain + "Content-Length: 35\n\nbackend: no such file or directory\n", 0},
	} {
		for _, r := range []string{"cgi call", "sandbox call"} {
			t.Run(tc.name+", "+r, func(t *testing.T) {
				out, exit := call(t, r, tc.env...)
				if exit != tc.exit {
					t.Errorf("exit status %d, want %d", exit, tc.exit)
				}
				if n := len(ready.FindAllString(out, -1)); tc.exit == 0 && n != 1 {
					t.Errorf("%s %d times", app.ReadyHeader, n)
				}
				if d := cmp.Diff(tc.want, ready.ReplaceAllString(out, "")); d != "" {
					t.Errorf("-want +got\n%s", d)
				}
			})
		}
	}
}
