package live

import (
	"log/slog"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"forklore/runtimes"
	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/sim"
	"forklore/sim/traffic"
)

// durations of one kind: start-ups, calls.
type durations struct{ h *hdrhistogram.Histogram }

func newDurations() *durations {
	return &durations{hdrhistogram.New(1, int64(10*time.Minute/time.Microsecond), 3)}
}

func (s *durations) add(us int64) { s.h.RecordValue(max(us, 1)) }

func (s *durations) quantiles() sim.Quantiles {
	if s.h.TotalCount() == 0 {
		return sim.Quantiles{}
	}
	q := s.h.ValueAtPercentilesSlice([]float64{50, 90, 99, 100})
	ms := func(us int64) float64 { return float64(us) / 1000 }
	return sim.Quantiles{P50: ms(q[0]), P90: ms(q[1]), P99: ms(q[2]), Max: ms(q[3]), N: uint64(s.h.TotalCount())}
}

func quantiles(f traffic.Figures) sim.Quantiles {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return sim.Quantiles{P50: ms(f.P50), P90: ms(f.P90), P99: ms(f.P99), Max: ms(f.Max), N: f.N}
}

// showClosed is how long a closed incident stays in the snapshots.
const showClosed = 10 * time.Minute

// snapshot is the state of everything, now.
func (l *Lab) snapshot(now time.Time) *sim.Snapshot {
	l.seq++
	s := &sim.Snapshot{
		Kind: sim.Live, Seq: l.seq, At: l.at(now),
		Load: sim.Load{RatePerS: l.rate, RateWhy: l.rateWhy, Paused: l.paused, Stopped: l.stopped,
			Workload: l.cfg.Workload.String(), Weight: l.weight, Seed: l.cfg.Seed},
		Tape:   l.tape.cells(perCell(l.rate)),
		Active: l.inForce(),
		Events: l.events,
		Lab:    l.machine(),
	}
	l.events = nil
	s.Lab.CPUShare, s.Lab.RSSBytes = l.self.usage(now)
	if l.generator != nil {
		s.Load.Arrivals = l.generator.Arrivals()
	}
	switch {
	case l.armed != nil:
		s.Armed = &sim.Armed{Fault: l.armed.Fault, Models: l.armed.Models, Waits: sim.WaitsSteady, For: now.Sub(l.armed.since)}
	case l.plan.Waiting() != "":
		s.Armed = &sim.Armed{Fault: l.plan.Waiting(), Waits: sim.WaitsRequest}
	case len(l.turns) > 0:
		s.Armed = &sim.Armed{Fault: l.turns[0].Fault, Waits: sim.WaitsTurn, For: now.Sub(l.turns[0].since)}
		for _, t := range l.turns {
			s.Armed.Models |= t.Models
		}
	}
	for m := range sim.NModels {
		s.Model[m] = l.modelSnapshot(m, now)
		if l.models[m].book.Expecting() {
			s.Coming = s.Coming.With(m)
		}
		s.Unattributed += l.models[m].book.Unattributed()
		for _, i := range l.models[m].book.Incidents() {
			if i.Open() || s.At-i.Closed < showClosed {
				s.Current = append(s.Current, i)
			}
		}
	}
	return s
}

// inForce are the faults that last, and are at work.
func (l *Lab) inForce() (all []sim.Active) {
	for _, x := range l.active {
		if x.lasts() {
			all = append(all, sim.Active{N: x.n, Fault: x.in.Fault, Models: x.in.Models, Strength: x.in.Strength, Since: x.since, Until: x.until})
		}
	}
	return all
}

func (l *Lab) modelSnapshot(m sim.Model, now time.Time) sim.ModelState {
	s := &l.models[m]
	v := sim.ModelState{State: s.state, Why: s.why, Workers: l.cfg.Spec.Workers}
	if s.rt == nil {
		return v
	}
	v.Address = s.rt.Addr()
	v.Requests = s.book.Requests()
	v.InFlight = int(v.Requests.InFlight)
	v.Latency = quantiles(s.meter.Total())
	recent := s.meter.Recent()
	v.Recent = sim.Recent{AnsweredPerS: recent.AnsweredPerS, OKShare: recent.OKShare, Ended: recent.Ended,
		Latency: quantiles(recent.Latency), Histogram: recent.Histogram}
	v.StartMS = s.starts.quantiles()
	v.Restarts = s.rt.Restarts()

	b := s.rt.Board()
	if m == sim.Container {
		v.Mode, v.Modes = l.mode, l.cfg.Spec.Modes()
		v.WarmStartMS, v.CallMS, v.DestroyMS = s.warm.quantiles(), s.calls.quantiles(), s.destroys.quantiles()
		if cold := b.ColdCalls.Load(); cold > 0 {
			v.ColdShare = float64(cold) / float64(cold+v.WarmStartMS.N)
		}
	}
	v.ProcsStarted, v.ProcsEnded = b.Started.Load(), b.Ended.Load()
	v.ProcsNow = int(v.ProcsStarted - min(v.ProcsEnded, v.ProcsStarted))
	v.ProcsPeak = int(b.Peak.Load())
	v.Queue = int(b.QueueNow.Load())
	v.LagMS, v.LagMaxMS = lag(s.rt)
	l.processes(m, now, &v)

	f := s.rt.Memory()
	v.Memory = sim.Memory{Bytes: f.MemoryBytes, PeakBytes: f.PeakBytes, LimitBytes: f.LimitBytes,
		AnonBytes: f.AnonBytes, FileBytes: f.FileBytes, KernelBytes: f.KernelBytes,
		PidsNow: f.PidsNow, PidsPeak: f.PidsPeak, OOMKills: f.OOMKills - s.base.oomKills + b.OOMKills.Load(), Source: f.Source}
	v.CPU = f.CPU - s.base.cpu
	if s.base.reset { // the kernel's peak is since the group was made
		s.base.peak = max(s.base.peak, f.MemoryBytes)
		v.Memory.PeakBytes = s.base.peak
	}
	if v.State == "" {
		v.State = l.state(m)
	}
	if v.State != sim.Down {
		v.Why = ""
	}
	return v
}

// loopTick is how often the event loop looks at the clock (eventloop/lag.go).
const loopTick = 20 * time.Millisecond

// lag is how late the event loop's timer was, last and at most. A loop that is
// stuck can't say so: then it is the time since it last looked at the clock.
func lag(rt *runtimes.Runtime) (nowMS, maxMS float64) {
	nowMS = lagNow(rt)
	return nowMS, max(nowMS, float64(rt.Board().LagMaxUS.Load())/1000)
}

func lagNow(rt *runtimes.Runtime) (ms float64) {
	b := rt.Board()
	us := float64(b.LagNowUS.Load())
	if since := b.Row[0].SinceNS.Load(); rt.Model == runtimes.EventLoop && rt.Top() != 0 && since != 0 {
		if stuck := time.Duration(role.Nanotime()-since) - loopTick; stuck > loopTick {
			us = max(us, float64(stuck.Microseconds()))
		}
	}
	return us / 1000
}

// state is the model's state in a word.
func (l *Lab) state(m sim.Model) sim.State {
	if l.models[m].rt.Top() == 0 {
		return sim.Down
	}
	switch losing, recovering := l.models[m].book.Trouble(); {
	case losing:
		return sim.Losing
	case recovering:
		return sim.Recovering
	}
	return sim.OK
}

// processes reads the board: a slot a process.
func (l *Lab) processes(m sim.Model, now time.Time, v *sim.ModelState) {
	s := &l.models[m]
	b := s.rt.Board()
	clock := role.Nanotime()
	proc := func(r *board.Row) sim.Proc {
		return sim.Proc{Pid: int(r.Pid.Load()), State: byte(r.State.Load()), Request: r.Request.Load(),
			Leaky: r.LeakKiB.Load() > 0, Since: time.Duration(clock - r.SinceNS.Load())}
	}
	top := s.rt.Top()
	if m == sim.EventLoop {
		// One process; its rows are connections, which are no processes.
		if top != 0 {
			p := proc(&b.Row[0])
			p.Pid, p.State = top, board.Idle
			if v.InFlight > 0 {
				p.State = board.Working
			}
			v.Procs = []sim.Proc{p}
		}
	} else {
		if top != 0 {
			v.Parent = &sim.Proc{Pid: top}
		}
		used := 0
		v.Procs = make([]sim.Proc, len(b.Row))
		for i := range b.Row {
			r := &b.Row[i]
			if r.Pid.Load() == 0 || r.Flags.Load()&board.Dead != 0 || r.State.Load() == board.Empty {
				continue
			}
			v.Procs[i] = proc(r)
			used = i + 1
			if r.Request.Load() != 0 || v.Procs[i].State == board.Working {
				v.Busy++
			}
		}
		if m == sim.Prefork {
			used = len(b.Row)
		}
		v.Procs = v.Procs[:used]
	}
	s.slots = map[int]int{}
	for i, p := range v.Procs {
		if p.Pid != 0 {
			s.slots[p.Pid] = i
		}
	}
	kept := s.dead[:0:0]
	for _, d := range s.dead {
		if now.After(d.until) {
			continue
		}
		kept = append(kept, d)
		for len(v.Procs) <= d.slot {
			v.Procs = append(v.Procs, sim.Proc{})
		}
		v.Procs[d.slot] = sim.Proc{Pid: d.pid, State: 'X'}
	}
	s.dead = kept
}

// note logs what the user needn't see at once.
func (l *Lab) note(text string) { slog.Error(text) }
