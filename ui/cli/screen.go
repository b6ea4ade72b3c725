package cli

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forklore/lessons"
	"forklore/sim"
	"forklore/ui"
)

// The lab on the screen: the command without a name, demo --live, and lesson.

// demoCommand is the command demo.
func demoCommand(o *options) *cobra.Command {
	var onStage bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "A stage: PgDn walks a script of five minutes, on a recording or on the lab itself",
		Long: `Walks a script of five minutes with a clicker: PgDn does the next step (calm,
no traffic, a crash, a leak, a heavier application), PgUp goes back to the one
before, b blanks the screen. With --live on the lab itself, where p, the
parachute, goes on with the recording; else on the recording alone, which needs
no Linux and no rights.`,
		Example: "  forklore demo\n  forklore demo --live\n  forklore demo --live --theme projector --lang ja",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if onStage {
				return lab(o, c.Flags(), true)
			}
			if err := noLabFlags(c, "it is about the lab: write --live, too"); err != nil {
				return err
			}
			opt, err := o.screen()
			if err != nil {
				return err
			}
			opt.Stage = true
			return replay(opt, nil)
		},
	}
	c.Flags().BoolVar(&onStage, "live", false, "on the real lab, not on a recording")
	o.screenFlags(c.Flags())
	return c
}

// screen is what the flags tell the screen.
func (o *options) screen() (ui.Options, error) {
	if o.lang != "" && o.lang != "en" && o.lang != "ja" {
		return ui.Options{}, o.placed(badInput("--lang %q: must be en or ja", clip(o.lang)))
	}
	if o.theme != "" && !slices.Contains(ui.Themes, o.theme) {
		return ui.Options{}, o.placed(badInput("--theme %q: must be one of %s", clip(o.theme), strings.Join(ui.Themes, ", ")))
	}
	opt := ui.Options{Lang: o.lang, Theme: o.theme, ASCII: o.ascii, Remember: o.remember}
	if folder := stateFolder(); folder != "" {
		opt.Folders = []string{folder}
	}
	return opt, nil
}

// noTerminal: there is nothing to draw on, or nobody to press keys.
func noTerminal() bool {
	return !isatty.IsTerminal(os.Stdout.Fd()) || !isatty.IsTerminal(os.Stdin.Fd())
}

// lab is the screen.
func lab(o *options, flags *pflag.FlagSet, stage bool) error {
	opt, err := o.screen()
	if err != nil {
		return err
	}
	if _, err := o.config(); err != nil {
		return err // rather this than that there is no terminal
	}
	if o.lessons != "" {
		if _, err := lessons.Load(o.lessons); err != nil {
			return o.placed(badInput("%w", err))
		}
	}
	if noTerminal() {
		return badInput("standard input or output is no terminal; without a screen: forklore run --for 10s --rate 16 --inject crash@3s")
	}
	ctx, ended := untilSignal() // first: from here on a signal finds something to clean up
	defer ended()
	l, _, err := o.open()
	if err != nil {
		return err
	}
	opt.Stage, opt.Tour = stage, !stage && (o.tour || firstTime())
	mode := lessons.Self
	if stage {
		mode = lessons.Demo
	}
	return onScreen(ctx, newPlayer(o.lessons, mode, l, valuesOf(flags)), l, opt)
}

// onScreen shows a lab, and its lessons, until the user quits.
func onScreen(ctx context.Context, p *player, l sim.Source, opt ui.Options) error {
	opt.Player = p
	opt.Record, opt.Parachute = recordIn(opt.Folders), parachute
	return shown(ctx, errors.Join(ui.Run(ctx, l, opt), p.Close()))
}

// takeLesson is a lesson on the screen, from its recording where the machine lacks
// what it needs; the list of them all without a name, or if it can't be taken.
func takeLesson(o *options, mode lessons.Mode, draw uint64, id string) error {
	switch mode {
	case lessons.Self, lessons.Workshop, lessons.Demo:
	default:
		return badInput("--mode %q: must be self, workshop or demo", clip(string(mode)))
	}
	opt, err := o.screen()
	if err != nil {
		return err
	}
	p := newPlayer(o.lessons, mode, nil, nil)
	p.draw = draw
	if err := p.load(); err != nil {
		return badInput("%w", err)
	}
	opt.List, opt.At = true, id
	var setup lessons.Setup
	if id != "" {
		one, err := p.set.Find(id)
		if err != nil {
			return badInput("%w", err)
		}
		if opt.At = one.ID; p.missing(one) == "" {
			opt.List = false
			if one.Missing(p.here) == "" { // else it is told from a recording, beside any lab
				setup = one.Setup
			}
		}
	}
	if noTerminal() {
		return badInput("standard input or output is no terminal; without a screen: forklore lesson %s --check", cmp.Or(opt.At, "--all"))
	}
	ctx, ended := untilSignal() // first: from here on a signal finds something to clean up
	defer ended()
	src, err := openSetup(ctx, setup)
	if err != nil {
		return err
	}
	p.src, p.running = src, flagsOf(setup)
	if !opt.List {
		if _, err := p.Choose(opt.At); err != nil {
			return errors.Join(err, p.Close())
		}
	}
	return onScreen(ctx, p, src, opt)
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
