package traffic

import (
	"cmp"
	"strconv"
	"time"

	"forklore/runtimes/app"
)

// The rules that AutoRate names.
const (
	RuleDefault = "default" // no need for more than 16 a second
	RuleCPU     = "cpu"     // half of the machine
	RuleWorkers = "workers" // half of the prefork pool
)

// defaultRate is what a person can follow on the screen.
const defaultRate = 16

// usualStart is the CPU time that a process of this binary takes to be ready, where
// it could not be measured.
const usualStart = 10 * time.Millisecond

// StartCPU is the CPU time that one arrival costs in process starts: starters
// is how many of the models start a process for each request. start is the CPU
// time that a process of this binary used on this machine until it was ready;
// machines differ fourfold in it, virtual ones most. 0: unknown. The fork, the
// namespaces and the exit are half as much again.
func StartCPU(starters int, w app.Weight, start time.Duration) time.Duration {
	each := cmp.Or(start, usualStart)*3/2 + time.Duration(w.CPUUS)*time.Microsecond + touchTime(w.MemBytes)
	return time.Duration(starters) * each
}

// AutoRate is the rate that this machine can be shown at: the least of 16 a
// second, half the machine's CPU, and half of what the prefork pool can
// serve. why is the rule that decided. startCPU is what one arrival costs in
// process starts, in all models together.
//
// The rate has two digits: none of what it is made of is known better.
func AutoRate(mean Mean, workers, cpus, models int, startCPU time.Duration) (rate float64, why string) {
	rate, why = defaultRate, RuleDefault
	least := func(r float64, rule string) {
		if r = twoDigits(r); r < rate {
			rate, why = r, rule
		}
	}
	if cost := mean.Work()*time.Duration(models) + startCPU; cost > 0 {
		least(float64(cpus)/2/cost.Seconds(), RuleCPU)
	}
	if s := mean.Service(); s > 0 && workers > 0 {
		least(float64(workers)/2/s.Seconds(), RuleWorkers)
	}
	return rate, why
}

func twoDigits(x float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 2, 64), 64)
	return r
}
