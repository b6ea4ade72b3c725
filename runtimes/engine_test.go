package runtimes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnginePath(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "crun"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	defer func(dirs []string) { systemFolders = dirs }(systemFolders)
	systemFolders = []string{t.TempDir()}
	for _, c := range []struct{ engine, path, says string }{
		{"", "", ""},
		{"native", "", ""},
		{"crun", filepath.Join(bin, "crun"), ""},
		{"runc", "", "runc is not installed"},
		{"kata", "", `unknown engine "kata"`},
		{"/usr/sbin/runc", "", "unknown engine"},
	} {
		path, err := EnginePath(c.engine)
		if path != c.path || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %q, %v; want %q, %q", c.engine, path, err, c.path, c.says)
		}
	}
	t.Setenv("PATH", "")
	systemFolders = append(systemFolders, bin)
	if path, err := EnginePath("crun"); err != nil || path != filepath.Join(bin, "crun") {
		t.Errorf("beside the PATH: %q, %v", path, err)
	}
}
