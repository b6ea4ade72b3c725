// Package config keeps what the user has chosen between runs, in one TOML file
// under the XDG config folder: each line is a flag of the lab by its name.
//
//	rate = 32
//	lang = "ja"
//	theme = "projector"
//
// Costs one file read per start, and one written per choice.
// May not enter: what a name means, which is main's to know.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/adrg/xdg"
)

// ErrNoHome: there is no folder to keep anything in.
var ErrNoHome = errors.New("HOME is not set")

// Path is the file that is read where no other is named, "" where there is no
// home.
func Path() string {
	if os.Getenv("HOME") == "" && os.Getenv("XDG_CONFIG_HOME") == "" {
		return ""
	}
	return filepath.Join(xdg.ConfigHome, "forklore", "config.toml")
}

// Entry is one line of the file.
type Entry struct {
	Name, Value string
	Place       string // file:line
}

// maxSize is far above what all names together take.
const maxSize = 64 << 10

// Read reads the file. An error says where in it something is wrong; that there
// is none is fs.ErrNotExist.
func Read(path string) ([]Entry, error) {
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxSize:
		return nil, fmt.Errorf("%s: %d bytes, a file of settings has at most %d", path, len(text), maxSize)
	}
	var tree map[string]any
	meta, err := toml.Decode(string(text), &tree)
	var wrong toml.ParseError
	switch {
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("%s:%d: %s (a line is name = value, as in rate = 32 or lang = \"ja\")", path, wrong.Position.Line, wrong.Message)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var entries []Entry
	for _, key := range meta.Keys() {
		e := Entry{Name: key[0], Place: fmt.Sprintf("%s:%d", path, lineOf(string(text), key[0])+1)}
		if e.Value, err = asText(tree[e.Name]); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", e.Place, e.Name, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// asText is the value as it would be written on the command line.
func asText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64, float64, bool:
		return fmt.Sprint(v), nil
	case []any:
		var parts []string
		for _, x := range v {
			s, err := asText(x)
			if err != nil {
				return "", err
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("must be text, a number, true or false; there are no tables here")
}

// named matches a line that gives a name its value, or begins its table.
var named = regexp.MustCompile(`^\s*(?:\[\s*)?["']?([A-Za-z0-9_-]+)["']?\s*[.=\]]`)

// lineOf is the line where the name stands, from 0; the first one if it was
// written in a way that isn't found. Lines within a text of several lines
// belong to that text.
func lineOf(text, name string) int {
	within := false
	for i, line := range strings.Split(text, "\n") {
		if m := named.FindStringSubmatch(line); m != nil && !within && m[1] == name {
			return i
		}
		if (strings.Count(line, `"""`)+strings.Count(line, `'''`))%2 == 1 {
			within = !within
		}
	}
	return 0
}

// Set gives a name a value in the file, and leaves all the rest of it as it is.
// Who reads it meanwhile finds the old file or the new one, whole (rename(2)).
func Set(path, name, value string) error {
	if path == "" {
		return ErrNoHome
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a file that is kept elsewhere stays there
	}
	text, err := os.ReadFile(path)
	mode := fs.FileMode(0o600)
	if st, statErr := os.Stat(path); statErr == nil {
		mode = st.Mode().Perm()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	changed, err := with(string(text), name, value)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", path, lineOf(string(text), name)+1, err)
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".config-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(changed)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// valued finds what stands behind the "=", and the comment behind that.
var valued = regexp.MustCompile(`^(\s*[^=]*=\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^#]*?)(\s*(?:#.*)?)$`)

// with is the text with the value in it, or says that it would not be the same
// apart from that: a value may go over several lines.
func with(text, name, value string) (string, error) {
	changed := put(text, name, value)
	var before, after map[string]any
	if _, err := toml.Decode(text, &before); err != nil {
		return "", err
	}
	if before == nil {
		before = map[string]any{}
	}
	before[name] = value
	if _, err := toml.Decode(changed, &after); err != nil || !reflect.DeepEqual(before, after) {
		return "", fmt.Errorf("this can't be changed from here; write %s = %q yourself", name, value)
	}
	return changed, nil
}

// put gives the line that has the value already another one, and leaves its
// comment; else there is a new one before the first table.
func put(text, name, value string) string {
	quoted := fmt.Sprintf("%q", value) // names and words: no escape differs from TOML's
	lines := strings.Split(text, "\n")
	at := lineOf(text, name)
	if m := named.FindStringSubmatch(lines[at]); m != nil && m[1] == name {
		line, returned := strings.CutSuffix(lines[at], "\r")
		if v := valued.FindStringSubmatch(line); v != nil {
			if lines[at] = v[1] + quoted + v[3]; returned {
				lines[at] += "\r"
			}
			return strings.Join(lines, "\n")
		}
	}
	line := name + " = " + quoted
	for i, l := range lines {
		if strings.HasPrefix(strings.TrimSpace(l), "[") {
			return strings.Join(append(append(append([]string{}, lines[:i]...), line), lines[i:]...), "\n")
		}
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + line + "\n"
}
