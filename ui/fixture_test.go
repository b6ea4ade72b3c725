package ui

import (
	"time"

	"forklore/sim"
)

// Hand-made snapshots: what the screen shows of them is in testdata.

func procs(letters string) []sim.Proc {
	of := make([]sim.Proc, len(letters))
	for i, l := range []byte(letters) {
		of[i] = sim.Proc{Pid: 4100 + i, State: l}
		switch l {
		case '*':
			of[i].State, of[i].Leaky = 'W', true
		case ' ':
			of[i].State = 0
		}
	}
	return of
}

func column(letters string, now int, started uint64, mib int64) sim.ModelState {
	return sim.ModelState{
		State: sim.OK, Address: "127.0.0.1:40401", Procs: procs(letters), Parent: &sim.Proc{Pid: 4000},
		ProcsNow: now, ProcsPeak: now + 2, ProcsStarted: started,
		Memory: sim.Memory{Bytes: mib << 20, PeakBytes: (mib + 9) << 20, LimitBytes: 128 << 20, Source: "cgroup v1"},
		Recent: sim.Recent{AnsweredPerS: 16.1, OKShare: 1, Ended: 160,
			Latency: sim.Quantiles{P50: 268.3, P90: 280, P99: 331, Max: 350, N: 160}},
		InFlight: 4,
	}
}

// tapeOf has n requests before the newest, all answered, the last four open.
func tapeOf(first uint64, n int) sim.Tape {
	t := sim.Tape{First: first, PerCell: 1}
	for m := range t.Cell {
		t.Cell[m] = make([]sim.Cell, n)
		for i := range t.Cell[m] {
			t.Cell[m][i] = sim.CellOK
			if i >= n-4 {
				t.Cell[m][i] = sim.CellOpen
			}
		}
	}
	return t
}

func calm() *sim.Snapshot {
	s := &sim.Snapshot{
		Kind: sim.Live, Seq: 820, At: 82 * time.Second,
		Load: sim.Load{RatePerS: 16, Workload: "api: cpu 1ms, io 250ms", Weight: "application", Arrivals: 1322},
		Tape: tapeOf(1253, 70),
		Lab:  sim.Lab{CPUShare: 0.021, RSSBytes: 41 << 20, Cgroup: "v1", Root: true},
	}
	s.Model = [sim.NModels]sim.ModelState{
		column("WWSW", 4, 1322, 26), column("WW_W__W_", 8, 9, 45),
		column("W", 1, 2, 9), column("WSWW", 4, 1322, 28),
	}
	s.Model[sim.CGI].StartMS = sim.Quantiles{P50: 16.2, P99: 30, N: 1000}
	s.Model[sim.Container].StartMS = sim.Quantiles{P50: 18.4, P99: 40, N: 1000}
	s.Model[sim.Container].Mode, s.Model[sim.Container].Modes = sim.ModeFresh, []string{sim.ModeFresh, sim.ModePrewarmed, sim.ModeWarm}
	s.Model[sim.Container].ColdShare = 1
	s.Model[sim.Prefork].Workers, s.Model[sim.Prefork].Busy = 8, 4
	s.Model[sim.EventLoop].Parent = nil
	s.Model[sim.EventLoop].LagMS = 0.9
	s.Events = []sim.Event{
		{At: 300 * time.Millisecond, Model: sim.CGI, What: sim.EventReady, Pid: 4000, Text: "listens on 127.0.0.1:40401"},
		{At: 80 * time.Second, Model: sim.EventLoop, What: sim.EventSaid, Pid: 4102, Text: "panic: crash\x1b[2J requested"},
	}
	return s
}

const carrier = 1284

// mid is a crash half a second in: the loop is down, nothing has closed.
func mid() *sim.Snapshot {
	s := calm()
	hit := int(carrier - s.Tape.First)
	for m := range s.Tape.Cell {
		s.Tape.Cell[m][hit] = sim.CellFault
	}
	loop := s.Tape.Cell[sim.EventLoop]
	for i := hit - 3; i < len(loop); i++ {
		switch {
		case i == hit:
		case i < hit+2:
			loop[i] = sim.CellReset
		case i < hit+20:
			loop[i] = sim.CellRefused
		}
	}
	at := s.At - 640*time.Millisecond
	for m := sim.Model(0); m < sim.NModels; m++ {
		s.Current = append(s.Current, sim.Incident{
			N: 1, Fault: sim.FaultCrash, Model: m, At: at, Carrier: carrier, Pid: 4123 + int(m),
			InFlight: 5, Carriers: 1, Lost: 1, Deaths: 1, Proof: "exit status 2",
		})
	}
	s.Current[sim.Prefork].Reset, s.Current[sim.Prefork].Lacking = 1, 31*time.Millisecond
	s.Current[sim.CGI].Errors, s.Current[sim.Container].Errors = 1, 1
	in := &s.Current[sim.EventLoop]
	in.Lost, in.Reset, in.Refused = 14, 5, 9
	ms := &s.Model[sim.EventLoop]
	ms.State, ms.Why, ms.Procs, ms.ProcsNow, ms.InFlight = sim.Down, "exit status 2", nil, 0, 0
	ms.Memory.Bytes = 0
	ms.Recent.OKShare = 0.918
	s.Model[sim.Prefork].Procs = procs("WX_W__W_")
	return s
}

// after is the same crash, closed by all.
func after() *sim.Snapshot {
	s := mid()
	s.At += 3 * time.Second
	s.Model[sim.EventLoop] = calm().Model[sim.EventLoop]
	s.Model[sim.EventLoop].Recent.OKShare = 0.881
	s.Model[sim.EventLoop].ProcsStarted++
	for i := range s.Current {
		in := &s.Current[i]
		in.Closed, in.Recovered = s.At-100*time.Millisecond, true
	}
	in := &s.Current[sim.EventLoop]
	in.Lost, in.Reset, in.Refused, in.Downtime = 20, 5, 15, 1020*time.Millisecond
	return s
}

// leak is eight seconds of it.
func leak() *sim.Snapshot {
	s := calm()
	at := s.At - 8*time.Second
	for m := range s.Tape.Cell {
		for i := 2; i < len(s.Tape.Cell[m])-4; i += 4 {
			s.Tape.Cell[m][i] = sim.CellLeak
		}
	}
	s.Tape.Cell[sim.EventLoop][66] = sim.CellReset
	for m := sim.Model(0); m < sim.NModels; m++ {
		s.Current = append(s.Current, sim.Incident{
			N: 2, Fault: sim.FaultLeak, Model: m, At: at, InFlight: 4, Leaks: 32, LeakB: 128 << 20, Proof: "32 leaks",
		})
	}
	s.Current[sim.Prefork].Deaths, s.Current[sim.Prefork].Lost, s.Current[sim.Prefork].Reset = 3, 1, 1
	s.Current[sim.Prefork].Proof = "oom_kill 3"
	loop := &s.Current[sim.EventLoop]
	loop.Deaths, loop.Lost, loop.Reset, loop.Refused, loop.Proof = 1, 13, 4, 9, "oom_kill 1"
	loop.Downtime = 600 * time.Millisecond
	s.Active = []sim.Active{{Fault: sim.FaultLeak, Models: sim.AllModels, Since: at, Until: s.At + 12*time.Second}}
	s.Model[sim.Prefork].State = sim.Losing
	s.Model[sim.Prefork].Procs = procs("**_W*_SX")
	s.Model[sim.Prefork].Memory.Bytes = 121 << 20
	s.Model[sim.EventLoop].State, s.Model[sim.EventLoop].Procs = sim.Recovering, procs("S")
	s.Model[sim.CGI].Procs = procs("WW*S")
	return s
}

// warm is the same leak with warm sandboxes: there it stays, and one was
// killed for it.
func warm() *sim.Snapshot {
	s := leak()
	ms := &s.Model[sim.Container]
	ms.Mode, ms.ColdShare = sim.ModeWarm, 0.12
	ms.WarmStartMS = sim.Quantiles{P50: 0.41, P99: 3, N: 400}
	ms.Procs, ms.ProcsNow, ms.ProcsStarted = procs("W*z*Wz"), 6, 19
	ms.Memory.Bytes = 104 << 20
	in := &s.Current[sim.Container]
	in.Mode, in.Deaths, in.Lost, in.Errors, in.Proof = sim.ModeWarm, 1, 1, 1, "oom_kill 1; pid 4127, signal 9 (SIGKILL)"
	return s
}

// without has no rights: no container, memory from /proc.
func without() *sim.Snapshot {
	s := calm()
	s.Model[sim.Container] = sim.ModelState{
		State: sim.Unavailable, Why: "needs root, or user namespaces that AppArmor allows (kernel.apparmor_restrict_unprivileged_userns)",
	}
	for m := range s.Model[:sim.Container] {
		s.Model[m].Memory = sim.Memory{Bytes: 21 << 20, PeakBytes: 30 << 20, Source: "pss"}
	}
	for i := range s.Tape.Cell[sim.Container] {
		s.Tape.Cell[sim.Container][i] = sim.CellNone
	}
	s.Lab.Cgroup, s.Lab.Root = "none", false
	s.Load.RatePerS, s.Load.RateWhy = 8, "cpu"
	return s
}

// killed is a worker that someone ended from a shell, at a high rate, while a
// crash is armed.
func killed() *sim.Snapshot {
	s := calm()
	s.At += 20 * time.Second
	s.Current = []sim.Incident{{Fault: sim.FaultOutside, Model: sim.Prefork, At: s.At - time.Second,
		Pid: 4123, InFlight: 4, Lost: 1, Reset: 1, Deaths: 1, Lacking: 20 * time.Millisecond, Proof: "signal 9"}}
	s.Armed = &sim.Armed{Fault: sim.FaultCrash, Models: sim.AllModels, Waits: sim.WaitsSteady, For: 1200 * time.Millisecond}
	s.Load.RatePerS, s.Tape.PerCell = 128, 7
	s.Unattributed = 3
	return s
}

// big is what no screen should break on.
func big() *sim.Snapshot {
	s := after()
	s.At = 30 * time.Hour
	s.Kind = sim.Simulated
	s.Load.RatePerS, s.Load.RateWhy = 65536, "workers"
	s.Load.Workload = "cpu uniform(1ms,3ms), io exp(150ms), mem 4MiB, reply 1MiB, 日本語の作業"
	s.Unattributed = 123456
	for m := range s.Model {
		ms := &s.Model[m]
		ms.Procs = procs(string(make([]byte, 0)))
		for range 512 {
			ms.Procs = append(ms.Procs, procs("W_S*X")...)
		}
		ms.Procs = ms.Procs[:512]
		ms.ProcsNow, ms.ProcsStarted = 512, 98_765_432
		ms.Memory.Bytes, ms.Memory.LimitBytes = 100<<30, 128<<30
		ms.Recent.AnsweredPerS, ms.Recent.OKShare = 65535.4, 0.99999
		ms.Recent.Latency = sim.Quantiles{P50: 12345.6, P99: 98765, N: 100}
		ms.Queue, ms.Workers, ms.Busy, ms.InFlight, ms.LagMS = 9999, 512, 512, 65536, 12345
		ms.StartMS.P50 = 12345
	}
	for i := range s.Current {
		in := &s.Current[i]
		in.Carrier, in.Pid, in.Lost, in.Reset, in.Refused = 123_456_789, 4_194_304, 23_456, 11_111, 12_345
		in.Downtime, in.Lacking = 83*time.Second, 12*time.Second
	}
	s.Tape = tapeOf(123_456_700, sim.TapeLen)
	return s
}
