package sim

import (
	"os/exec"
	"strings"
	"testing"
)

// TestRooms holds the arrows of ARCHITECTURE.md: main -> ui/cli -> ui, lessons -> sim ->
// runtimes, and downwards only. It asks the go command, which knows.
func TestRooms(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "forklore/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	// What a room may not import.
	forbidden := map[string][]string{
		"runtimes": {"sim", "ui", "lessons", "assets", "cli"},
		"sim":      {"ui", "lessons", "cli"},
		"ui":       {"runtimes", "lessons", "cli"},
		"lessons":  {"runtimes", "ui", "cli"},
		"assets":   {"sim", "ui", "lessons", "runtimes", "cli"},
		"config":   {"sim", "ui", "lessons", "runtimes", "assets"},
	}
	room := func(path string) string {
		rest, ok := strings.CutPrefix(path, "forklore/")
		if !ok {
			return ""
		}
		if rest == "ui/cli" { // the command line knows all rooms, and none knows it
			return "cli"
		}
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		from := room(f[0])
		seen[from] = true
		for _, imported := range f[1:] {
			for _, no := range forbidden[from] {
				if room(imported) == no {
					t.Errorf("%s imports %s: no arrow leads from %s to %s", f[0], imported, from, no)
				}
			}
		}
	}
	for _, name := range []string{"runtimes", "sim", "ui", "lessons", "assets"} {
		if !seen[name] {
			t.Errorf("no package of %s was seen: this test looks at the wrong place", name)
		}
	}
}

// TestLightRoles: what a CGI call, a worker and the event loop link before they
// start. One more import here delays every start of a process.
func TestLightRoles(t *testing.T) {
	// Of the standard library: what syscall itself needs, and nothing beyond.
	allowed := map[string]bool{}
	list := func(what ...string) []string {
		out, err := exec.Command("go", append([]string{"list", "-deps"}, what...)...).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		return strings.Fields(string(out))
	}
	for _, pkg := range list("syscall", "sync/atomic") {
		allowed[pkg] = true
	}
	light := []string{"role", "board", "wire", "app", "prefork", "eventloop"}
	for _, name := range light {
		allowed["forklore/runtimes/"+name] = true
	}
	for _, name := range light {
		for _, pkg := range list("forklore/runtimes/" + name) {
			if !allowed[pkg] {
				t.Errorf("%s links %s", name, pkg)
			}
		}
	}
}
