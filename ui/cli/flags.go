package cli

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	"forklore/runtimes"
)

// options are what the flags say, as they were written.
type options struct {
	models, rate, arrivals, workload, weight, memory string
	restartDelay, loopListener, cgi, engine, lang    string
	container, function, theme, configFile, lessons  string
	seed                                             uint64
	record                                           string
	pids                                             int64
	workers, maxRequests, maxCalls, queue, port      int
	pool, concurrency                                int
	callTimeout, timeout, idle                       time.Duration
	keepAlive, cgiGiven, ascii, tour                 bool
	miswire                                          []string
	placeOf                                          map[string]string // file:line, of what the user's file says

	runFor     time.Duration // of run
	injections []string
	json       bool
}

func (o *options) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.models, "models", "cgi,prefork,eventloop,container", "which models run")
	f.StringVar(&o.rate, "rate", "auto", "requests a second, the same to all; auto: what this machine can show")
	f.StringVar(&o.workload, "workload", "api", "hello, api, report, or steps: 'cpu 2ms, io exp(150ms), mem 4MiB, reply 1KiB'")
	f.StringVar(&o.weight, "weight", "application", "what the application costs to start: function, application, monolith")
	f.StringVar(&o.arrivals, "arrivals", "poisson", "poisson or even")
	f.Uint64Var(&o.seed, "seed", 1, "the same seed gives the same arrivals with the same steps")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "after which a client gives up; 0: never")
	f.BoolVar(&o.keepAlive, "keepalive", false, "clients keep their connections")
	f.StringVar(&o.memory, "memory", "128MiB", "limit of each runtime")
	f.Int64Var(&o.pids, "pids", 512, "limit of each runtime, in threads and processes")
	f.IntVar(&o.workers, "workers", 8, "size of the prefork pool")
	f.IntVar(&o.maxRequests, "max-requests", 0, "requests after which a prefork worker is replaced; 0: never")
	f.IntVar(&o.maxCalls, "max-calls", 64, "CGI calls and sandboxes at once, at most; memory and pids may allow less")
	f.IntVar(&o.queue, "queue", 256, "requests that may wait for a place in the CGI and the container host")
	f.DurationVar(&o.callTimeout, "call-timeout", 30*time.Second, "after which a server ends a call or a worker that hangs")
	f.StringVar(&o.restartDelay, "restart-delay", "1s", "after which a dead event loop (or host, or parent) is started again; never")
	f.StringVar(&o.loopListener, "loop-listener", "own", "who owns the event loop's listening socket: own, supervisor")
	f.StringVar(&o.cgi, "cgi", "", "a CGI program to put behind the CGI column in place of the application")
	f.StringVar(&o.container, "container", runtimes.Fresh, "what becomes of its sandboxes: fresh (one a call), prewarmed (made ahead, used once), warm (frozen, used again)")
	f.IntVar(&o.pool, "pool", 4, "sandboxes that wait, prewarmed")
	f.DurationVar(&o.idle, "idle", 10*time.Second, "how long a warm sandbox waits for its next call")
	f.IntVar(&o.concurrency, "concurrency", 0, "sandboxes at once, then 429 without waiting; 0: what memory and pids allow, then the queue")
	f.StringVar(&o.function, "function", "", "a CGI program to put into the sandboxes: a static file, or a folder as root with the program /function")
	f.StringVar(&o.engine, "engine", runtimes.NativeEngine, "what makes the containers: "+strings.Join(runtimes.Engines, ", "))
	f.IntVar(&o.port, "port", 0, "first of four ports on 127.0.0.1; 0: free ones")
	f.StringVar(&o.configFile, "config", "", "file of settings, flags by their names (default: forklore/config.toml in the XDG config folder)")
	f.StringSliceVar(&o.miswire, "miswire", nil, "cgi=eventloop: the one's requests go to the other (for tests)")
	f.MarkHidden("miswire")
}
