package role

import (
	"runtime"
	"sync"
)

// StartThreads has Go's runtime make so many threads now; it keeps them. A
// host that starts processes needs that: when one of them has taken all that
// their group may have, threads included (cgroup-v1/pids.rst), the runtime asks
// for one more, is refused, and aborts, the whole host for a thread. A server
// in C would only fail to fork.
func StartThreads(n int) {
	var locked, over sync.WaitGroup
	locked.Add(n)
	release := make(chan struct{})
	for range n {
		over.Go(func() {
			// Goroutines that are each locked to a thread need as many. One that
			// ended so would take its thread along.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			locked.Done()
			<-release
		})
	}
	locked.Wait()
	close(release)
	over.Wait()
}
