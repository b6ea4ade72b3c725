package matrix

import (
	"time"

	"forklore/sim"
)

// keepers: a process goes on, and keeps what it should not.
var keepers = map[sim.Fault]row{
	sim.FaultLeak: {
		strength: 12 << 20, duration: 7 * time.Second,
		tells: []tell{{"oom_kills", "oom"}, {"slope_mib_s", "MiB/s"}},
		cells: [NColumns]Expectation{
			CGI: {"leak_mib_s > 0 && slope_mib_s <= 0.25 * leak_mib_s && collateral == 0",
				"What leaks is gone when the process ends, and it ends with each request.", ownMind},
			Prefork: {"oom_kills > 0 || slope_mib_s >= 0.25 * leak_mib_s",
				"Workers live on, and grow, until the kernel takes one; how many connections a child may serve is unlimited by default.", perChild},
			EventLoop: {"oom_kills >= 1 && collateral >= 0.8 * in_flight",
				"One process gathers every leak until it is at its limit, and takes all requests in flight along.", cgroupMemory},
			Fresh: {"leak_mib_s > 0 && slope_mib_s <= 0.25 * leak_mib_s && collateral == 0",
				"The sandbox is destroyed after its call, and what leaked with it.", lambdaEnv},
			Warm: {"oom_kills > 0 || slope_mib_s >= 0.25 * leak_mib_s",
				"A sandbox that is used again still holds what the call before has left in memory.", lambdaEnv},
		},
	},
	sim.FaultFDLeak: {
		duration: 5 * time.Second,
		tells:    []tell{{"deaths", "died"}, {"errors", "errors"}},
		cells: [NColumns]Expectation{
			CGI: {carried + " && collateral == 0",
				"The limit is the process's, its table of descriptors ends with it, and nobody else uses it.", rlimits},
			Prefork: {"collateral >= 1",
				"A worker whose table is full goes on to accept, and fails whoever it serves next, sooner than a sound one would have answered; by default no number of connections retires it.", perChild},
			EventLoop: {"collateral >= 1",
				"No descriptor is left for anybody's connection: new clients are accepted only to be closed.", libuv},
			Fresh: {carried + " && collateral == 0",
				"Each call has a sandbox with a table of descriptors of its own.", lambdaLimits},
			Warm: {"collateral >= 1",
				"The next calls in that sandbox find its descriptors used up: the limit is one of the environment, not of the call.", lambdaLimits},
		},
	},
	sim.FaultBleed: {
		duration: 3 * time.Second,
		tells:    []tell{{"wrong", "wrong"}},
		cells: [NColumns]Expectation{
			CGI: {carried + " && wrong == 0",
				"Every request starts with clean memory: no global has seen another user.", ownMind},
			Prefork: {"wrong > 0",
				"A global keeps its value for the next request to the same child, whoever sends it.", definitive},
			EventLoop: {"wrong > 0",
				"A global is everybody's: the next request, of whatever user, sees it.", oneMind},
			Fresh: {carried + " && wrong == 0",
				"The sandbox has had no call before, and so no user.", lambdaEnv},
			Warm: {"wrong > 0",
				"Globals outlive the call in a sandbox that is used again; user data must not be kept there.", lambdaBest},
		},
	},
}
