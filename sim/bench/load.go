package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/procfs"

	"forklore/runtimes"
	"forklore/runtimes/board"
	"forklore/sim/traffic"
)

// loads are what is asked at full load: as many clients as find the most that
// the model can do, and each connection serves one request unless kept alive.
// The clients run on the same processors.
var loads = []struct {
	name      string
	runtime   string
	clients   int
	keepAlive bool
}{
	{"cgi", cgiCall, 4, false},
	{preforkName, preforkName, workers, false},
	{preforkName + keepAliveTag, preforkName, workers, true},
	{eventLoop, eventLoop, 64, false},
	{eventLoop + keepAliveTag, eventLoop, 64, true},
	{nativeFresh, nativeFresh, 4, false},
	{nativeReady, nativeReady, 4, false},
	{nativeWarm, nativeWarm, 4, false},
	{"crun", "crun", 4, false},
	{"runc", "runc", 4, false},
}

func (b *bench) throughput(ctx context.Context, each time.Duration) (out []Throughput, err error) {
	hello, err := traffic.ParseWorkload("hello")
	if err != nil {
		return nil, err
	}
	for _, l := range loads {
		rt := b.runtimes[l.runtime]
		if rt == nil {
			continue
		}
		g := traffic.New(traffic.Config{Workload: hello, KeepAlive: l.keepAlive, Timeout: 10 * time.Second,
			Targets: []traffic.Target{{Addr: rt.Addr()}}})
		limited, cancel := context.WithTimeout(ctx, each)
		began := time.Now()
		err := g.Saturate(limited, l.clients)
		took := time.Since(began)
		cancel()
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s at full load: %w", l.name, err)
		}
		s := g.Stats(0)
		if bad := s.ErrorStatus + s.Reset + s.Refused + s.Timeout + s.Local; bad > s.OK/100 {
			b.Note(fmt.Sprintf("%s at full load: %d of %d requests failed", l.name, bad, s.Sent))
		}
		out = append(out, Throughput{What: l.name, RequestsPerS: round(float64(s.OK)/took.Seconds(), 1)})
		if err := rest(ctx, rt); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rest waits until the model has done what it had begun.
func rest(ctx context.Context, rt *runtimes.Runtime) error {
	if rt.Model == runtimes.CGI || rt.Model == runtimes.Container {
		return (&hosted{rt: rt}).quiet(ctx)
	}
	return nil
}

// memory is the PSS of what is there while nobody asks for anything
// (proc_pid_smaps(5): a page that n processes share counts 1/n in each).
func (b *bench) memory() (out []Memory, err error) {
	add := func(what string, pids ...int) {
		var sum int64
		for _, pid := range pids {
			p, e := procfs.NewProc(pid)
			if e != nil {
				err = e
				return
			}
			m, e := p.ProcSMapsRollup()
			if e != nil {
				err = e
				return
			}
			sum += int64(m.Pss)
		}
		if len(pids) > 0 {
			out = append(out, Memory{What: what, PSSBytes: sum / int64(len(pids))})
		}
	}
	if rt := b.runtimes[preforkName]; rt != nil {
		add("prefork worker", idle(rt)...)
		add("prefork parent", rt.Top())
	}
	if rt := b.runtimes[eventLoop]; rt != nil {
		add("event loop", rt.Top())
	}
	if rt := b.runtimes[cgiCall]; rt != nil {
		add("cgi host", rt.Top())
	}
	if rt := b.runtimes[nativeReady]; rt != nil {
		add("sandbox, prewarmed", idle(rt)...)
	}
	if rt := b.runtimes[nativeWarm]; rt != nil {
		add("sandbox, warm and frozen", idle(rt)...)
	}
	if rt := b.runtimes[nativeFresh]; rt != nil {
		add("container host", rt.Top())
	}
	if err != nil { // there is no such thing beside Linux
		b.Note("left out: memory: " + err.Error())
	}
	return out, nil
}

// idle are the workers or sandboxes of a runtime.
func idle(rt *runtimes.Runtime) (pids []int) {
	rows := rt.Board().Row
	for i := range rows {
		if pid := rows[i].Pid.Load(); pid != 0 && rows[i].State.Load() != board.Empty {
			pids = append(pids, int(pid))
		}
	}
	return pids
}
