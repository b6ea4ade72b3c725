package ui

import (
	"slices"
	"time"

	"forklore/sim"
	"forklore/sim/fault"
)

// struck is a fault in force in all models for that long.
func struck(f sim.Fault, since, left time.Duration) *sim.Snapshot {
	s := calm()
	at := s.At - since
	for m := range sim.NModels {
		in := sim.Incident{N: 3, Fault: f, Model: m, At: at, InFlight: 4, Arrivals: 64, OK: 60, WorstMS: 331, Mode: s.Model[m].Mode}
		in.Before.Procs, in.Before.P99MS = s.Model[m].ProcsNow, 331
		s.Current = append(s.Current, in)
	}
	if left > 0 {
		s.Active = []sim.Active{{N: 3, Fault: f, Models: sim.AllModels, Since: at, Until: s.At + left}}
	}
	return s
}

// spinning is a spin that has come to two models; the others have their turn
// after these.
func spinning() *sim.Snapshot {
	s := struck(sim.FaultSpin, 1500*time.Millisecond, 500*time.Millisecond)
	s.Current = s.Current[:sim.Container]
	s.Current = slices.Delete(s.Current, int(sim.Prefork), int(sim.EventLoop))
	s.Active[0].Models = sim.Models(0).With(sim.EventLoop)
	for i := range s.Current {
		s.Current[i].Carrier = carrier
	}
	s.Current[0].Closed, s.Current[0].Recovered = s.At-200*time.Millisecond, true
	loop := &s.Current[1]
	loop.Delayed, loop.WorstMS, loop.LagPeakMS, loop.Proof = 24, 1480, 1490, "1.49 s of CPU in 1.50 s"
	s.Armed = &sim.Armed{Fault: sim.FaultSpin, Models: sim.Models(0).With(sim.Prefork).With(sim.Container), Waits: sim.WaitsTurn}
	s.Model[sim.EventLoop].LagMS = 1490
	hit := int(carrier - s.Tape.First)
	for i := hit + 1; i < hit+24; i++ {
		s.Tape.Cell[sim.EventLoop][i] = sim.CellLate
	}
	return s
}

// hanging is a hang that is over: the pool was full.
func hanging() *sim.Snapshot {
	s := struck(sim.FaultHang, 9*time.Second, 0)
	for i := range s.Current {
		in := &s.Current[i]
		in.Carrier, in.Carriers, in.Lost = carrier, 12, 12
		in.Closed, in.Recovered = s.At-time.Second, true
		in.Proof = "requests with it: 12"
		in.ProcsPeak = 16
		for c := 2; c < 48; c += 4 {
			s.Tape.Cell[i][c] = sim.CellTimeout
			if sim.Model(i) == sim.Prefork && c > 8 {
				s.Tape.Cell[i][c-1], s.Tape.Cell[i][c+1] = sim.CellLate, sim.CellLate
			}
		}
	}
	pool := &s.Current[sim.Prefork]
	pool.Delayed, pool.WorstMS, pool.QueuePeak, pool.ProcsPeak = 52, 4870, 44, 8
	return s
}

// deserted has no backend.
func deserted() *sim.Snapshot {
	s := struck(sim.FaultDeadBackend, 2*time.Second, time.Second)
	for i := range s.Current {
		in := &s.Current[i]
		in.Lost, in.Errors, in.Downtime = 32+i, 32+i, 1900*time.Millisecond
		in.Proof = "connect: connection refused"
	}
	for m := range s.Model {
		s.Model[m].State, s.Model[m].Recent.OKShare = sim.Losing, 0.8
		cell := s.Tape.Cell[m]
		for i := len(cell) - 32; i < len(cell); i++ {
			cell[i] = sim.CellError
		}
	}
	return s
}

// faulty is an incident of that fault and model as a run may end it: with
// nothing or everything that may come of it.
func faulty(k *fault.Kind, m sim.Model, mode string, open, harm bool, large int) sim.Incident {
	in := sim.Incident{N: 1, Fault: k.Fault, Model: m, Mode: mode, At: time.Second, Pid: 4123, Carrier: 1284,
		InFlight: 5, Arrivals: 64 * large, OK: 60, Started: 48 * large, ProcsPeak: 4, WorstMS: 331}
	in.Before.Procs, in.Before.P99MS = 4, 331
	if !open {
		in.Closed, in.Recovered = 9*time.Second, true
	}
	if k.Kills || k.Fault == sim.FaultKill {
		in.Deaths, in.Lacking, in.Proof = 1, 31*time.Millisecond, "exit status 2"
		if k.Kills {
			in.Carriers, in.Lost, in.Reset = 1, 1, 1
		}
		if k.Fault == sim.FaultOOM {
			in.OOMKills, in.Proof = 1, "oom_kill 1; pid 4123, signal 9 (SIGKILL)"
		}
	}
	if large > 1 {
		in.Carrier, in.Pid = 123_456_789, 4_194_304
	}
	if !harm {
		return in
	}
	in.Reset, in.Refused, in.Errors = 4*large, 15*large, 3*large
	in.Lost = in.Reset + in.Refused + in.Errors + 2*large
	in.Delayed, in.WorstMS, in.Wrong, in.Retries = 52*large, 2200*float64(large), 9*large, 40*large
	in.Deaths, in.Downtime = in.Deaths+2*large, 1020*time.Millisecond*time.Duration(large)
	in.ProcsPeak, in.QueuePeak, in.LagPeakMS = 36*large, 210*large, 1200*float64(large)
	return in
}
