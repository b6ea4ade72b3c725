package lessons

import (
	"fmt"
	"slices"
	"strings"

	"forklore/sim/report"
	"forklore/sim/traffic"
)

// Machine is what a lesson may ask for. Whoever can know whether sandboxes can
// be made here fills it in.
type Machine struct {
	report.Machine
	NoFile    int64
	Container bool
}

// Missing says what the machine lacks for the lesson, "" if nothing.
func (l *Lesson) Missing(m Machine) string {
	r := l.Requires
	var why []string
	if len(r.OS) > 0 && !slices.Contains(r.OS, m.OS) {
		why = append(why, "it runs on "+strings.Join(r.OS, " and ")+" only")
	}
	if m.CPUs < r.CPUs {
		why = append(why, fmt.Sprintf("%d CPUs are needed, there are %d", r.CPUs, m.CPUs))
	}
	if need, _ := traffic.ParseSize(r.Mem); r.Mem != "" && m.MemBytes < need {
		why = append(why, fmt.Sprintf("%s of memory is needed, there are %d MiB", r.Mem, m.MemBytes>>20))
	}
	if m.NoFile < r.NoFile {
		why = append(why, fmt.Sprintf("%d descriptors are needed, the limit is %d (ulimit -n)", r.NoFile, m.NoFile))
	}
	if r.Container && !m.Container {
		why = append(why, "sandboxes can't be made here")
	}
	if r.Cgroup && (m.Cgroup == "" || m.Cgroup == "none") {
		why = append(why, "there are no cgroups that the lab may use")
	}
	if r.Root && !m.Root {
		why = append(why, "it needs root")
	}
	return strings.Join(why, "; ")
}
