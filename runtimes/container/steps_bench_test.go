//go:build linux

package container

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"forklore/runtimes/role"
)

// parts of a start, and the steps that are counted as each.
var parts = []struct {
	name  string
	steps []string
}{
	{"join-cgroups", []string{"join the call's", "open oom", "be the OOM"}},
	{"mounts", []string{"enter the prepared", "copy the mounts", "mount /tmp", "mount /proc"}},
	{"lo-hostname", []string{"open a socket", "bring lo", "set the hostname"}},
	{"keyring", []string{"join a session keyring"}},
	{"capabilities", []string{"drop cap", "lock the cap", "clear the amb", "empty the cap", "forbid new"}},
	{"user-limits", []string{"leave all groups", "change the", "set resource", "set the umask", "be a session"}},
	{"lifeline", []string{"die with", "see the host"}},
	{"descriptors", []string{"set a desc", "set aside", "keep a desc", "close the other"}},
	{"seccomp", []string{"install the filter"}},
}

// BenchmarkSteps is where the microseconds of a start go: the child notes the
// time after each step. That it does costs some 20 us in all.
func BenchmarkSteps(b *testing.B) {
	requireStub(b)
	n := newNativeOf(b, way{stub: true, userns: asRoot() != nil}, self, defaultMemBytes, defaultPids)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	took := map[string][]int64{}
	note := func(part string, ns int64) { took[part] = append(took[part], ns) }
	for b.Loop() {
		t0 := role.Nanotime()
		s, err := n.newSandbox()
		if err != nil {
			b.Fatal(err)
		}
		t1 := role.Nanotime()
		if err := s.open(); err != nil {
			b.Fatal(err)
		}
		sc, args, err := s.child()
		if err != nil {
			b.Fatal(err)
		}
		sc.wear([3]uintptr{null.Fd(), null.Fd(), null.Fd()})
		sc.exec(n.filter)
		if err := sc.execute([]string{"function"}, []string{role.Prefix + "ROLE=" + CallRole, "GOMAXPROCS=1"}); err != nil {
			b.Fatal(err)
		}
		times := sc.timed()
		t2 := role.Nanotime()
		pid, err := sc.run(args)
		t3 := role.Nanotime()
		s.shut()
		if err != nil {
			b.Fatal(err)
		}
		wait(pid)
		t4 := role.Nanotime()
		if _, err := s.destroy(); err != nil {
			b.Fatal(err)
		}
		t5 := role.Nanotime()
		note("make-cgroups", t1-t0)
		note("write-script", t2-t1)
		note("clone", times[0].Nano()-t2)
		sums := map[string]int64{}
		for i := 1; i < len(times); i++ {
			sums[partOf(sc.names[2*i-1])] += times[i].Nano() - times[i-1].Nano()
		}
		for part, ns := range sums {
			note(part, ns)
		}
		note("exec", t3-times[len(times)-1].Nano())
		note("function-and-end", t4-t3)
		note("remove-cgroups", t5-t4)
	}
	for part, ns := range took {
		slices.Sort(ns)
		b.ReportMetric(float64(ns[len(ns)/2])/1e3, part+"-us")
	}
}

func partOf(step string) string {
	for _, p := range parts {
		for _, prefix := range p.steps {
			if strings.HasPrefix(step, prefix) {
				return p.name
			}
		}
	}
	return "other"
}

// timed has the child note the time before each step.
func (sc *script) timed() []syscall.Timespec {
	times := make([]syscall.Timespec, len(sc.list))
	sc.point(unsafe.Pointer(&times[0]), times)
	list, names := sc.list, sc.names
	sc.list, sc.names = nil, nil
	for i, st := range list {
		sc.add("clock", 0, unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&times[i])))
		sc.list, sc.names = append(sc.list, st), append(sc.names, names[i])
	}
	return times
}
