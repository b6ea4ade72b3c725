package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"forklore/assets"
	"forklore/lessons"
)

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
