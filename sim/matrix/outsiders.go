package matrix

import "forklore/sim"

// outsiders: the clients, or the dependency, and no process of the model.
var outsiders = map[sim.Fault]row{
	sim.FaultSlowClient: {
		tells: []tell{{"delayed", "late"}},
		cells: [NColumns]Expectation{
			CGI: {unmoved,
				"The host holds the slow connections; it forks when a request is complete.", byDesign},
			Prefork: {heldUp,
				"A whole child waits for each slow client; when all wait, nobody is served.", eventDoc},
			EventLoop: {unmoved,
				"A slow client holds a descriptor, and nothing else.", nodeBlock},
			Fresh: {unmoved,
				"The front door holds the slow connections; a sandbox is made when a request is complete.", byDesign},
			Warm: {unmoved,
				"The front door holds the slow connections; no sandbox thaws for half a request.", byDesign},
		},
	},
	sim.FaultSlowBackend: {
		tells: []tell{{"procs_peak", "processes"}},
		cells: [NColumns]Expectation{
			CGI: {pileUp,
				"Alive are as many as arrive, times how long they take: processes pile up while the backend is slow.", little},
			Prefork: {"procs_peak <= workers && queue_peak > 0",
				"The pool doesn't grow: all workers wait for the backend, and the requests for a worker.", backlog},
			EventLoop: {"procs_peak == 1 && collateral == 0 && worst_ms >= 0.8 * strength_ms && worst_ms <= 1.5 * (strength_ms + p99_before_ms)",
				"To wait for the network costs no thread: each request is late by what the backend is, and no more.", nodeBlock},
			Fresh: {pileUp,
				"Concurrency is arrivals times duration: a slow backend needs more sandboxes, up to the limit.", lambdaScale},
			Warm: {pileUp,
				"No sandbox is free again in time, so more are made.", lambdaScale},
		},
	},
	sim.FaultDeadBackend: {
		tells: []tell{{"errors", "errors"}},
		cells: [NColumns]Expectation{
			CGI: {"collateral >= 0.8 * in_flight && deaths == 0",
				"Every process is sound, and none gets an answer: isolation of processes does not isolate from what they share.", shared},
			Prefork: {"collateral >= 0.8 * in_flight && deaths == 0",
				"All workers live, and all of them need the same backend.", shared},
			EventLoop: {"collateral >= 0.8 * in_flight && deaths == 0",
				"The loop turns, and has nothing to answer with.", shared},
			Fresh: {"collateral >= 0.8 * in_flight && deaths == 0",
				"A sandbox keeps failures in; it does not keep out those of a backend.", shared},
			Warm: {"collateral >= 0.8 * in_flight && deaths == 0",
				"Warm or fresh: a sandbox has no backend of its own.", shared},
		},
	},
	sim.FaultBurst: {
		strength: 5, // a pool that is half busy needs the longer to get over more
		tells:    []tell{{"started", "started"}},
		cells: [NColumns]Expectation{
			CGI: {burst + " && started >= 0.5 * arrivals",
				"A process is started for each request, most of all when the machine has the least time for it.", modCGI},
			Prefork: {burst + " && started == 0 && deaths == 0",
				"The workers are there already; what they can't serve at once waits in the backlog.", backlog},
			EventLoop: {burst + " && started == 0 && deaths == 0",
				"More connections are more descriptors, and no more processes.", nodeBlock},
			Fresh: {burst + " && started >= 0.5 * arrivals",
				"Every call is a cold start: the burst is one of starts.", lambdaEnv},
			Warm: {burst + " && started <= 0.3 * arrivals",
				"Only as many sandboxes are made as calls run at once; then they are used again.", lambdaEnv},
		},
	},
	sim.FaultRetryStorm: {
		tells: []tell{{"retries", "retries"}},
		cells: [NColumns]Expectation{
			CGI: {rides,
				"Each try is a process of its own, and none waits behind one that its client has given up: it recovers with the backend.", metastable},
			Prefork: {outlives,
				"The queue fills with requests that their clients have given up, and the workers serve them all the same: the storm outlasts what began it.", metastable},
			EventLoop: {rides,
				"A request that its client has given up is a descriptor that waits, and holds up no other: it recovers with the backend.", metastable},
			Fresh: {rides,
				"Each try is a call with a sandbox of its own: more tries are more sandboxes, and no longer queue.", metastable},
			Warm: {rides,
				"A try that finds all warm sandboxes taken has one made, and need not wait for those that were given up.", metastable},
		},
	},
}
