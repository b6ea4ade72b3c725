// Package fault is the catalogue of faults, what a user writes to ask for one,
// and the plan that decides which requests carry it.
//
// Cost: a lock and a comparison for each arrival and model.
// May not enter: what a fault did; that is the ledger's. How it is done to a
// backend, a process or a client is sim/live's.
package fault

import (
	"time"

	"forklore/runtimes/app"
	"forklore/sim"
)

// Kind is an entry of the catalogue.
type Kind struct {
	Fault sim.Fault
	// Strength is how hard it strikes if nobody says; its unit says what that is.
	Unit                  Unit
	Strength, Least, Most int64
	// Duration is how long the fault is in force; 0: it strikes once.
	Duration time.Duration

	// Step is what the application does to itself, as a step of a request that
	// carries it; 0: the fault is done to the model from outside. A program that
	// isn't ours can't be asked for a step.
	Step app.Kind
	// Kills: the step ends its process, and the incident begins with that death.
	Kills bool
	// Every: one request in so many carries it as long as it is in force; 0:
	// only so many as its strength says, or one.
	Every uint64
	// Presses on the CPU or the memory: one model at a time, or the others'
	// figures would be of the machine and not of them.
	Presses bool
}

// Every fourth request carries a fault that lasts: one handler of four is bad.
const every = 4

// Catalogue is every fault that can be asked for. What they do to each model,
// and who says so, is sim/matrix's; the screen's words are the assets'.
var Catalogue = []Kind{
	// A process dies of a request.
	{Fault: sim.FaultCrash, Step: app.Crash, Kills: true, Unit: Requests, Strength: 1, Least: 1, Most: 20},
	{Fault: sim.FaultSegv, Step: app.Segv, Kills: true, Unit: Requests, Strength: 1, Least: 1, Most: 20},
	{Fault: sim.FaultExit, Step: app.Exit, Kills: true, Unit: Requests, Strength: 1, Least: 1, Most: 20},
	{Fault: sim.FaultOOM, Step: app.Hog, Kills: true, Presses: true, Unit: Requests, Strength: 1, Least: 1, Most: 20},
	// A process dies of somebody else.
	{Fault: sim.FaultKill, Unit: Processes, Strength: 1, Least: 1, Most: 20},
	// A process goes on, and keeps what it should not.
	{Fault: sim.FaultLeak, Step: app.Leak, Every: every, Unit: Bytes, Strength: 4 << 20, Least: 4 << 10, Most: 1 << 30, Duration: 20 * time.Second},
	{Fault: sim.FaultFDLeak, Step: app.FDLeak, Every: every, Unit: Percent, Strength: 50, Least: 1, Most: 100, Duration: 8 * time.Second},
	{Fault: sim.FaultBleed, Step: app.Bleed, Every: every, Duration: 4 * time.Second},
	// A process goes on, and keeps others waiting.
	{Fault: sim.FaultSpin, Step: app.Busy, Presses: true, Unit: Time, Strength: int64(2 * time.Second), Least: int64(time.Millisecond), Most: int64(30 * time.Second)},
	{Fault: sim.FaultHang, Step: app.Hang, Every: every, Duration: 5 * time.Second},
	{Fault: sim.FaultForkBomb, Step: app.ForkBomb, Presses: true, Unit: Processes, Strength: 1024, Least: 1, Most: 4096},
	// The clients, the dependency.
	{Fault: sim.FaultSlowClient, Unit: Clients, Strength: 32, Least: 1, Most: 1000, Duration: 5 * time.Second},
	{Fault: sim.FaultSlowBackend, Unit: Time, Strength: int64(2 * time.Second), Least: int64(time.Millisecond), Most: int64(time.Minute), Duration: 4 * time.Second},
	{Fault: sim.FaultDeadBackend, Duration: 3 * time.Second},
	{Fault: sim.FaultBurst, Presses: true, Unit: Factor, Strength: 10, Least: 2, Most: 100, Duration: 3 * time.Second},
	{Fault: sim.FaultRetryStorm, Presses: true, Unit: Backoff, Most: int64(10 * time.Second), Duration: 4 * time.Second},
}

// Find looks a fault up.
func Find(f sim.Fault) (Kind, bool) {
	for _, k := range Catalogue {
		if k.Fault == f {
			return k, true
		}
	}
	return Kind{}, false
}

// StepN is the step's number for a strength. limitBytes is the memory that the
// model may have, for the fault that goes past it.
func (k Kind) StepN(strength, limitBytes int64) int64 {
	switch k.Fault {
	case sim.FaultOOM:
		return min(2*limitBytes, k.Step.Most())
	case sim.FaultSpin:
		return strength / int64(time.Microsecond)
	case sim.FaultLeak, sim.FaultFDLeak, sim.FaultForkBomb:
		return strength
	}
	return 1
}

// carriers is how many requests carry a fault that strikes once.
func (k Kind) carriers(strength int64) int64 {
	if k.Unit == Requests {
		return strength
	}
	return 1
}

// Lasts is how long the fault is in force at this strength: what strikes once
// may still take its time.
func (k Kind) Lasts(in sim.Inject) time.Duration {
	switch {
	case k.Fault == sim.FaultSpin:
		return time.Duration(in.Strength)
	case k.Fault == sim.FaultForkBomb:
		return app.ForkHoldUS * time.Microsecond
	case in.Duration != 0:
		return in.Duration
	}
	return k.Duration
}
