//go:build linux

package container

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestBundle: what the runtime is told, to the letter.
func TestBundle(t *testing.T) {
	b := &bundle{
		root: "/lab/oci/rootfs", group: "/forklore/1-2/container/calls/7", hostname: sandboxName(7),
		args: []string{functionPath, "word"}, env: []string{"REQUEST_METHOD=GET", "FORKLORE_BACKEND=" + backendPath},
		limits: limits{memBytes: 64 << 20, pids: 64, cpuQuotaUS: 100_000},
	}
	dir := filepath.Join(t.TempDir(), "7")
	if err := b.write(dir); err != nil {
		t.Fatal(err)
	}
	compact, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const golden = "testdata/config.json"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("config.json (-want +got, -update accepts it):\n%s", diff)
	}
}
