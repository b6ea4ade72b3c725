package matrix

import "forklore/sim"

// endings: a process ends.
var endings = map[sim.Fault]row{
	sim.FaultCrash: {
		tells: []tell{{"deaths", "died"}},
		cells: [NColumns]Expectation{
			CGI: {onlyItself,
				"The process that died served this request and no other: one 500, and the host goes on.", utilScript},
			Prefork: {onlyItself,
				"A worker serves one request at a time; its parent reaps it and starts another.", preforkDoc},
			EventLoop: {everybody,
				"One process holds all connections: an uncaught exception ends it, every request in flight is cut off, and until it is up again new ones are refused.", nodeUncaught},
			Fresh: {onlyItself,
				"The sandbox was made for this call; nobody else is in it.", lambdaEnv},
			Warm: {onlyItself,
				"A sandbox is used again, but by one call at a time: the next call gets another one.", lambdaEnv},
		},
	},
	sim.FaultSegv: {
		tells: []tell{{"deaths", "died"}},
		cells: [NColumns]Expectation{
			CGI: {onlyItself,
				"The kernel ends the process that wrote where it may not; it served this request and no other.", utilScript},
			Prefork: {onlyItself,
				"The parent sees a child end by a signal, logs it, and starts another; the other children don't share its memory.", preforkC},
			EventLoop: {everybody,
				"The default action of SIGSEGV ends the whole process, and with it all that it held open.", signals},
			Fresh: {onlyItself,
				"The signal ends the first process of a sandbox that was made for this call.", lambdaEnv},
			Warm: {onlyItself,
				"The sandbox ends with its process; it would have been used again, and isn't.", lambdaEnv},
		},
	},
	sim.FaultExit: {
		tells: []tell{{"deaths", "died"}},
		cells: [NColumns]Expectation{
			CGI: {onlyItself,
				"A script that ends without an answer costs its own request: to end is all that it would have done next.", utilScript},
			Prefork: {onlyItself,
				"A library that calls exit ends its worker; the parent starts another.", preforkC},
			EventLoop: {everybody,
				"An exit deep in a library ends the server, with all operations that are still pending.", nodeExit},
			Fresh: {onlyItself,
				"The function ended without an answer, in a sandbox of its own.", lambdaEnv},
			Warm: {onlyItself,
				"The sandbox ends with its function, and the next call has one made.", lambdaEnv},
		},
	},
	sim.FaultOOM: {
		tells: []tell{{"oom_kills", "oom"}},
		cells: [NColumns]Expectation{
			CGI: {"oom_kills >= 1 && collateral == 0",
				"The kernel takes a victim within the cgroup that is full: the process with the most memory, which serves this request alone.", cgroupMemory},
			Prefork: {"oom_kills >= 1 && collateral == 0",
				"The kernel takes the worker that has grown; its parent and the others are smaller.", cgroupMemory},
			EventLoop: {"oom_kills >= 1 && collateral >= 0.8 * in_flight",
				"There is one process to take, and it serves everybody.", cgroupMemory},
			Fresh: {"oom_kills >= 1 && collateral == 0",
				"The sandbox has a limit of its own, far below the host's: nothing outside of it is touched.", cgroupMemory},
			Warm: {"oom_kills >= 1 && collateral == 0",
				"The limit is the sandbox's, and a sandbox has one call at a time.", cgroupMemory},
		},
	},
	sim.FaultKill: {
		tells: []tell{{"deaths", "died"}},
		cells: [NColumns]Expectation{
			CGI: {"deaths == 1 && lost <= 1",
				"SIGKILL can't be caught: whoever gets it ends, and a call holds one request.", signals},
			Prefork: {"deaths == 1 && lost <= 1",
				"A worker holds one request at most, an idle one none; its parent starts another.", preforkC},
			EventLoop: {everybody,
				"There is one process to kill: all requests in flight end, and new ones are refused until it is up again.", signals},
			Fresh: {"deaths == 1 && lost <= 1",
				"With the first process of a sandbox ends the sandbox, and its one call.", lambdaEnv},
			Warm: {"deaths == 1 && lost <= 1",
				"A sandbox holds one call at most; one that waits, frozen, holds none.", lambdaEnv},
		},
	},
}
