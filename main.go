// Command forklore runs four ways to serve a request, for real, side by side
// on this machine, and shows how far a failure spreads in each.
//
// Every command joins one source of figures to one consumer:
//
//	forklore         sim/live ──> ui          the lab on the screen
//	forklore run     sim/live ──> sim/report  the same without a screen
//	forklore lesson  sim/live ──> lessons     a lesson's claims, held against the machine,
//	                                          on the screen (player.go) or without (--check)
//	forklore matrix  sim/live ──> sim/matrix  every fault into every model
//
// main.go has the commands, screen.go those with a screen, settings.go what
// they are told and by whom.
//
// The same binary is also every process of the lab: a role of runtimes/... is
// entered before main, by the package's init function (see runtimes/role).
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/adrg/xdg"
	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forklore/assets"
	"forklore/lessons"
	"forklore/runtimes"
	_ "forklore/runtimes/cgi" // the roles
	"forklore/runtimes/container"
	_ "forklore/runtimes/eventloop"
	_ "forklore/runtimes/prefork"
	"forklore/runtimes/role"
	"forklore/sim"
	"forklore/sim/bench"
	"forklore/sim/fault"
	"forklore/sim/live"
	"forklore/sim/matrix"
	"forklore/sim/report"
	"forklore/sim/traffic"
)

// Exit statuses. After a signal it is 128 and the signal's number.
const (
	exitProblem  = 1 // an injection was refused, a cell of the matrix isn't as expected, or something unforeseen
	exitBadInput = 2
	exitNotAll   = 3 // a runtime could not be started
)

// status is an error with its exit status. A nil error is one of which
// everything has been said.
type status struct {
	code int
	err  error
}

func (s status) Error() string {
	if s.err == nil {
		return ""
	}
	return s.err.Error()
}

func (s status) Unwrap() error { return s.err }

// maxMessage bounds the one line, whatever was written on the command line.
const maxMessage = 1000

func badInput(format string, a ...any) error { return status{exitBadInput, fmt.Errorf(format, a...)} }

func main() { os.Exit(run()) }

func run() (code int) {
	if r := role.Current(); r != "" {
		fmt.Fprintf(os.Stderr, "forklore: FORKLORE_ROLE=%s: no such role in this binary; unset it\n", r)
		return exitBadInput
	}
	// `forklore run 2>&1 | head` ends the reader, and not the lab before it has
	// cleaned up: a write to a pipe that is closed is an error like any other
	// then. (To ignore the signal would be inherited by every CGI script.)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	defer func() {
		if p := recover(); p != nil {
			slog.Error("panic", "what", p, "stack", string(debug.Stack()))
			fmt.Fprintf(os.Stderr, "forklore: a mistake in forklore: %v (the stack is in %s)\n", p, logPath())
			code = exitProblem
		}
	}()
	err := command().Execute()
	if err == nil {
		return 0
	}
	code = exitBadInput // cobra's own errors are about what was written
	var s status
	if errors.As(err, &s) {
		code = s.code
	}
	if text := strings.TrimSpace(err.Error()); text != "" {
		if len(text) > maxMessage {
			text = text[:maxMessage] + "..."
		}
		fmt.Fprintln(os.Stderr, "forklore: "+strings.ReplaceAll(text, "\n", "; "))
	}
	return code
}

// options are what the flags say, as they were written.
type options struct {
	models, rate, arrivals, workload, weight, memory string
	restartDelay, loopListener, cgi, engine, lang    string
	container, function, theme, configFile           string
	seed                                             uint64
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

func command() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:   "forklore",
		Short: "Four ways to serve a request, for real, side by side: see how far a failure spreads",
		Long: `forklore runs CGI, prefork, an event loop and a container per call, for real,
side by side on this machine, sends all four the same requests, and shows how
far a crash or a leak spreads in each.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			o.cgiGiven = c.Flags().Changed("cgi")
			return o.settle(c)
		},
		RunE: func(c *cobra.Command, _ []string) error { return lab(o, c.Flags(), false) },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	o.register(root.PersistentFlags())
	o.screenFlags(root.Flags())

	headless := &cobra.Command{
		Use:     "run",
		Short:   "The same without a screen: prints the figures",
		Example: "  forklore run --for 10s --rate 16 --inject crash@3s --inject leak@5s:eventloop --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return withoutScreen(o, os.Stdout) },
	}
	f := headless.Flags()
	f.DurationVar(&o.runFor, "for", 10*time.Second, "how long requests arrive")
	f.StringArrayVar(&o.injections, "inject", nil, "a fault at a time, repeatable: "+fault.Syntax)
	f.BoolVar(&o.json, "json", false, "print one JSON object instead of a table")
	root.AddCommand(headless, demoCommand(o), matrixCommand(o, os.Stdout), benchCommand(os.Stdout),
		lessonCommand(o, os.Stdout), lessonsCommand(os.Stdout), notesCommand(os.Stdout))
	return root
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

// withoutScreen is the command run.
func withoutScreen(o *options, out io.Writer) error {
	cfg, err := o.config()
	if err != nil {
		return err
	}
	p := report.Plan{For: o.runFor, Timeout: cfg.Timeout}
	for _, text := range o.injections {
		in, err := fault.Parse(text, cfg.Models)
		if err != nil {
			return status{exitBadInput, err}
		}
		if in.At > o.runFor {
			return badInput("--inject %q: the run ends at %v", text, o.runFor)
		}
		p.Injections = append(p.Injections, in)
	}
	ctx, ended := untilSignal() // first: from here on a signal finds something to clean up
	defer ended()
	l, _, err := o.open()
	if err != nil {
		return err
	}
	p.Serving = func(s *sim.Snapshot) {
		for m := range sim.NModels {
			switch v := s.Model[m]; v.State {
			case sim.Off:
			case sim.Unavailable:
				fmt.Fprintf(os.Stderr, "%s: %s\n", m, v.Why)
			default:
				fmt.Fprintf(os.Stderr, "%s: http://%s/\n", m, v.Address)
			}
		}
		if why := s.Lab.Why; why != "" {
			fmt.Fprintf(os.Stderr, "no cgroups: %s\n", why)
		}
	}
	r, err := report.Do(ctx, l, p)
	closed := l.Close()
	if err == nil || r.Final != nil {
		if o.json {
			err = errors.Join(err, r.WriteJSON(out))
		} else {
			err = errors.Join(err, r.WriteTable(out))
		}
	}
	if err = errors.Join(err, closed); err != nil && ctx.Err() == nil {
		return status{exitProblem, err}
	}
	if err := signalStatus(ctx); err != nil {
		return err
	}
	for _, why := range r.Refused {
		fmt.Fprintln(os.Stderr, "forklore: refused: "+why)
	}
	for _, what := range r.Broken {
		fmt.Fprintln(os.Stderr, "forklore: a mistake in forklore: "+what)
	}
	switch {
	case r.Missing():
		return status{code: exitNotAll}
	case len(r.Refused) > 0, len(r.Broken) > 0:
		return status{code: exitProblem}
	}
	return nil
}

// matrixCommand is the command matrix.
func matrixCommand(o *options, out io.Writer) *cobra.Command {
	var only string
	var asJSON bool
	c := &cobra.Command{
		Use:   "matrix",
		Short: "Puts every fault into every model, and holds what happened against what should have",
		Long: `Puts every fault of the catalogue into every model (the container with fresh
and with warm sandboxes), and prints how far each one spread and for how long,
what was expected beside what was seen, why, and who says so. It takes some
minutes, and needs the machine for itself.`,
		Example: "  forklore matrix\n  forklore matrix --only crash,leak --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
				if f.Changed && !f.Hidden && !slices.Contains(matrixFlags, f.Name) {
					err = badInput("--%s: what is expected of the models rests on the lab's own settings; matrix takes only --%s of it",
						f.Name, strings.Join(matrixFlags, ", --"))
				}
			})
			faults := fault.Catalogue
			if err == nil && c.Flags().Changed("only") {
				if faults, err = fault.ParseNames(only); err != nil {
					err = badInput("--only %q: %w", clip(only), err)
				}
			}
			if err != nil {
				return err
			}
			return o.matrix(faults, asJSON, out)
		},
	}
	c.Flags().StringVar(&only, "only", "", "some of the faults: "+fault.Names())
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of a table")
	return c
}

// matrixFlags are those of the lab that change nothing of what is expected.
var matrixFlags = []string{"models", "seed", "engine", "port", "config"}

func (o *options) matrix(faults []fault.Kind, asJSON bool, out io.Writer) error {
	ctx, ended := untilSignal() // first: from here on a signal finds something to clean up
	defer ended()
	l, _, err := o.open()
	if err != nil {
		return err
	}
	d, err := matrix.Run(ctx, l, matrix.Options{
		Faults: faults,
		Note:   func(text string) { fmt.Fprintln(os.Stderr, "matrix: "+text) },
	})
	err = errors.Join(err, l.Close())
	switch {
	case d == nil:
	case asJSON:
		err = errors.Join(err, d.WriteJSON(out))
	default:
		err = errors.Join(err, d.WriteTable(out))
	}
	if err := signalStatus(ctx); err != nil {
		return err
	}
	switch {
	case err != nil:
		return status{exitProblem, err}
	case d.Missing():
		return status{code: exitNotAll}
	case d.Failed() > 0:
		return status{code: exitProblem}
	}
	return nil
}

// benchCommand is the command bench.
func benchCommand(out io.Writer) *cobra.Command {
	var o bench.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measures what the models and engines cost on this machine",
		Long: `Measures, in less than a minute, what it costs here to start a process or a
sandbox of each kind, what an idle one keeps, and how many requests a second
each model answers at most. It needs the machine for itself.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
				if f.Changed && f.Name != "config" {
					err = badInput("--%s: bench measures all that there is, in its own way; it takes no such flag", f.Name)
				}
			})
			if err != nil {
				return err
			}
			return measure(o, asJSON, out)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of tables")
	c.Flags().BoolVar(&o.Quick, "quick", false, "too short for figures; to see that it works")
	c.Flags().MarkHidden("quick")
	return c
}

func measure(o bench.Options, asJSON bool, out io.Writer) error {
	o.Log = openLog()
	o.Note = func(text string) { fmt.Fprintln(os.Stderr, "bench: "+text) }
	ctx, ended := untilSignal()
	defer ended()
	d, err := bench.Run(ctx, o)
	if err := signalStatus(ctx); err != nil {
		return err
	}
	switch {
	case err != nil:
		return status{exitNotAll, err}
	case asJSON:
		return d.WriteJSON(out)
	default:
		return d.WriteTable(out)
	}
}

// lessonCommand is the command lesson.
func lessonCommand(o *options, out io.Writer) *cobra.Command {
	var dir, mode string
	var check, all, control, asJSON, record bool
	c := &cobra.Command{
		Use:   "lesson [SLUG]",
		Short: "Takes you through a lesson, or, with --check, holds its claims against this machine",
		Long: `Takes you through a lesson in the lab: you predict, act, observe, and the
machine judges. Without a name it shows the list.

With --check it plays the lesson's solution without a screen, and prints each
claim, the figures that were measured, and the verdict.`,
		Example: `  forklore lesson
  forklore lesson crash
  forklore lesson crash --check
  forklore lesson --check --all
  forklore lesson crash --check --control`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := noLabFlags(c, "a lesson says itself how the lab is set up"); err != nil {
				return err
			}
			if _, err := o.screen(); err != nil {
				return err
			}
			if !check {
				for _, name := range []string{"all", "control", "json", "record"} {
					if c.Flags().Changed(name) {
						return badInput("--%s: goes with --check, which plays the solution without a screen", name)
					}
				}
				return takeLesson(o, dir, lessons.Mode(mode), strings.Join(args, ""))
			}
			if c.Flags().Changed("mode") {
				return badInput("--mode: is about a lesson on the screen; --check plays the solution without one")
			}
			if record && dir == "" {
				return badInput("--record: writes golden.json into a folder of lessons; say which with --lessons DIR")
			}
			set, err := lessons.Load(dir)
			if err != nil {
				return badInput("%w", err)
			}
			chosen := set.Lessons
			switch {
			case len(args) == 1 && all, len(args) == 0 && !all:
				return badInput("lesson: name one lesson, or write --all")
			case !all:
				one, err := set.Find(args[0])
				if err != nil {
					return badInput("%w", err)
				}
				chosen = []*lessons.Lesson{one}
			}
			return checkLessons(chosen, dir, assets.Lang(o.lang), control, asJSON, record, out)
		},
	}
	f := c.Flags()
	f.StringVar(&mode, "mode", string(lessons.Self), "self; workshop: with a leader; demo: on a stage, without hints, recall and progress")
	f.BoolVar(&check, "check", false, "play the solution, and judge each claim by what is measured")
	f.BoolVar(&all, "all", false, "all lessons, one after the other")
	f.BoolVar(&control, "control", false, "leave the actions out: then every check has to fail")
	f.BoolVar(&asJSON, "json", false, "print a JSON object for each lesson")
	f.BoolVar(&record, "record", false, "keep the figures in the lesson's golden.json (with --lessons)")
	f.StringVar(&dir, "lessons", "", "a folder of lessons of your own")
	o.screenFlags(f)
	f.MarkHidden("tour") // a lesson says itself what there is to see
	return c
}

// noLabFlags refuses the lab's own flags where they would have no effect.
func noLabFlags(c *cobra.Command, why string) (err error) {
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			err = badInput("--%s: %s", f.Name, why)
		}
	})
	return err
}

// checkLessons plays lessons without a screen.
func checkLessons(chosen []*lessons.Lesson, dir, lang string, control, asJSON, record bool, out io.Writer) error {
	ctx, ended := untilSignal()
	defer ended()
	here := thisMachine()
	var failed, missing []string
	for _, l := range chosen {
		if why := l.Missing(here); why != "" {
			missing = append(missing, l.ID)
			fmt.Fprintf(os.Stderr, "lesson %s: can't be held against this machine: %s\n", l.ID, why)
			continue
		}
		r, err := lessons.Play(ctx, l, control, openSetup)
		switch {
		case err != nil && ctx.Err() == nil:
			return status{exitNotAll, fmt.Errorf("lesson %s: %w", l.ID, err)}
		case r == nil:
		case asJSON:
			err = r.WriteJSON(out)
		default:
			err = r.Write(out, lang)
		}
		if err := signalStatus(ctx); err != nil {
			return err
		}
		if err != nil {
			return status{exitProblem, err}
		}
		if !r.Good() {
			failed = append(failed, l.ID)
		}
		if record && r.Good() && !control {
			golden, err := r.Record(time.Now())
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, l.Folder, "golden.json"), golden, 0o644)
			}
			if err != nil {
				return status{exitProblem, err}
			}
		}
	}
	switch {
	case len(failed) > 0:
		return status{exitProblem, fmt.Errorf("not as it should be: %s", strings.Join(failed, ", "))}
	case len(missing) > 0:
		return status{code: exitNotAll}
	}
	return nil
}

// openSetup starts the lab that a lesson describes, by the names of the flags.
func openSetup(_ context.Context, setup lessons.Setup) (sim.Source, error) {
	o := &options{}
	f := pflag.NewFlagSet("lesson", pflag.ContinueOnError)
	o.register(f)
	for name, value := range setup.Flags() {
		if err := f.Set(name, value); err != nil {
			return nil, badInput("--%s: %w", name, err)
		}
	}
	l, _, err := o.open()
	if err != nil {
		return nil, err
	}
	return l, nil
}

// maxDescriptors is the limit of open files that this program may have.
func maxDescriptors() int64 {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) != nil {
		return 0
	}
	return int64(min(lim.Max, 1<<62))
}

// lessonsCommand is the command lessons: for who writes them, and who takes them.
func lessonsCommand(out io.Writer) *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "lessons", Short: "Lists lessons, checks and lays their files, keeps your progress", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return listLessons(dir, out) }}
	c.PersistentFlags().StringVar(&dir, "lessons", "", "a folder of lessons of your own")
	list := &cobra.Command{Use: "list", Short: "What there is, and how far you have come", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return listLessons(dir, out) }}

	var release, stamp bool
	lint := &cobra.Command{Use: "lint [DIR]", Short: "Everything that is wrong with the lessons, as file:line: message", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if stamp {
				if dir == "" {
					return badInput("--stamp: changes the texts of a folder of lessons; say which with --lessons DIR")
				}
				changed, err := lessons.Stamp(dir, args...)
				if err != nil {
					return badInput("%w", err)
				}
				fmt.Fprintf(out, "stamped: %s\n", cmp.Or(strings.Join(changed, ", "), "nothing; all were up to date"))
				return nil
			}
			if len(args) > 1 || len(args) == 1 && dir != "" {
				return badInput("lint: one folder, not %d", len(args)+1)
			}
			folder := dir
			if len(args) == 1 {
				folder = args[0]
			}
			found, err := lessons.Lint(folder, lessons.LintOptions{Release: release})
			if err != nil {
				return badInput("%w", err)
			}
			for _, f := range found {
				fmt.Fprintln(out, f)
			}
			if n := lessons.Errors(found); n > 0 {
				return status{exitProblem, fmt.Errorf("%d mistakes in the lessons", n)}
			}
			return nil
		}}
	lint.Flags().BoolVar(&release, "release", false, "a translation that is older than its source is a mistake too")
	lint.Flags().BoolVar(&stamp, "stamp", false, "note that the Japanese has been read against the English: of all lessons, or of those named")

	fresh := &cobra.Command{Use: "new SLUG", Short: "Lays the files of a new lesson, a small one that works", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			folder, err := lessons.New(cmp.Or(dir, "."), args[0])
			if err != nil {
				return badInput("%w", err)
			}
			fmt.Fprintf(out, "%s: forklore lessons lint %s\n", folder, cmp.Or(dir, "."))
			return nil
		}}
	c.AddCommand(list, lint, fresh, progressCommand(out))
	return c
}

func listLessons(dir string, out io.Writer) error {
	set, err := lessons.Load(dir)
	if err != nil {
		return badInput("%w", err)
	}
	p, err := lessons.DefaultStore().Load()
	if err != nil {
		fmt.Fprintln(os.Stderr, "forklore: "+err.Error())
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, l := range set.Lessons {
		fmt.Fprintf(t, "%2d\t%s\t%d min\t%s\t%s\t%s\n", l.Order, l.ID, l.DurationMin, l.Status, p.State(l.ID), l.Title(assets.Lang("")))
	}
	return t.Flush()
}

// progressCommand shows, keeps and resets what the learner has done.
func progressCommand(out io.Writer) *cobra.Command {
	store := lessons.DefaultStore
	c := &cobra.Command{Use: "progress", Short: "Exports, imports or resets your progress", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := store().Load()
			if err != nil {
				fmt.Fprintln(os.Stderr, "forklore: "+err.Error())
			}
			return p.Write(out)
		}}
	export := &cobra.Command{Use: "export FILE", Short: "Writes it to a file", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := store().Load()
			if err != nil {
				return status{exitProblem, err}
			}
			var b bytes.Buffer
			if err = p.Write(&b); err == nil {
				err = os.WriteFile(args[0], b.Bytes(), 0o600)
			}
			if err != nil {
				return status{exitProblem, err}
			}
			return nil
		}}
	load := &cobra.Command{Use: "import FILE", Short: "Takes in what a file has; what you have solved stays solved", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return badInput("%w", err)
			}
			other, err := lessons.ParseProgress(data)
			if err != nil {
				return badInput("%s: %w", args[0], err)
			}
			return store().Update(func(p *lessons.Progress) { p.Merge(other) })
		}}
	var all bool
	reset := &cobra.Command{Use: "reset [SLUG]", Short: "Forgets one lesson, or --all", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if (len(args) == 1) == all {
				return badInput("reset: name one lesson, or write --all")
			}
			return store().Update(func(p *lessons.Progress) { p.Reset(strings.Join(args, "")) })
		}}
	reset.Flags().BoolVar(&all, "all", false, "all lessons")
	c.AddCommand(export, load, reset)
	return c
}

// notesCommand is the command notes: what a presenter has in a second terminal.
func notesCommand(out *os.File) *cobra.Command {
	return &cobra.Command{Use: "notes", Short: "Follows a lesson in a second terminal: notes, the next step, the time that is left", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := noLabFlags(c, "notes follows a lab that runs; it starts none"); err != nil {
				return err
			}
			ctx, ended := untilSignal()
			defer ended()
			dir, err := lessons.NotesDir()
			if err != nil {
				return status{exitProblem, err}
			}
			conn, err := lessons.DialNotes(dir)
			if err != nil {
				return badInput("%w", err)
			}
			defer conn.Close()
			err = lessons.Follow(ctx, conn, out, func() (w, h int) {
				if w, h, err = term.GetSize(out.Fd()); err != nil {
					return 80, 24
				}
				return w, h
			})
			if err := signalStatus(ctx); err != nil {
				return err
			}
			if err != nil {
				return status{exitProblem, err}
			}
			return nil
		}}
}

// untilSignal is a context that a signal ends; its cause is the signal.
func untilSignal() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-ch:
			cancel(signalled{s.(syscall.Signal)})
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(ch); close(done); cancel(nil) }
}

type signalled struct{ syscall.Signal }

func (s signalled) Error() string { return s.Signal.String() }

// signalStatus is the exit status if a signal ended the context.
func signalStatus(ctx context.Context) error {
	var s signalled
	if errors.As(context.Cause(ctx), &s) {
		return status{code: 128 + int(s.Signal)}
	}
	return nil
}

// maxLog is the size at which the log is begun anew; the old one is kept once
// from run to run. Within a run it is looked at this often.
const (
	maxLog   = 4 << 20
	lookAtIt = 10 * time.Second
)

// stateFolder is under the user's own, "" if the user has no home.
func stateFolder() string {
	if os.Getenv("HOME") == "" && os.Getenv("XDG_STATE_HOME") == "" {
		return ""
	}
	return filepath.Join(xdg.StateHome, "forklore")
}

func logPath() string {
	folder := stateFolder()
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "forklore.log")
}

// openLog sends the log to a file under the user's state folder, where the
// roles also write. Without such a file there is no log: the lab works all the
// same.
func openLog() *os.File {
	path := logPath()
	if path == "" {
		slog.SetDefault(slog.New(slog.DiscardHandler))
		return nil
	}
	os.MkdirAll(filepath.Dir(path), 0o700)
	if st, err := os.Stat(path); err == nil && st.Size() > maxLog {
		os.Rename(path, path+".1")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		slog.SetDefault(slog.New(slog.DiscardHandler))
		return nil
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(f, nil)))
	go func() { // ends with the program
		for range time.Tick(lookAtIt) {
			// Every writer appends (open(2), O_APPEND), the roles too, so it can
			// be cut under their hands.
			if st, err := f.Stat(); err == nil && st.Size() > maxLog && f.Truncate(0) == nil {
				slog.Warn("the log was full, and is begun anew", "bytes", st.Size())
			}
		}
	}()
	return f
}
