package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"forklore/assets"
	"forklore/sim"
	"forklore/sim/trace"
	"forklore/ui"
)

// Recordings: forklore replay FILE, forklore demo, and the keys v and p.
//
//	forklore replay  sim/trace ──> ui              a recording on the screen
//	v                ui ──> sim/trace              what is shown, into a file
//	run --record     sim/live ──> sim/trace ──> sim/report

// replayCommand is the command replay.
func replayCommand(o *options) *cobra.Command {
	c := &cobra.Command{
		Use:   "replay [FILE]",
		Short: "A recording on the screen: one of yours, or the one that forklore brings along",
		Long: `Shows a recording: what v made of the lab on the screen, or run --record
without one. Space stops it and lets it go on, left and right go 5 s (one moment
if it stands still), [ and ] to the incident before and after, PgDn and PgUp to
the steps of the live script. It needs no Linux and no rights: nothing runs.

Without a name it is the recording of the live script that forklore brings along.`,
		Example: "  forklore replay\n  forklore replay forklore-20261128-120000.jsonl.gz",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := noLabFlags(c, "nothing is run: what is shown has been recorded"); err != nil {
				return err
			}
			opt, err := o.screen()
			if err != nil {
				return err
			}
			return replay(opt, args)
		},
	}
	o.screenFlags(c.Flags())
	c.Flags().MarkHidden("tour") // its captions are about keys that do nothing here
	return c
}

// replay shows a recording until the user quits.
func replay(opt ui.Options, file []string) error {
	var src *trace.Replay
	var err error
	if len(file) == 1 {
		src, err = openRecording(file[0])
	} else {
		src, err = shipped(trace.Options{Stops: opt.Stage})
	}
	if err != nil {
		return badInput("%w", err)
	}
	defer src.Close()
	if noTerminal() {
		return badInput("standard input or output is no terminal; zcat shows what a recording has in it")
	}
	ctx, ended := untilSignal()
	defer ended()
	return shown(ctx, ui.Run(ctx, src, opt))
}

// openRecording is a file's, played.
func openRecording(path string) (*trace.Replay, error) {
	st, err := os.Stat(path) // first: to open a FIFO waits for who writes into it
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return played(path, f, trace.Options{})
}

// shipped is the recording that forklore brings along, played.
func shipped(o trace.Options) (*trace.Replay, error) {
	return played("the recording of this forklore", bytes.NewReader(assets.Recording()), o)
}

func played(name string, r io.Reader, o trace.Options) (*trace.Replay, error) {
	t, err := trace.Read(r)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	return trace.Play(t, o), nil
}

// parachute is what p puts in the place of a lab.
func parachute(step string) (sim.Source, error) {
	src, err := shipped(trace.Options{Stops: true, From: step})
	if err != nil {
		return nil, err // not a nil *trace.Replay in a sim.Source
	}
	return src, nil
}

// recordIn is what v writes into: a new file in the current folder, or in the first
// of these that can be written.
func recordIn(folders []string) func() (ui.Recorder, error) {
	return func() (ui.Recorder, error) {
		name := "forklore-" + time.Now().Format("20060102-150405")
		return ui.InFirst(folders, func(folder string) (ui.Recorder, error) {
			path := filepath.Join(folder, name)
			r, err := trace.Create(path + ".jsonl.gz")
			for n := 2; errors.Is(err, fs.ErrExist) && n < 10; n++ { // of the same second
				r, err = trace.Create(fmt.Sprintf("%s-%d.jsonl.gz", path, n))
			}
			if err != nil {
				return nil, err // not a nil *trace.Recorder in a ui.Recorder
			}
			return r, nil
		})
	}
}

// shown is the exit status of a screen that has ended.
func shown(ctx context.Context, err error) error {
	if err := signalStatus(ctx); err != nil {
		return err
	}
	if err != nil {
		return status{exitProblem, err}
	}
	return nil
}
