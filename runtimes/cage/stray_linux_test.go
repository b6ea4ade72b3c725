package cage

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/cgroups/v3"
)

// TestStrays: what an OCI runtime leaves of a lab in a hierarchy that no cage
// uses goes with the lab, or with the sweep of a dead one.
func TestStrays(t *testing.T) {
	needRoot(t)
	const hierarchy = "/sys/fs/cgroup/devices"
	if mode := cgroups.Mode(); mode != cgroups.Legacy && mode != cgroups.Hybrid {
		t.Skip("needs cgroup v1: v2 has one hierarchy")
	}
	if _, err := os.Stat(hierarchy + "/cgroup.procs"); err != nil {
		t.Skip("needs the controller devices at ", hierarchy)
	}
	stray := func(id string) string {
		top := filepath.Join(hierarchy, topName, id)
		if err := os.MkdirAll(top+"/container/calls/7", 0o755); err != nil {
			t.Fatal(err)
		}
		return top
	}
	deadID := testID()
	dead := startLab(t, "machine", deadID)
	ofDead := stray(deadID)
	dead.Kill()

	id := testID()
	y, err := Open(id) // sweeps
	if err != nil || y.Mode() != "v1" {
		t.Fatal(err, y.Why())
	}
	if _, err := os.Stat(ofDead); err == nil {
		t.Errorf("%s of the dead lab is still there", ofDead)
	}
	ours := stray(id)
	if err := y.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(ours); err == nil {
		t.Errorf("%s is still there after its lab", ours)
	}
}
