//go:build linux

package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// write makes an executable file.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// compile makes a CGI program that says where it is and what it was asked.
func compile(t *testing.T, path string, flags ...string) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	source := filepath.Join(t.TempDir(), "function.c")
	if err := os.WriteFile(source, []byte(`
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
	int c;
	printf("Content-Type: text/plain\n\n%s %s pid %d ", getenv("REQUEST_METHOD"), getenv("QUERY_STRING"), getpid());
	while ((c = getchar()) != EOF) putchar(c);
	putchar('\n');
	return 0;
}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, append(flags, "-o", path, source)...).CombinedOutput(); err != nil {
		t.Skipf("cc %v: %v\n%s", flags, err, out)
	}
	return path
}

func TestCheckFunction(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("script"), "#!/bin/sh\n")
	write(t, at("text"), "hello\n")
	write(t, at("relative"), "#!sh\n")
	os.WriteFile(at("plain"), []byte("#!/bin/sh\n"), 0o644)
	os.MkdirAll(at("empty"), 0o755)
	os.MkdirAll(at("folder/function"), 0o755)
	write(t, at("root/function"), "#!/bin/sh\n")
	write(t, at("bare/function"), "#!/bin/sh\n")
	write(t, at("loop/function"), "#!/function\n")
	static := compile(t, at("static"), "-static")
	dynamic := compile(t, at("dynamic"))
	link(t, static, at("root/usr/bin/busybox"))
	os.Symlink("usr/bin", at("root/bin"))
	os.Symlink("/bin/busybox", at("root/usr/bin/sh")) // absolute: from the folder
	link(t, dynamic, at("half/function"))
	os.MkdirAll(at("out"), 0o755)
	os.Symlink("../../../../../../../../../bin/sh", at("out/function")) // the folder is where ".." ends

	for _, c := range []struct{ name, err string }{
		{"static", ""},
		{"root", ""},
		{"nothing", "no such file or folder"},
		{"plain", "not executable (chmod +x makes it so)"},
		{"script", "it needs /bin/sh; link it statically, or give a folder"},
		{"dynamic", "it needs /lib"},
		{"text", "neither an ELF program nor a script"},
		{"relative", "no interpreter by an absolute path"},
		{"empty", "the folder has no file function"},
		{"folder", "not a file"},
		{"bare", "it needs /bin/sh, which the folder hasn't got"},
		{"half", "which the folder hasn't got"},
		{"loop", "scripts that run scripts"},
		{"out", "the folder has no file function"},
	} {
		path, err := CheckFunction(at(c.name))
		switch {
		case c.err == "" && (err != nil || path != at(c.name)):
			t.Errorf("%s: %q, %v", c.name, path, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v, want one line with %q", c.name, err, c.err)
		}
	}
}

func link(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(from, to); err != nil {
		t.Fatal(err)
	}
}

// A static program is run for each call, alone in its sandbox.
func TestFunctionFile(t *testing.T) {
	program := compile(t, filepath.Join(t.TempDir(), "program"), "-static")
	h := startHost(t, "FORKLORE_FUNCTION="+program)
	for range 2 {
		if status, body := h.get("a=b"); status != 200 || body != "GET a=b pid 1 \n" {
			t.Errorf("%d %q", status, body)
		}
	}
	resp, err := client.Post(h.url+"/any/path", "text/plain", strings.NewReader("the body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.ContentLength == 0 {
		t.Errorf("POST: %s", resp.Status)
	}
	if n := h.board.ColdCalls.Load(); n != 3 {
		t.Errorf("%d cold starts, want 3", n)
	}
	h.requireEmpty(t)
}

// A folder is the root filesystem: a script finds its interpreter there, and
// can't change it.
func TestFunctionFolder(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs busybox, as a root filesystem: ", err)
	}
	root := t.TempDir()
	os.Chmod(root, 0o755)
	b, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	write(t, root+"/usr/bin/busybox", string(b))
	os.Symlink("usr/bin", root+"/bin")
	os.Symlink("/bin/busybox", root+"/usr/bin/sh")
	write(t, root+"/etc/greeting", "from the folder")
	os.MkdirAll(root+"/tmp/hidden", 0o755)
	write(t, root+"/function", `#!/bin/sh
echo "Content-Type: text/plain"
echo
read greeting < /etc/greeting
echo "$greeting"
(echo > /etc/written) 2>/dev/null && echo "wrote to /etc"
(echo > /function) 2>/dev/null && echo "wrote to itself"
echo > /tmp/own && echo "wrote to /tmp"
[ -e /tmp/hidden ] && echo "sees the folder's /tmp"
exit 0
`)
	if _, err := CheckFunction(root); err != nil {
		if strings.Contains(err.Error(), "it needs") {
			t.Skip("needs a static busybox: ", err)
		}
		t.Fatal(err)
	}
	h := startHost(t, "FORKLORE_FUNCTION="+root)
	if status, body := h.get(""); status != 200 || body != "from the folder\nwrote to /tmp\n" {
		t.Errorf("%d %q", status, body)
	}
	if left, err := filepath.Glob(root + "/*"); err != nil || len(left) != 5 {
		t.Errorf("the folder has %v, %v; want what was there before", left, err)
	}
}

// Sandboxes for a user's program can be ready, too.
func TestFunctionPrewarmed(t *testing.T) {
	if !haveStub {
		t.Skip("needs the child-side stub of amd64 and arm64, without the race detector")
	}
	program := compile(t, filepath.Join(t.TempDir(), "program"), "-static")
	h := startHost(t, "FORKLORE_FUNCTION="+program, "FORKLORE_MODE=prewarmed", "FORKLORE_POOL=2")
	for range 6 {
		// They are on no board, since nothing runs in them; their groups are there.
		if !eventually(func() bool { return len(folders(t, h.dirs[0])) == 2 }) {
			t.Fatalf("%d sandboxes are ready, want 2", len(folders(t, h.dirs[0])))
		}
		if status, body := h.get("a=b"); status != 200 || body != "GET a=b pid 1 \n" {
			t.Errorf("%d %q", status, body)
		}
	}
	if w, c := h.board.WarmStarts.Count(), h.board.ColdCalls.Load(); w != 6 || c != 0 {
		t.Errorf("%d calls found a sandbox, %d made one; want 6, 0", w, c)
	}
	if err := h.Tell("set MODE fresh"); err != nil {
		t.Fatal(err)
	}
	h.requireEmpty(t)
}
