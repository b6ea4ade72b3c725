package matrix

import "forklore/sim"

// holdups: a process goes on, and keeps others waiting.
var holdups = map[sim.Fault]row{
	sim.FaultSpin: {
		tells: []tell{{"delayed", "late"}},
		cells: [NColumns]Expectation{
			CGI: {unmoved + " && cpu_ms >= 0.25 * strength_ms",
				"The kernel takes the CPU away from a process that computes, and gives the others their turn.", scheduling},
			Prefork: {unmoved + " && cpu_ms >= 0.25 * strength_ms",
				"One worker is busy, the others have their own turns.", scheduling},
			EventLoop: {"delayed >= 0.8 * in_flight && worst_ms >= 0.8 * strength_ms",
				"While one callback computes, no other client gets a turn: the loop has one thread, and nothing interrupts it.", nodeBlock},
			Fresh: {unmoved + " && cpu_ms >= 0.25 * strength_ms",
				"The sandbox computes by itself; the kernel shares the CPU among sandboxes.", scheduling},
			Warm: {unmoved + " && cpu_ms >= 0.25 * strength_ms",
				"The sandbox that computes is taken; other calls get other ones.", lambdaScale},
		},
	},
	sim.FaultHang: {
		tells: []tell{{"delayed", "late"}},
		cells: [NColumns]Expectation{
			CGI: {unmoved + " && " + hanging,
				"Each call that hangs holds a process, and there is a new one for the next request.", little},
			Prefork: {heldUp + " && queue_peak > 0",
				"Each call that hangs holds a worker; when all are held, new connections queue in the listen backlog.", backlog},
			EventLoop: {carried + " && " + unmoved,
				"A request that waits holds a descriptor, and no thread.", nodeBlock},
			Fresh: {unmoved + " && " + hanging,
				"Each call that hangs holds a sandbox, and there is a new one for the next call, up to the limit.", lambdaScale},
			Warm: {unmoved + " && " + hanging,
				"A sandbox that is held can't be used again; another one is made.", lambdaScale},
		},
	},
	sim.FaultForkBomb: {
		tells: []tell{{"errors", "errors"}, {"delayed", "late"}},
		cells: [NColumns]Expectation{
			CGI: {"collateral >= 1",
				"All calls share one limit of processes: while it is used up, fork fails with EAGAIN, and the host needs a process for each request.", cgroupPids},
			Prefork: {"collateral <= 0.2 * arrivals",
				"The limit is used up as well, but the workers are there already and need no new process.", judgement("a resident process needs no fork to serve")},
			EventLoop: {"collateral <= 0.2 * arrivals",
				"The limit is used up as well, but the loop serves without another process.", judgement("a resident process needs no fork to serve")},
			Fresh: {"collateral == 0",
				"The sandbox has a limit of its own: past it fork fails with EAGAIN, inside.", cgroupPids},
			Warm: {"collateral == 0",
				"The bomb is bounded by the limit of its sandbox, and the sandbox has one call.", cgroupPids},
		},
	},
}
