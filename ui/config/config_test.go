package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	path := file(t, "# mine\nrate = 32\n\nlang = \"ja\" # 日本語\n'theme' = 'dark'\nkeepalive = true\nmodels = [\"cgi\", \"prefork\"]\n"+
		"workload = \"\"\"\nrate = 3\"\"\"\nport=40401\n")
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{"rate", "32", path + ":2"}, {"lang", "ja", path + ":4"}, {"theme", "dark", path + ":5"},
		{"keepalive", "true", path + ":6"}, {"models", "cgi,prefork", path + ":7"},
		{"workload", "rate = 3", path + ":8"}, {"port", "40401", path + ":10"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if _, err := Read(path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestReadSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"rate = 32\nlang = ja\n":           ":2: ",
		"rate = 32\nrate = 16\n":           ":2: ",
		"\n[screen]\nlang = \"ja\"\n":      ":2: screen: must be text",
		"a.b = 1\n":                        ":1: a: must be text",
		"rate = 1979-05-27\n":              ":1: rate: must be text",
		"\xff\n":                           ":1: ",
		strings.Repeat("# long\n", 20_000): "140000 bytes",
	} {
		_, err := Read(file(t, text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.30q: %v, want %q in one line", text, err, want)
		}
	}
}

func TestSet(t *testing.T) {
	for _, tt := range []struct{ text, name, value, want string }{
		{"", "lang", "ja", "lang = \"ja\"\n"},
		{"# mine\nrate = 32", "lang", "ja", "# mine\nrate = 32\nlang = \"ja\"\n"},
		{"lang = \"en\"  # of my own\nrate = 32\n", "lang", "ja", "lang = \"ja\"  # of my own\nrate = 32\n"},
		{"  'lang'='en'\n", "lang", "ja", "  'lang'=\"ja\"\n"},
		{"# lang = \"en\"\n", "lang", "ja", "# lang = \"en\"\nlang = \"ja\"\n"},
		{"language = \"x\"\n", "lang", "ja", "language = \"x\"\nlang = \"ja\"\n"},
		{"theme = \"a # b\" # c\n", "theme", "dark", "theme = \"dark\" # c\n"},
		{"rate = 1\n[later]\nx = 1\n", "theme", "dark", "rate = 1\ntheme = \"dark\"\n[later]\nx = 1\n"},
		{"lang = \"en\"\r\nrate = 1\r\n", "rate", "2", "lang = \"en\"\r\nrate = \"2\"\r\n"},
	} {
		path := file(t, tt.text)
		if err := Set(path, tt.name, tt.value); err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(path)
		if string(got) != tt.want {
			t.Errorf("%q with %s = %s: %q, want %q", tt.text, tt.name, tt.value, got, tt.want)
		}
		if st, _ := os.Stat(path); st.Mode().Perm() != 0o640 {
			t.Errorf("its mode is %v now", st.Mode())
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
			t.Errorf("%d files in its folder", len(left))
		}
	}
}

// A file that stands for one elsewhere still does, and a folder that isn't there
// is made.
func TestSetFindsItsFile(t *testing.T) {
	real := file(t, "rate = 1\n")
	link := filepath.Join(t.TempDir(), "config.toml")
	if err := os.Symlink(real, link); err != nil {
		t.Skip(err)
	}
	if err := Set(link, "lang", "ja"); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", st, err)
	}
	if got, _ := os.ReadFile(real); string(got) != "rate = 1\nlang = \"ja\"\n" {
		t.Errorf("%q", got)
	}
	deep := filepath.Join(t.TempDir(), "a", "b", "config.toml")
	if err := Set(deep, "lang", "ja"); err != nil {
		t.Error(err)
	}
	if err := Set("", "lang", "ja"); !errors.Is(err, ErrNoHome) {
		t.Errorf("without a home: %v", err)
	}
	if err := Set("/proc/forklore/config.toml", "lang", "ja"); err == nil {
		t.Error("nothing can be written there, and it says nothing")
	}
}

// Whatever file there is that can be read, a choice that is written into it can
// be read back, and nothing else has changed.
func FuzzSet(f *testing.F) {
	f.Add("# mine\nrate = 32\nlang = \"en\" # x\n")
	f.Add("lang = \"\"\"\nlang = 1\"\"\"\n")
	f.Add("lang = '''\na'''\nrate = 1")
	f.Add("lang = [\"en\",\n\"ja\"]\n")
	f.Add("\"lang\" = 1\r\n")
	f.Add("'la' = 1\nlang=\"a\\\"#b\"#c")
	f.Fuzz(func(t *testing.T, text string) {
		path := file(t, text)
		before, err := Read(path)
		if err != nil {
			return
		}
		if err := Set(path, "lang", "ja"); err != nil {
			return // it said so, and left the file alone
		}
		after, err := Read(path)
		if err != nil {
			t.Fatalf("%q can't be read any more: %v", text, err)
		}
		values := func(entries []Entry) map[string]string {
			of := map[string]string{}
			for _, e := range entries {
				of[e.Name] = e.Value
			}
			return of
		}
		want := values(before)
		want["lang"] = "ja"
		if diff := cmp.Diff(want, values(after)); diff != "" {
			got, _ := os.ReadFile(path)
			t.Errorf("%q became %q (-want +got):\n%s", text, got, diff)
		}
	})
}
