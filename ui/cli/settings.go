package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"forklore/ui/config"
)

// Settings come from the command line, else from the user's file, else from
// here. Every flag of the lab can stand in the file, by its name.

// screenFlags are what only the screen can be told.
func (o *options) screenFlags(f *pflag.FlagSet) {
	f.StringVar(&o.lang, "lang", "", "language of the screen, en or ja (default: the locale's)")
	f.StringVar(&o.theme, "theme", "", "colours of the screen: terminal, dark, light, mono, projector")
	f.BoolVar(&o.ascii, "ascii", false, "nothing beyond ASCII on the screen (in English)")
	f.StringVar(&o.lessons, "lessons", "", "a folder of lessons of your own, in place of those that come with the program")
	f.BoolVar(&o.tour, "tour", false, "the captions that the first start has")
}

// settle takes the file's settings in, as far as the command knows them and the
// command line doesn't say otherwise.
func (o *options) settle(c *cobra.Command) error {
	path := o.configFile
	if path == "" {
		path = config.Path()
	}
	if path == "" {
		return nil
	}
	entries, err := config.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.configFile == "":
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return badInput("--config %q: no such file", clip(path))
	case err != nil:
		return badInput("%w", err)
	}
	o.placeOf = map[string]string{}
	for _, e := range entries {
		if f := settable(c.Root(), e.Name); f == nil {
			return badInput("%s: unknown name %q; %s", e.Place, clip(e.Name), nearest(c.Root(), e.Name))
		}
		f := c.Flags().Lookup(e.Name)
		if f == nil || f.Changed || !heeds(c, e.Name) {
			continue
		}
		if err := f.Value.Set(e.Value); err != nil {
			return badInput("%s: %s %q: must be %s", e.Place, e.Name, clip(e.Value), kinds[f.Value.Type()])
		}
		o.placeOf[e.Name] = e.Place
	}
	return nil
}

// kinds are what a flag of a type takes, for an error.
var kinds = map[string]string{
	"bool": "true or false", "duration": "a duration, as in \"10s\" or \"250ms\"",
	"int": "a whole number", "int64": "a whole number", "uint64": "a whole number from 0 on",
}

// heeds: bench measures in its own way, matrix in the lab's own settings, and who
// writes lessons says where.
func heeds(c *cobra.Command, name string) bool {
	switch {
	case c.Name() == "bench":
		return false
	case name == "lessons" && strings.Contains(c.CommandPath()+" ", " lessons "):
		return false
	case c.Name() == "matrix":
		return slices.Contains(matrixFlags, name)
	}
	return true
}

// settable is the flag of the lab with that name, nil if there is none.
func settable(root *cobra.Command, name string) *pflag.Flag {
	f := root.Flags().Lookup(name)
	if f == nil {
		f = root.PersistentFlags().Lookup(name)
	}
	if f == nil || f.Hidden || slices.Contains([]string{"config", "help", "version"}, name) {
		return nil
	}
	return f
}

// nearest says what may have been meant.
func nearest(root *cobra.Command, name string) string {
	best, least := "", 3
	visit := func(f *pflag.Flag) {
		if d := edits(f.Name, name); d < least && settable(root, f.Name) != nil {
			best, least = f.Name, d
		}
	}
	root.Flags().VisitAll(visit)
	root.PersistentFlags().VisitAll(visit)
	if best != "" {
		return fmt.Sprintf("is it %s? The names are those of the flags, forklore --help lists them", best)
	}
	return "the names are those of the flags, forklore --help lists them"
}

// edits is how many letters have to be changed, put in or left out to make b
// out of a (Levenshtein's distance).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// aboutFlag finds the flag that a message is about.
var aboutFlag = regexp.MustCompile(`^(?:--)?([a-z-]+)`)

// placed says of what is wrong with a setting of the file where it stands.
func (o *options) placed(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if m := aboutFlag.FindStringSubmatch(text); m != nil && o.placeOf[m[1]] != "" {
		return badInput("%s: %s", o.placeOf[m[1]], strings.TrimPrefix(text, "--"))
	}
	return err
}

// remember writes a choice into the file.
func (o *options) remember(name, value string) error {
	path := o.configFile
	if path == "" {
		path = config.Path()
	}
	return config.Set(path, name, value)
}
