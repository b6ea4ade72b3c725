package traffic

import (
	"math/rand/v2"
	"strings"
	"time"

	"forklore/runtimes/app"
)

// Workload is what a request of this run does: a list of steps whose sizes are
// drawn anew for each arrival. The zero value is `hello`: no steps at all.
type Workload struct{ steps []step }

type step struct {
	kind app.Kind
	n    dist
}

// verbs are the steps that a user can write. Faults are not among them: they
// are injected, so that each has an undo and an entry in the ledger.
var verbs = map[string]struct {
	kind  app.Kind
	units units
}{
	"cpu":   {app.CPU, times},
	"io":    {app.IO, times},
	"mem":   {app.Mem, sizes},
	"reply": {app.Reply, sizes},
}

// presets are workloads with a name.
var presets = map[string]string{
	"hello":  "",
	"api":    "cpu 1ms, io 250ms",
	"report": "cpu 50ms, mem 8MiB",
}

// Draw returns the steps of one arrival.
func (w Workload) Draw(r *rand.Rand) (s app.Steps) {
	for _, st := range w.steps {
		s.Add(app.Step{Kind: st.kind, N: st.n.draw(r, st.kind.Most())})
	}
	return s
}

// String writes the workload as ParseWorkload reads it.
func (w Workload) String() string {
	if len(w.steps) == 0 {
		return "hello"
	}
	list := make([]string, len(w.steps))
	for i, st := range w.steps {
		for verb, v := range verbs {
			if v.kind == st.kind {
				list[i] = verb + " " + st.n.text(v.units)
			}
		}
	}
	return strings.Join(list, ", ")
}

// Mean is what an average request of a workload takes.
type Mean struct {
	CPU        time.Duration // of the cpu steps, on an idle core
	IO         time.Duration // waiting for the backend
	MemBytes   int64         // touched
	ReplyBytes int64
}

// Work is the CPU time that a request costs: its cpu steps, and the page
// faults of what it touches.
func (m Mean) Work() time.Duration { return m.CPU + touchTime(m.MemBytes) }

// Service is how long a request holds its worker.
func (m Mean) Service() time.Duration { return m.Work() + m.IO }

// touchTime is what it costs to have memory: a first touch of a page was
// measured at 10 us in a virtual machine. Bare metal is several times
// cheaper, so a plan made with this figure errs to the careful side.
func touchTime(bytes int64) time.Duration {
	const perPage, pageBytes = 10 * time.Microsecond, 4096
	return time.Duration(bytes/pageBytes) * perPage
}

// Mean returns the workload's expected figures.
func (w Workload) Mean() (m Mean) {
	for _, st := range w.steps {
		// The mean of what is drawn can't exceed what can be drawn.
		n := min(st.n.mean(), float64(st.kind.Most()))
		switch st.kind {
		case app.CPU:
			m.CPU += time.Duration(n * float64(time.Microsecond))
		case app.IO:
			m.IO += time.Duration(n * float64(time.Microsecond))
		case app.Mem:
			m.MemBytes += int64(n)
		case app.Reply:
			m.ReplyBytes = int64(n) // the last one counts, as in the application
		}
	}
	return m
}
