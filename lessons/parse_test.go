package lessons

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

// load is what [Load] does, on files in memory.
func load(files fstest.MapFS) (*Set, error) {
	set, f := readFS(files, "dir")
	if len(f) > 0 {
		f.sorted()
		return nil, &ParseError{First: f[0], More: len(f) - 1}
	}
	return set, nil
}

// TestParse: what can't be played is refused, with its file, its line, and what
// would be right.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		old, new, want string
	}{
		{`format_version = 1`, `format_version = 2`, "lesson.toml:1: format_version 2 is newer than this program, which reads 1"},
		{`format_version = 1`, `format_version = "1"`, "lesson.toml:1: format_version: incompatible types"},
		{`format_version = 1`, `format_version = `, "lesson.toml:1: "},
		{`id             = "one"`, `id             = "two"`, `lesson.toml:2: id: the folder "01-one" must be two digits, a - and the id "two"`},
		{`status         = "wip"`, `status         = "good"`, `lesson.toml:4: status: "good" is none of wip, beta, active, deprecated`},
		{`status         = "wip"`, `state          = "wip"`, `lesson.toml:4: unknown key state`},
		{`warmup         = "3s"`, `warmup         = "3 s"`, `lesson.toml:11: warmup: `},
		{`warmup         = "3s"`, `warmup         = "3h"`, `lesson.toml:11: warmup: 3h0m0s must be from 0s to 10m0s`},
		{`models = ["prefork", "eventloop"]`, `models = ["prefork", "apache"]`, `setup: models: "apache" is no model`},
		{`rate   = 16`, `rate   = 16000`, `setup: rate: "16000" is no number from 0.1 to 1000`},
		{`rate   = 16`, `rate   = 16` + "\nworkload = \"cpu 2\"", `setup: workload: workload, step 1 "cpu 2"`},
		{`rate   = 16`, `rate   = 16` + "\nspeed = 3", `setup: unknown flag "speed"`},
		{`seed   = 1`, ``, `setup: seed is not given`},
		{`fault    = "crash"`, `fault    = "crush"`, `action.0.fault: unknown fault "crush"`},
		{`fault    = "crash"`, `fault    = "crash"` + "\nstrength = \"200\"", `action.0.strength: "crash=200@0s"`},
		{"key      = \"c\"\nfault    = \"crash\"", `draw     = ["crash"]`, `action.0.draw: 1 faults; must be 2 to 6`},
		{"key      = \"c\"\nfault    = \"crash\"", `draw     = ["crash", "crush"]`, `action.0.draw: unknown fault "crush"`},
		{"key      = \"c\"\nfault    = \"crash\"", `draw     = ["crash", "crash"]`, `action.0.draw: "crash" is there twice`},
		{"key      = \"c\"\nfault    = \"crash\"", `draw     = ["crash", "exit"]` + "\nfault = \"crash\"", `action.0.fault: the fault is given, and to be drawn too`},
		{"key      = \"c\"\nfault    = \"crash\"", `draw     = ["crash", "exit"]` + "\nstrength = \"2\"", `action.0.strength: a fault that is drawn has its own`},
		{`lost = "prefork.incident.lost"`, `lost = "drawn"`, `figures.lost: `},
		{`models   = ["prefork"]`, `models   = ["cgi"]`, `action.0.models: a model that the setup does not run`},
		{`do       = "wait"`, `do       = "measure"`, `action.1.note: must have 1 to 32 names`},
		{`action = "crash"`, `action = "crush"`, `took_effect.0.action: "crush" is no action of this lesson`},
		{`expr   = "all(models, .up and .ok_share >= 0.99)"`, `expr   = "all(models, .up and .good >= 0.99)"`, `has no field good`},
		{`expr   = "all(models, .up and .ok_share >= 0.99)"`, `expr   = "cgi.up"`, `reads a model that the setup does not run`},
		{`expr   = "all(models, .up and .ok_share >= 0.99)"`, `expr   = "prefork.p50_ms"`, `expected bool, but got float64`},
		{`expr   = "all(models, .up and .ok_share >= 0.99)"`, `expr   = "prefork.up and"`, `unexpected token EOF`},
		{`lost = "prefork.incident.lost"`, `lost = "noted.before"`, `no measure has noted "before" by then`},
		{`lost = "prefork.incident.lost"`, `lost = "prefork.up"`, `figures.lost: `},
		{`claim = "one-worker"`, `claim = "two-workers"`, `"two-workers" is no claim of this lesson`},
		{`vote   = "q1"`, `vote   = "q2"`, `presenter.vote: "q2" is no question of this lesson`},
		{`kind  = "choice"`, `kind  = "guess"`, `predict.0.kind: "guess" is none of choice, rank, number`},
	} {
		files := folder(t, "one")
		text := string(files["01-one/lesson.toml"].Data)
		if !strings.Contains(text, c.old) {
			t.Fatalf("no %q", c.old)
		}
		replace(files, "01-one/lesson.toml", c.old, c.new)
		_, err := load(files)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\n  is answered  %v\n  want         %s", c.new, err, c.want)
		}
	}
}

// TestLines: a key's line is found, in arrays of tables too.
func TestLines(t *testing.T) {
	at := linesOf("a = 1\n[t]\nb = '''\nc = 2\n'''\n[[x]]\nd = 1\n[[x.y]]\ne = 1\n[[x.y]]\ne = [\n 1,\n]\nf = 2\n[[x]]\n[[x.y]]\ne = 3\n")
	for key, want := range map[string]int{"a": 1, "t.b": 3, "t.c": 2, "x.0.d": 7, "x.0.y.0.e": 9, "x.0.y.1.e": 11, "x.0.y.1.f": 14, "x.1.y.0.e": 17, "x.1.z": 15, "none": 1} {
		if got := at.of(key); got != want {
			t.Errorf("%s is in line %d, want %d", key, got, want)
		}
	}
}

// FuzzLesson: whatever lesson.toml is, it is a lesson or one clear line, and the
// lint has no trouble either.
func FuzzLesson(f *testing.F) {
	files := folder(f, "one")
	replace(files, "01-one/lesson.toml", `"none"`, `"recording"`)
	golden := &fstest.MapFile{Data: []byte(recorded(experimentOf(f, files, "one"), 1))}
	text := string(files["01-one/lesson.toml"].Data)
	f.Add(text)
	for line := range strings.Lines(text) { // a lesson with each field broken
		key, _, ok := strings.Cut(line, "=")
		if !ok {
			f.Add(strings.Replace(text, line, "", 1))
			continue
		}
		for _, value := range []string{`""`, `-1`, `1e300`, `nan`, `true`, `[]`, `{}`, `[[1]]`, `"\u0000\n"`, `1979-05-27`, `["` + strings.Repeat("x", 200) + `"]`} {
			f.Add(strings.Replace(text, line, key+"= "+value+"\n", 1))
		}
	}
	for _, folder := range []string{"06-crash", "13-game-day"} {
		text, err := embedded.ReadFile(folder + "/lesson.toml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := fstest.MapFS{
			"01-one/lesson.toml": {Data: []byte(text)},
			"01-one/text.en.md":  files["01-one/text.en.md"],
			"01-one/text.ja.md":  files["01-one/text.ja.md"],
			"01-one/golden.json": golden,
		}
		set, err := load(files)
		lintFS(files, "dir", LintOptions{})
		if err == nil {
			l := set.Lessons[0]
			NewSession(l, Options{}).Note("ja")
			if l.Recorded() {
				NewSession(l, Options{Recorded: true}).replay()
			}
			return
		}
		var parse *ParseError
		if !errors.As(err, &parse) || parse.First.Line < 1 || parse.First.Line > strings.Count(text, "\n")+1 && strings.HasSuffix(parse.First.File, ".toml") {
			t.Fatalf("%v has no line of the file", err)
		}
		if strings.ContainsAny(err.Error(), "\n\r\x1b\x00") || len(err.Error()) > 4*maxMessage {
			t.Fatalf("%q is not one clear line", err)
		}
	})
}

// FuzzText: the same of a text.
func FuzzText(f *testing.F) {
	files := folder(f, "one")
	f.Add(string(files["01-one/text.en.md"].Data))
	f.Add("# a\n## @intro\n```\n## @x\n")
	f.Add("## @q1.one en=00000000\n{{seen.lost}}[x]`a` 4")
	f.Fuzz(func(t *testing.T, text string) {
		files := fstest.MapFS{
			"01-one/lesson.toml": files["01-one/lesson.toml"],
			"01-one/text.en.md":  {Data: []byte(text)},
			"01-one/text.ja.md":  {Data: []byte(text)},
		}
		lintFS(files, "dir", LintOptions{})
		for _, line := range Wrap(text, 20) {
			if strings.Contains(line, "\n") {
				t.Fatalf("%q is more than a line", line)
			}
		}
	})
}

// TestFolders: what is no folder of lessons is said in one line.
func TestFolders(t *testing.T) {
	for _, dir := range []string{"/nowhere/at/all", "README.md", t.TempDir()} {
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "--lessons "+dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	set, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Find("crush"); err == nil || !strings.Contains(err.Error(), "crash") {
		t.Errorf("crush: %v; want those that there are", err)
	}
}
