package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"forklore/runtimes"
	"forklore/runtimes/container"
	"forklore/sim"
	"forklore/sim/live"
	"forklore/sim/traffic"
)

// The bounds of what the flags take.
const (
	maxWorkers  = 256
	maxCalls    = 1024
	maxQueue    = 100_000
	maxFor      = 24 * time.Hour
	maxRequests = 1 << 30
)

// config turns what was written into what is run, or says what is wrong.
func (o *options) config() (live.Config, error) {
	cfg, err := o.read()
	return cfg, o.placed(err)
}

func (o *options) read() (cfg live.Config, err error) {
	for name := range strings.SplitSeq(o.models, ",") {
		m, ok := sim.ParseModel(strings.TrimSpace(name))
		if !ok {
			return cfg, badInput("--models %q: unknown model %q; the models are cgi, prefork, eventloop, container", o.models, name)
		}
		cfg.Models = cfg.Models.With(m)
	}
	if o.rate != "auto" {
		if cfg.RatePerS, err = strconv.ParseFloat(o.rate, 64); err != nil || !(cfg.RatePerS >= sim.MinRate && cfg.RatePerS <= sim.MaxRate) {
			return cfg, badInput("--rate %q: must be auto or a number from %v to %v", o.rate, sim.MinRate, sim.MaxRate)
		}
	}
	switch o.arrivals {
	case "poisson", "even":
		cfg.Even = o.arrivals == "even"
	default:
		return cfg, badInput("--arrivals %q: must be poisson or even", o.arrivals)
	}
	if cfg.Workload, err = traffic.ParseWorkload(o.workload); err != nil {
		return cfg, badInput("--workload: %w", err)
	}
	if cfg.Spec.Weight, err = traffic.ParseWeight(o.weight); err != nil {
		return cfg, badInput("--weight: %w", err)
	}
	if cfg.Spec.MemoryBytes, err = traffic.ParseSize(o.memory); err != nil {
		return cfg, badInput("--memory %q: %w", o.memory, err)
	}
	for _, b := range []struct {
		flag       string
		value      int64
		least, top int64
	}{
		{"pids", o.pids, 1, 1 << 22},
		{"workers", int64(o.workers), 1, maxWorkers},
		{"max-requests", int64(o.maxRequests), 0, maxRequests},
		{"max-calls", int64(o.maxCalls), 1, maxCalls},
		{"queue", int64(o.queue), 0, maxQueue},
		{"pool", int64(o.pool), 1, maxCalls},
		{"concurrency", int64(o.concurrency), 0, maxCalls},
		{"port", int64(o.port), 0, 65532},
	} {
		if b.value < b.least || b.value > b.top {
			return cfg, badInput("--%s %d: must be from %d to %d", b.flag, b.value, b.least, b.top)
		}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
		least time.Duration
		top   time.Duration
	}{
		{"timeout", o.timeout, 0, time.Hour},
		{"call-timeout", o.callTimeout, 10 * time.Millisecond, time.Hour},
		{"idle", o.idle, 10 * time.Millisecond, time.Hour},
		{"for", o.runFor, 0, maxFor},
	} {
		if d.value < d.least || d.value > d.top {
			return cfg, badInput("--%s %v: must be from %v to %v", d.flag, d.value, d.least, d.top)
		}
	}
	if o.restartDelay == "never" {
		cfg.Spec.NeverRestart = true
	} else if cfg.Spec.RestartDelay, err = time.ParseDuration(o.restartDelay); err != nil || cfg.Spec.RestartDelay < 0 || cfg.Spec.RestartDelay > time.Hour {
		return cfg, badInput("--restart-delay %q: must be never or a duration from 0s to 1h", o.restartDelay)
	}
	switch o.loopListener {
	case "own", "supervisor":
		cfg.Spec.SharedListener = o.loopListener == "supervisor"
	default:
		return cfg, badInput("--loop-listener %q: must be own or supervisor", o.loopListener)
	}
	if o.timeout > 0 && o.timeout < time.Millisecond {
		return cfg, badInput("--timeout %v: must be 0 for none, or at least 1ms", o.timeout)
	}
	if o.cgi != "" || o.cgiGiven {
		if cfg.Spec.Script, err = executable(o.cgi); err != nil {
			return cfg, badInput("--cgi %w", err)
		}
		if !cfg.Models.Has(sim.CGI) {
			return cfg, badInput("--cgi %s: the cgi model is not part of this run (--models %s)", o.cgi, o.models)
		}
	}
	if _, err := runtimes.EnginePath(o.engine); err != nil {
		return cfg, badInput("--%w", err)
	}
	if o.engine != runtimes.NativeEngine && !cfg.Models.Has(sim.Container) {
		return cfg, badInput("--engine %s: the container model is not part of this run (--models %s)", o.engine, o.models)
	}
	if o.function != "" {
		if cfg.Spec.Function, err = container.CheckFunction(o.function); err != nil {
			return cfg, badInput("--function %w", err)
		}
		if !cfg.Models.Has(sim.Container) {
			return cfg, badInput("--function %s: the container model is not part of this run (--models %s)", o.function, o.models)
		}
	}
	if o.container != runtimes.Fresh && !cfg.Models.Has(sim.Container) {
		return cfg, badInput("--container %s: the container model is not part of this run (--models %s)", o.container, o.models)
	}
	cfg.Spec.Engine, cfg.Spec.Mode = o.engine, o.container
	if err := cfg.Spec.CheckMode(o.container); err != nil {
		return cfg, badInput("--%w", err)
	}
	cfg.Spec.Pool, cfg.Spec.Idle, cfg.Spec.Concurrency = o.pool, o.idle, o.concurrency
	cfg.Spec.Pids, cfg.Spec.Workers, cfg.Spec.MaxRequests = o.pids, o.workers, o.maxRequests
	cfg.Spec.MaxCalls, cfg.Spec.Queue, cfg.Spec.Port = o.maxCalls, o.queue, o.port
	cfg.Spec.CallTimeout, cfg.Spec.CallBytes = o.callTimeout, cfg.Workload.Mean().MemBytes
	for _, pair := range o.miswire {
		from, to, _ := strings.Cut(pair, "=")
		a, ok1 := sim.ParseModel(from)
		b, ok2 := sim.ParseModel(to)
		if !ok1 || !ok2 {
			return cfg, badInput("--miswire %q: must be model=model", pair)
		}
		if cfg.Miswire == nil {
			cfg.Miswire = map[sim.Model]sim.Model{}
		}
		cfg.Miswire[a] = b
	}
	cfg.Seed, cfg.Timeout, cfg.KeepAlive, cfg.WeightName = o.seed, o.timeout, o.keepAlive, o.weight
	var names []string
	for m := range sim.NModels {
		if cfg.Models.Has(m) {
			names = append(names, m.String())
		}
	}
	if err := cfg.Spec.Check(names); err != nil {
		return cfg, badInput("%w", err)
	}
	return cfg, nil
}

// clip keeps a message to a line that can be read.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "..."
	}
	return s
}

// executable checks that a program could be run.
func executable(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%q: no such file", clip(path))
	case err != nil:
		return "", fmt.Errorf("%q: %w", clip(path), errors.Unwrap(err))
	case !st.Mode().IsRegular():
		return "", fmt.Errorf("%q: not a file", clip(path))
	case st.Mode().Perm()&0o111 == 0:
		return "", fmt.Errorf("%q: not executable (chmod +x makes it so)", clip(path))
	}
	return abs, nil
}

// open starts the lab that the flags describe.
func (o *options) open() (*live.Lab, live.Config, error) {
	cfg, err := o.config()
	if err != nil {
		return nil, cfg, err
	}
	cfg.Spec.Log = openLog()
	l, err := live.Open(cfg)
	switch {
	case errors.Is(err, runtimes.ErrPort):
		return nil, cfg, badInput("%w", err)
	case err != nil:
		return nil, cfg, status{exitNotAll, err}
	}
	return l, cfg, nil
}
