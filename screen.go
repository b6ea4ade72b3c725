package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"forklore/ui"
)

// The lab on the screen: the command without a name, and demo --live.

// demoCommand is the command demo.
func demoCommand(o *options) *cobra.Command {
	var onStage bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "The lab on a stage: PgDn walks a script of five minutes",
		Long: `Walks a script of five minutes on the lab itself, with a clicker: PgDn does the
next step (calm, no traffic, a crash, a leak, a heavier application), PgUp goes
back to the words of the one before, b blanks the screen.`,
		Example: "  forklore demo --live\n  forklore demo --live --theme projector --lang ja",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !onStage {
				return badInput("demo: a recording to show comes with a later version; forklore demo --live walks the script on the real lab")
			}
			return lab(o, true)
		},
	}
	c.Flags().BoolVar(&onStage, "live", false, "on the real lab, not on a recording")
	o.screenFlags(c.Flags())
	return c
}

// lab is the screen.
func lab(o *options, stage bool) error {
	if o.lang != "" && o.lang != "en" && o.lang != "ja" {
		return o.placed(badInput("--lang %q: must be en or ja", clip(o.lang)))
	}
	if o.theme != "" && !slices.Contains(ui.Themes, o.theme) {
		return o.placed(badInput("--theme %q: must be one of %s", clip(o.theme), strings.Join(ui.Themes, ", ")))
	}
	if _, err := o.config(); err != nil {
		return err // rather this than that there is no terminal
	}
	if !isatty.IsTerminal(os.Stdout.Fd()) || !isatty.IsTerminal(os.Stdin.Fd()) {
		return badInput("standard input or output is no terminal; without a screen: forklore run --for 10s --rate 16 --inject crash@3s")
	}
	ctx, ended := untilSignal() // first: from here on a signal finds something to clean up
	defer ended()
	l, _, err := o.open()
	if err != nil {
		return err
	}
	opt := ui.Options{
		Lang: o.lang, Theme: o.theme, ASCII: o.ascii, Stage: stage,
		Tour:     !stage && (o.tour || firstTime()),
		Remember: o.remember,
	}
	if folder := stateFolder(); folder != "" {
		opt.Folders = []string{folder}
	}
	err = errors.Join(ui.Run(ctx, l, opt), l.Close())
	if err := signalStatus(ctx); err != nil {
		return err
	}
	if err != nil {
		return status{exitProblem, err}
	}
	return nil
}

// firstTime reports whether this user has never seen the screen, and notes that
// now he does. Where that can't be noted, it isn't: a tour at each start would
// be in the way.
func firstTime() bool {
	folder := stateFolder()
	if folder == "" || os.MkdirAll(folder, 0o700) != nil {
		return false
	}
	f, err := os.OpenFile(filepath.Join(folder, "toured"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
