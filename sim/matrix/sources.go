package matrix

// Who says so. What nobody has written in so many words is a judgement, and
// names what it rests on.
var (
	utilScript = Source{"Apache HTTP Server, server/util_script.c, \"End of script output before headers\"", "https://github.com/apache/httpd/blob/trunk/server/util_script.c"}
	modCGI     = Source{"Apache HTTP Server, mod_cgi", "https://httpd.apache.org/docs/2.4/mod/mod_cgi.html"}
	preforkDoc = Source{"Apache HTTP Server, mpm_prefork, \"a problem with a single request will not affect any other\"", "https://httpd.apache.org/docs/2.4/mod/prefork.html"}
	preforkC   = Source{"Apache HTTP Server, server/mpm/prefork/prefork.c", "https://github.com/apache/httpd/blob/trunk/server/mpm/prefork/prefork.c"}
	perChild   = Source{"Apache HTTP Server, MaxConnectionsPerChild", "https://httpd.apache.org/docs/2.4/mod/mpm_common.html#maxconnectionsperchild"}
	backlog    = Source{"Apache HTTP Server, ListenBacklog and MaxRequestWorkers", "https://httpd.apache.org/docs/2.4/mod/mpm_common.html#maxrequestworkers"}
	eventDoc   = Source{"Apache HTTP Server, mpm_event, \"How it Works\": the keep-alive problem", "https://httpd.apache.org/docs/2.4/mod/event.html"}
	definitive = Source{"Apache: The Definitive Guide, chapter 17", ""}

	nodeUncaught = Source{"Node.js documentation, process, event 'uncaughtException'", "https://nodejs.org/api/process.html#event-uncaughtexception"}
	nodeExit     = Source{"Node.js documentation, process.exit()", "https://nodejs.org/api/process.html#processexitcode"}
	nodeBlock    = Source{"Node.js, Don't Block the Event Loop", "https://nodejs.org/en/learn/asynchronous-work/dont-block-the-event-loop"}
	libuv        = Source{"libuv, src/unix/stream.c, uv__emfile_trick", "https://github.com/libuv/libuv/blob/v1.x/src/unix/stream.c"}

	lambdaEnv    = Source{"AWS Lambda Developer Guide, execution environment lifecycle", "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"}
	lambdaBest   = Source{"AWS Lambda Developer Guide, best practices", "https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html"}
	lambdaScale  = Source{"AWS Lambda Developer Guide, concurrency", "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"}
	lambdaLimits = Source{"AWS Lambda Developer Guide, quotas: file descriptors", "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"}

	cgroupPids   = Source{"Linux kernel, cgroup-v2.rst, pids.max", "https://docs.kernel.org/admin-guide/cgroup-v2.html#pid"}
	cgroupMemory = Source{"Linux kernel, cgroup-v2.rst, memory.max and memory.oom.group", "https://docs.kernel.org/admin-guide/cgroup-v2.html#memory"}
	signals      = Source{"signal(7)", "https://man7.org/linux/man-pages/man7/signal.7.html"}
	rlimits      = Source{"getrlimit(2), RLIMIT_NOFILE: of the process", "https://man7.org/linux/man-pages/man2/getrlimit.2.html"}
	scheduling   = Source{"sched(7), SCHED_OTHER", "https://man7.org/linux/man-pages/man7/sched.7.html"}

	metastable = Source{"Huang et al., Metastable Failures in the Wild, OSDI '22", "https://www.usenix.org/conference/osdi22/presentation/huang-lexiang"}
)

// judgement is forklore's own.
func judgement(restsOn string) Source { return Source{"forklore's own judgement: " + restsOn, ""} }

var (
	little   = judgement("Little's law, L = lambda W")
	ownMind  = judgement("memory and descriptors are the process's, and it serves one request")
	oneMind  = judgement("all requests share one process")
	shared   = judgement("a dependency that all processes share is outside of every process")
	byDesign = judgement("a front server holds the connection and costs no process until the request is there")
)
