//go:build linux

package container

import (
	"os"
	"testing"
)

// way is one of those in which a sandbox comes about.
type way struct {
	name         string
	userns, stub bool
}

// ways are all that this build has.
func ways() []way {
	all := []way{{name: "thread"}}
	if haveStub {
		all = append(all, way{name: "stub", stub: true}, way{name: "user namespace", stub: true, userns: true})
	}
	return all
}

// eachWay runs a test of the engine, for this test's own program.
func eachWay(t *testing.T, memBytes, pids int64, test func(t *testing.T, n *native, w way)) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			if !w.userns {
				requireRoot(t)
			}
			test(t, newNativeOf(t, w, self, memBytes, pids), w)
		})
	}
}

func requireRoot(t testing.TB) {
	t.Helper()
	if err := asRoot(); err != nil {
		t.Skip("needs the rights to make sandboxes without a user namespace: ", err)
	}
}

func newNativeOf(t testing.TB, w way, program string, memBytes, pids int64) *native {
	t.Helper()
	requireSandboxes(t)
	setting := "none" // a user has no groups to give
	if os.Geteuid() == 0 {
		setting = testGroups(t)
	}
	g, missing, err := newGroups(setting, memBytes, pids)
	if err != nil || g != nil && len(missing) > 0 {
		t.Fatal(err, missing)
	}
	t.Cleanup(g.close)
	n, err := newNativeIn(w.userns, program, "", g)
	if err != nil {
		t.Fatal(err)
	}
	if n.stub = w.stub; !w.stub && g != nil && g.v2 {
		if n.filter, err = newFilter(allow); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(n.prepared.close)
	return n
}

// requireNoGroups fails if a call has left its group.
func requireNoGroups(t testing.TB, n *native) {
	t.Helper()
	if n.groups == nil {
		return
	}
	for _, d := range n.groups.dirs {
		if left := folders(t, d); len(left) > 0 {
			t.Errorf("groups are left in %s: %v", d, left)
		}
	}
}
