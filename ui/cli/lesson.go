package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forklore/assets"
	"forklore/lessons"
	"forklore/runtimes/cage"
	"forklore/sim"
)

// lessonCommand is the command lesson.
func lessonCommand(o *options, out io.Writer) *cobra.Command {
	var mode string
	var check, all, control, asJSON, record bool
	var draw uint64
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
				return takeLesson(o, lessons.Mode(mode), draw, strings.Join(args, ""))
			}
			if c.Flags().Changed("mode") {
				return badInput("--mode: is about a lesson on the screen; --check plays the solution without one")
			}
			if record && !c.Flags().Changed("lessons") {
				return badInput("--record: writes golden.json into a folder of lessons; say which with --lessons DIR")
			}
			set, err := lessons.Load(o.lessons)
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
			return checkLessons(chosen, o.lessons, assets.Lang(o.lang), lessons.Options{Control: control, Draw: draw}, asJSON, record, out)
		},
	}
	f := c.Flags()
	f.StringVar(&mode, "mode", string(lessons.Self), "self; workshop: with a leader; demo: on a stage, without hints, recall and progress")
	f.BoolVar(&check, "check", false, "play the solution, and judge each claim by what is measured")
	f.BoolVar(&all, "all", false, "all lessons, one after the other")
	f.BoolVar(&control, "control", false, "leave the actions out: then every check has to fail")
	f.Uint64Var(&draw, "draw", 0, "what a lesson's secret fault is drawn by: the same number, the same fault; 0: by chance, each time anew")
	f.BoolVar(&asJSON, "json", false, "print a JSON object for each lesson")
	f.BoolVar(&record, "record", false, "keep the figures in the lesson's golden.json (with --lessons)")
	o.screenFlags(f)
	f.MarkHidden("tour") // a lesson says itself what there is to see
	return c
}

// noLabFlags refuses the lab's own flags where they would have no effect.
func noLabFlags(c *cobra.Command, why string) (err error) {
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed && f.Name != "config" { // it is the screen's, too
			err = badInput("--%s: %s", f.Name, why)
		}
	})
	return err
}

// checkLessons plays lessons without a screen.
func checkLessons(chosen []*lessons.Lesson, dir, lang string, how lessons.Options, asJSON, record bool, out io.Writer) error {
	ctx, ended := untilSignal()
	defer ended()
	here := thisMachine(cage.Usable() == nil)
	var failed, missing []string
	for _, l := range chosen {
		if why := l.Missing(here); why != "" {
			missing = append(missing, l.ID)
			fmt.Fprintf(os.Stderr, "lesson %s: can't be held against this machine: %s\n", l.ID, why)
			continue
		}
		r, err := lessons.Play(ctx, l, how, openSetup)
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
		if record && r.Good() && !how.Control {
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
