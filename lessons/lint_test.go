package lessons

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestEmbedded: the lessons of this program are what the lint asks for, at a
// release too.
func TestEmbedded(t *testing.T) {
	list, err := Lint("", LintOptions{Release: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		t.Error(f)
	}
}

// folder is what `forklore lessons new` lays, as files that a test may change.
func folder(t testing.TB, slugs ...string) fstest.MapFS {
	t.Helper()
	dir := t.TempDir()
	for _, slug := range slugs {
		if _, err := New(dir, slug); err != nil {
			t.Fatal(err)
		}
	}
	files := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			// The numbers are those that follow the embedded lessons; tests want
			// the same ones whatever there is.
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			for i, slug := range slugs {
				if strings.HasSuffix(filepath.Dir(name), "-"+slug) {
					text := string(data)
					at := strings.Index(text, "\norder ")
					if at >= 0 {
						end := at + 1 + strings.IndexByte(text[at+1:], '\n')
						text = text[:at] + fmt.Sprintf("\norder          = %d", i+1) + text[end:]
					}
					files[fmt.Sprintf("%02d-%s/%s", i+1, slug, filepath.Base(name))] = &fstest.MapFile{Data: []byte(text)}
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestNew: what is laid is a lesson, without an error; its figures are not
// recorded yet.
func TestNew(t *testing.T) {
	list := lintFS(folder(t, "one", "two"), "dir", LintOptions{})
	for _, f := range list {
		if !f.Warning || !strings.Contains(f.File, "golden.json") {
			t.Error(f)
		}
	}
	dir := t.TempDir()
	for _, slug := range []string{"", "Big", "a/b", "..", "-x", "crash"} {
		if got, err := New(dir, slug); err == nil {
			t.Errorf("New(%q) laid %s", slug, got)
		}
	}
}

// TestRules: every rule finds its mistake, and says where.
func TestRules(t *testing.T) {
	const logic, english, japanese = "01-one/lesson.toml", "01-one/text.en.md", "01-one/text.ja.md"
	for _, c := range []struct {
		name, file, old, new string
		at, want             string // the file of the finding, and a part of its message
	}{
		{"missing translation", japanese, "## @explain.prefork", "## @explain.gone", japanese, "missing translation: @explain.prefork"},
		{"missing section", english, "## @notes.fails\nWhat", "## @notes.fail\nWhat", english, "missing section @notes.fails"},
		{"stale translation", english, "Its own.", "Only its own.", japanese, "@r1.own is stale"},
		{"unstamped translation", japanese, "## @r1.own en=", "## @r1.own\nen=", japanese, "does not say which English text"},
		{"number without source", english, "Then why", "Some 40 ms. Then why", english, `the number "40" has no source`},
		{"number in Japanese", japanese, "それから、なぜ", "40ミリ秒です。それから、なぜ", japanese, `the number "40" has no source`},
		{"code spans differ", japanese, "`c`を押す", "`d`を押す", japanese, "the English text has `c`, this one has not"},
		{"reference to nothing", english, "{{seen.lost}}", "{{seen.found}}", english, "there is no found"},
		{"reference of another kind", english, "{{seen.lost}}", "{{lost}}", english, "is no reference"},
		{"setup that is not set", english, "{{seen.lost}}", "{{setup.workers}}", english, "there is no workers"},
		{"wide line", english, "One line for the list:", "One line for the list, and it is one that goes on and on:", english, "cells wide; at most 76"},
		{"wide line in Japanese", japanese, "前と同じ。", strings.Repeat("前", 39), japanese, "the line is 78 cells wide"},
		{"unknown section", english, "## @explain.eventloop", "## @explain.cgi", english, "nothing refers to the section @explain.cgi"},
		{"source not cited", logic, `id       = "apache-prefork"`, `id       = "apache-worker"`, logic, "no text cites the source [apache-worker]"},
		{"citation of nothing", english, "[apache-prefork]", "[nginx]", english, "[nginx] is no source"},
		{"summary of two lines", english, "One line for the list", "One line\nfor the list", english, "the summary is one line"},

		{"injection without duration", logic, `duration = "4s"`, ``, logic, "action.0.duration: the injection has no duration"},
		{"injection without undo", logic, `undo     = "undo"`, ``, logic, "action.0.undo: the injection has no undo"},
		{"injection without proof", logic, "[[took_effect]]\naction = \"crash\"", "[[took_effect]]\naction = \"recover\"", logic, "has no [[took_effect]]"},
		{"claim without check", logic, `claims         = ["one-worker"]`, `claims         = ["one-worker", "T5"]`, logic, "the claim T5 has no check"},
		{"cycle with itself", logic, `prerequisites  = []`, `prerequisites  = ["one"]`, logic, "a cycle: one needs one"},
		{"no such prerequisite", logic, `prerequisites  = []`, `prerequisites  = ["zero"]`, logic, `there is no lesson "zero"`},
		{"id twice", logic, `id     = "no-collateral"`, `id     = "q1"`, logic, `the id "q1" is that of`},
		{"wrong option without misconception", logic, "misconception = \"a-pool-is-one-program\"\nwhen ", "when ", logic, "the wrong option all does not name the misconception"},
		{"right option with one", logic, "right = true\nwhen  = \"prefork.incident.lost == 1\"", "right = true\nmisconception = \"x\"\nwhen  = \"prefork.incident.lost == 1\"", logic, "the right option has none"},
		{"no solution", logic, `solution       = ["crash", "recover"]`, `solution       = []`, logic, "solution: not given"},
		{"action that nothing plays", logic, `solution       = ["crash", "recover"]`, `solution       = ["crash"]`, logic, "recover is not in the solution"},
		{"solution out of order", logic, `solution       = ["crash", "recover"]`, `solution       = ["recover", "crash"]`, logic, "not in the order of the actions"},
		{"control that is the same", logic, "[guard]", "[control]\nskip = [\"recover\"]\n[guard]", logic, "control.skip: nothing in it acts"},
		{"no guard", logic, `abort_if     = "prefork.ok_share < 0.5"`, ``, logic, "guard.abort_if: not given"},
		{"no end", logic, `max_duration = "1m"`, ``, logic, "guard.max_duration: not given"},
		{"no vote", logic, `vote   = "q1"`, ``, logic, "presenter.vote: not given"},
		{"too long", logic, `explain = "2m"`, `explain = "9m"`, logic, "more than duration_min"},
		{"recall without a day", logic, `after_days = [1, 7]`, ``, logic, "after_days: not given"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := folder(t, "one")
			text := string(files[c.file].Data)
			if !strings.Contains(text, c.old) {
				t.Fatalf("%s has no %q", c.file, c.old)
			}
			files[c.file].Data = []byte(strings.Replace(text, c.old, c.new, 1))
			found(t, lintFS(files, "dir", LintOptions{}), "dir/"+c.at, c.want)
		})
	}
}

// found reports whether a finding is there, in a line that is plausible.
func found(t *testing.T, list []Finding, file, want string) {
	t.Helper()
	for _, f := range list {
		if f.File == file && strings.Contains(f.Message, want) {
			return
		}
	}
	t.Errorf("no finding in %s with %q; there are:", file, want)
	for _, f := range list {
		t.Log(f)
	}
}

// TestTogether: rules about several lessons, and about files.
func TestTogether(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(fstest.MapFS)
		at     string
		want   string
	}{
		{"cycle", func(f fstest.MapFS) {
			replace(f, "01-one/lesson.toml", "prerequisites  = []", `prerequisites  = ["two"]`)
			replace(f, "02-two/lesson.toml", "prerequisites  = []", `prerequisites  = ["one"]`)
		}, "01-one/lesson.toml", "a cycle: one needs two, which needs one"},
		{"prerequisite that comes later", func(f fstest.MapFS) {
			replace(f, "01-one/lesson.toml", "prerequisites  = []", `prerequisites  = ["two"]`)
		}, "01-one/lesson.toml", "two comes later (order 2, this one 1)"},
		{"concept twice", func(f fstest.MapFS) {
			replace(f, "02-two/lesson.toml", "two-concept", "one-concept")
		}, "02-two/lesson.toml", "one-concept is introduced by 01-one already"},
		{"order twice", func(f fstest.MapFS) {
			replace(f, "02-two/lesson.toml", "order          = 2", "order          = 1")
		}, "02-two/lesson.toml", "order: is that of 01-one too"},
		{"unreferenced file", func(f fstest.MapFS) {
			f["02-two/draft.md"] = &fstest.MapFile{}
		}, "02-two/draft.md", "nothing refers to this file"},
		{"recording that is not there", func(f fstest.MapFS) {
			replace(f, "02-two/lesson.toml", `"none"`, `"recording"`)
		}, "02-two/golden.json", "has no evidence to fall back to"},
		{"recording that does not hold", func(f fstest.MapFS) {
			replace(f, "02-two/lesson.toml", `"none"`, `"recording"`)
			f["02-two/golden.json"] = &fstest.MapFile{Data: []byte(recorded(experimentOf(t, f, "two"), 3))}
		}, "02-two/golden.json", "by its evidence check no-collateral does not hold"},
		{"recording of another experiment", func(f fstest.MapFS) {
			replace(f, "02-two/lesson.toml", `"none"`, `"recording"`)
			f["02-two/golden.json"] = &fstest.MapFile{Data: []byte(recorded(experimentOf(t, f, "two"), 1))}
			replace(f, "02-two/lesson.toml", "rate   = 16", "rate   = 8")
		}, "02-two/golden.json", "is of another experiment"},
		{"recording, and a rate that is no number", func(f fstest.MapFS) {
			f["02-two/golden.json"] = &fstest.MapFile{Data: []byte(recorded(experimentOf(t, f, "two"), 1))}
			replace(f, "02-two/lesson.toml", `"none"`, `"recording"`)
			replace(f, "02-two/lesson.toml", `do       = "wait"`, "do       = \"load\"\nrate     = nan")
		}, "02-two/lesson.toml", "NaN must be from"},
		{"recording, and a rank without its values", func(f fstest.MapFS) {
			f["02-two/golden.json"] = &fstest.MapFile{Data: []byte(recorded(experimentOf(t, f, "two"), 1))}
			replace(f, "02-two/lesson.toml", `"none"`, `"recording"`)
			replace(f, "02-two/lesson.toml", `kind = "choice"`, `kind = "rank"`)
		}, "02-two/lesson.toml", "an option of a rank has an id and a value"},
		{"evidence of what is no figure", func(f fstest.MapFS) {
			f["02-two/golden.json"] = &fstest.MapFile{Data: []byte(strings.Replace(recorded("", 1), "prefork.incident.lost", "cgi.incident.lost", 1))}
		}, "02-two/golden.json", "evidence: cgi.incident.lost is no figure of the lesson's models"},
		{"no Japanese at all", func(f fstest.MapFS) {
			delete(f, "02-two/text.ja.md")
		}, "02-two/text.ja.md", "missing translation: the whole text"},
		{"no English", func(f fstest.MapFS) {
			delete(f, "02-two/text.en.md")
		}, "02-two/text.en.md", "is missing"},
		{"figure that is no one's", func(f fstest.MapFS) {
			f["01-one/golden.json"] = &fstest.MapFile{Data: []byte(`{"schema":"forklore/golden/v1","recorded":"2026-11-27","machine":{"os":"linux","kernel":"6","cpus":2,"mem_bytes":1,"cgroup":"v1","root":true},"seed":1,"figures":{"found":1}}`)}
		}, "01-one/golden.json", "found is no figure of the lesson"},
		{"golden that is none", func(f fstest.MapFS) {
			f["01-one/golden.json"] = &fstest.MapFile{Data: []byte("{\n\"schema\": 3}")}
		}, "01-one/golden.json", "cannot unmarshal number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := folder(t, "one", "two")
			c.change(files)
			found(t, lintFS(files, "dir", LintOptions{}), "dir/"+c.at, c.want)
		})
	}
}

func replace(f fstest.MapFS, name, old, new string) {
	f[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(f[name].Data), old, new, 1))}
}

// TestRelease: what may wait while a lesson is written may not at a release.
func TestRelease(t *testing.T) {
	files := folder(t, "one")
	replace(files, "01-one/text.en.md", "Its own.", "Only its own.")
	if n := Errors(lintFS(files, "dir", LintOptions{})); n != 0 {
		t.Errorf("%d errors; a stale translation is a warning", n)
	}
	if n := Errors(lintFS(files, "dir", LintOptions{Release: true})); n == 0 {
		t.Error("at a release a stale translation is an error")
	}
}

// TestReadme: the guide has every figure that an expression can read, and every
// key of lesson.toml.
func TestReadme(t *testing.T) {
	guide, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tagged() {
		named := false
		for _, form := range []string{"`" + name + "`", "`" + name + ".", "." + name, "`[[" + name, "`[" + name, name + " = "} {
			named = named || strings.Contains(string(guide), form)
		}
		if !named {
			t.Errorf("README.md says nothing of %s", name)
		}
	}
}
