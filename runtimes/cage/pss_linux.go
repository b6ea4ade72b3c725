package cage

import (
	"time"

	"github.com/prometheus/procfs"
)

// processes adds up the figures of single processes from /proc, where no group
// counts for us. Memory is PSS: a page that n processes share counts 1/n in
// each, so the sum counts it once (proc_pid_smaps(5)).
type processes struct {
	peakBytes, peakPids int64
	cpu                 time.Duration
	seen                map[int]usage
	retired             time.Duration
}

// usage is the CPU time of a process with that of the children it waited for.
type usage struct {
	start  uint64
	parent int
	cpu    time.Duration
}

// userHZ is the unit of times in /proc/pid/stat: 100 a second on every Linux
// (sysconf(_SC_CLK_TCK), time(7)).
const userHZ = 100

func (p *processes) figures(pids []int) Figures {
	f := Figures{Source: "pss"}
	now := make(map[int]usage, len(pids))
	for _, pid := range pids {
		proc, err := procfs.NewProc(pid)
		if err != nil {
			continue // ended since it was listed
		}
		stat, err := proc.Stat()
		if err != nil {
			continue
		}
		ticks := stat.UTime + stat.STime + uint(stat.CUTime) + uint(stat.CSTime)
		now[pid] = usage{stat.Starttime, stat.PPID, time.Duration(ticks) * time.Second / userHZ}
		f.PidsNow += int64(stat.NumThreads)
		m, err := proc.ProcSMapsRollup()
		if err != nil {
			continue // it has no memory any more
		}
		f.MemoryBytes += int64(m.Pss)
		f.AnonBytes += int64(m.Anonymous) // nothing here forks without exec, so anonymous memory isn't shared
	}
	f.FileBytes = max(0, f.MemoryBytes-f.AnonBytes)
	p.peakBytes = max(p.peakBytes, f.MemoryBytes)
	p.peakPids = max(p.peakPids, f.PidsNow)
	f.PeakBytes, f.PidsPeak = p.peakBytes, p.peakPids
	f.CPU = p.addCPU(now)
	return f
}

// addCPU keeps the time of processes that are gone. A host that has waited for
// its call has the call's time in its own; for others, such as a host that the
// lab itself waited for, the last that was seen is added.
func (p *processes) addCPU(now map[int]usage) time.Duration {
	for pid, u := range p.seen {
		if n, alive := now[pid]; alive && n.start == u.start {
			continue
		}
		if _, counted := now[u.parent]; !counted {
			p.retired += u.cpu
		}
	}
	p.seen = now
	total := p.retired
	for _, u := range now {
		total += u.cpu
	}
	p.cpu = max(p.cpu, total) // never backwards: the processes aren't read all at one moment
	return p.cpu
}
