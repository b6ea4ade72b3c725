package lessons

import (
	"maps"
	"slices"
	"time"

	"forklore/sim"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// maxSamples bounds what a measure keeps: its longest time, ten times a second.
const maxSamples = int(maxTime/sim.Interval) + 1

// sample adds the figures of this moment to a measure.
func (s *Session) sample(a *Action, e *environment) {
	for name, p := range a.note {
		if v, ok := p.value(e); ok && len(s.samples[name]) < maxSamples {
			s.samples[name] = append(s.samples[name], v)
		}
	}
}

// note makes one figure of each of a measure's.
func (s *Session) note(a *Action) {
	for name, list := range s.samples {
		switch a.How {
		case Mean:
			sum := 0.0
			for _, v := range list {
				sum += v
			}
			s.noted[name] = sum / float64(len(list))
		case Max:
			s.noted[name] = slices.Max(list)
		case Min:
			s.noted[name] = slices.Min(list)
		default:
			s.noted[name] = list[len(list)-1]
		}
	}
}

// maxIncidents bounds what one injection leaves in one model.
const maxIncidents = 100

// collect keeps the incidents of the newest injection: a source forgets them
// some time after they are closed.
func (s *Session) collect(snap *sim.Snapshot) {
	if s.injected == "" {
		return
	}
	for _, i := range snap.Current {
		if i.Fault != s.injected || i.At < s.struck || i.Model < 0 || i.Model >= sim.NModels {
			continue
		}
		list := &s.incidents[i.Model]
		if len(*list) > 0 && i.N > (*list)[0].N {
			*list = nil
		}
		at := slices.IndexFunc(*list, func(x sim.Incident) bool { return x.N == i.N && x.At == i.At })
		switch {
		case at >= 0:
			(*list)[at] = i
		case (len(*list) == 0 || i.N == (*list)[0].N) && len(*list) < maxIncidents:
			*list = append(*list, i)
		}
	}
}

// newest is what the newest injection did, model by model: one incident, or the
// sum of several.
func (s *Session) newest() *[sim.NModels]*sim.Incident {
	var out [sim.NModels]*sim.Incident
	for m, list := range s.incidents {
		if len(list) == 0 {
			continue
		}
		sum := list[0]
		for _, i := range list[1:] {
			add(&sum, &i)
		}
		out[m] = &sum
	}
	return &out
}

// add adds a later incident of the same injection to a sum.
func add(sum, i *sim.Incident) {
	for _, x := range []struct{ to, from *int }{
		{&sum.InFlight, &i.InFlight}, {&sum.Carriers, &i.Carriers}, {&sum.Lost, &i.Lost}, {&sum.Reset, &i.Reset},
		{&sum.Refused, &i.Refused}, {&sum.Errors, &i.Errors}, {&sum.Delayed, &i.Delayed}, {&sum.Wrong, &i.Wrong},
		{&sum.Deaths, &i.Deaths}, {&sum.OOMKills, &i.OOMKills}, {&sum.Leaks, &i.Leaks}, {&sum.Arrivals, &i.Arrivals},
		{&sum.Retries, &i.Retries}, {&sum.OK, &i.OK}, {&sum.Started, &i.Started},
	} {
		*x.to += *x.from
	}
	for _, x := range []struct{ to, from *time.Duration }{
		{&sum.Downtime, &i.Downtime}, {&sum.Lacking, &i.Lacking}, {&sum.CPU, &i.CPU},
	} {
		*x.to += *x.from
	}
	sum.LeakB += i.LeakB
	sum.ProcsPeak, sum.QueuePeak = max(sum.ProcsPeak, i.ProcsPeak), max(sum.QueuePeak, i.QueuePeak)
	sum.LagPeakMS, sum.WorstMS = max(sum.LagPeakMS, i.LagPeakMS), max(sum.WorstMS, i.WorstMS)
	if i.Open() || sum.Open() {
		sum.Closed = 0
	} else {
		sum.Closed = i.Closed
	}
	sum.Recovered = sum.Recovered && i.Recovered
}
