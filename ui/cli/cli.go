// Package cli is the command line, the outermost of the user interfaces: every
// command joins one source of figures to one consumer.
//
//	forklore         sim/live ──> ui          the lab on the screen
//	forklore run     sim/live ──> sim/report  the same without a screen
//	forklore lesson  sim/live ──> lessons     a lesson's claims, held against the machine,
//	                                          on the screen (player.go) or without (--check)
//	forklore matrix  sim/live ──> sim/matrix  every fault into every model
//	forklore bench   runtimes ──> sim/bench   what they cost here
//
// flags.go and settings.go are what the commands are told, lab.go what becomes
// of it, status.go how they end; the other files are a command each.
//
// It is the one room besides main that knows all others; none may import it.
// May not enter: what could be of use to two commands' rooms below.
package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	_ "forklore/runtimes/cgi" // the roles
	_ "forklore/runtimes/container"
	_ "forklore/runtimes/eventloop"
	_ "forklore/runtimes/prefork"
	"forklore/runtimes/role"
	"forklore/sim/fault"
)

// Run carries out what the command line says, and returns the exit status.
func Run() (code int) {
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
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("record") && o.record == "" {
				return badInput("--record: a new file's name is missing")
			}
			return withoutScreen(o, os.Stdout)
		},
	}
	f := headless.Flags()
	f.DurationVar(&o.runFor, "for", 10*time.Second, "how long requests arrive")
	f.StringArrayVar(&o.injections, "inject", nil, "a fault at a time, repeatable: "+fault.Syntax)
	f.BoolVar(&o.json, "json", false, "print one JSON object instead of a table")
	f.StringVar(&o.record, "record", "", "record the run into this new file; forklore replay shows it")
	root.AddCommand(headless, demoCommand(o), matrixCommand(o, os.Stdout), benchCommand(os.Stdout),
		lessonCommand(o, os.Stdout), lessonsCommand(os.Stdout), notesCommand(os.Stdout), replayCommand(o))
	return root
}
