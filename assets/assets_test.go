package assets

import (
	"io/fs"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/width"
)

// plurals are the keys of one message's forms; English has two, Japanese one.
var plurals = map[string]bool{"one": true, "other": true}

// messages reads the message files of a language: id -> form -> text.
func messages(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	of := map[string]map[string]string{}
	var walk func(id string, tree map[string]any)
	walk = func(id string, tree map[string]any) {
		for key, v := range tree {
			full := strings.TrimPrefix(id+"."+key, ".")
			switch v := v.(type) {
			case map[string]any:
				walk(full, v)
			case string:
				form := "other"
				if plurals[key] {
					form, full = key, id
				}
				if of[full] == nil {
					of[full] = map[string]string{}
				}
				if of[full][form] != "" {
					t.Errorf("%s: %s is in both files", lang, full)
				}
				of[full][form] = v
			default:
				t.Errorf("%s: %s is neither text nor a table", lang, full)
			}
		}
	}
	for _, name := range names(lang) {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if err := toml.Unmarshal(text, &tree); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		walk("", tree)
	}
	return of
}

func keys(of map[string]map[string]string) []string {
	var ids []string
	for id := range of {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

var placeholder = regexp.MustCompile(`{{\.\w+}}`)

// verbs are placeholders that one language may need where the other says it
// without a verb, or with another form.
var verbs = map[string]bool{"{{.Ends}}": true, "{{.End}}": true, "{{.Ended}}": true, "{{.EndedAnd}}": true}

func placeholders(text string) []string {
	set := map[string]bool{}
	for _, p := range placeholder.FindAllString(text, -1) {
		if !verbs[p] {
			set[p] = true
		}
	}
	var all []string
	for p := range set {
		all = append(all, p)
	}
	sort.Strings(all)
	return all
}

func TestLanguagesAgree(t *testing.T) {
	en, ja := messages(t, "en"), messages(t, "ja")
	if diff := cmp.Diff(keys(en), keys(ja)); diff != "" {
		t.Errorf("ids (-en +ja):\n%s", diff)
	}
	// What a sentence leaves out in one language is a choice in the other,
	// but only where it says so here.
	free := map[string]bool{
		"say.crash.prefork.closed_hit": true,
	}
	for id, forms := range en {
		if forms["other"] == "" {
			t.Errorf("en: %s has no form \"other\"", id)
		}
		if ja[id]["other"] == "" {
			t.Errorf("ja: %s is empty", id)
		}
		if ja[id]["one"] != "" {
			t.Errorf("ja: %s has a singular, which is never used", id)
		}
		if diff := cmp.Diff(placeholders(forms["other"]), placeholders(ja[id]["other"])); diff != "" && !free[id] {
			t.Errorf("%s: placeholders (-en +ja):\n%s", id, diff)
		}
	}
}

// No word has a character that some terminals draw one cell wide and some two
// (UAX 11): one of these, and every column behind it is out of line.
func TestNoWordOfAmbiguousWidth(t *testing.T) {
	for _, lang := range Languages {
		for id, forms := range messages(t, lang) {
			for _, text := range forms {
				for _, r := range text {
					if width.LookupRune(r).Kind() == width.EastAsianAmbiguous {
						t.Errorf("%s: %s: %q (%U)", lang, id, r, r)
					}
				}
				if strings.ContainsAny(text, "\n\t") && !strings.HasPrefix(id, "help.") {
					t.Errorf("%s: %s has a line break or a tab", lang, id)
				}
			}
		}
	}
}

// Whatever the terminal's language, the help names the same keys and figures.
func TestHelpsAgree(t *testing.T) {
	shape := func(lang string) (headings, rows int) {
		text := Words(lang).T("help.text", nil) + "\n" + Words(lang).T("help.pages", nil)
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			switch {
			case line == "":
			case strings.HasPrefix(line, "# "):
				headings++
			case strings.Contains(line, " | "):
				rows++
			default:
				t.Errorf("%s: a line that is neither heading nor row: %q", lang, line)
			}
		}
		return
	}
	enH, enR := shape("en")
	jaH, jaR := shape("ja")
	if enH != jaH || enR != jaR {
		t.Errorf("en has %d headings and %d rows, ja %d and %d", enH, enR, jaH, jaR)
	}
}

func TestT(t *testing.T) {
	for _, tt := range []struct {
		lang, id string
		data     map[string]any
		want     string
	}{
		{"en", "kind.simulated", nil, "SIMULATED"},
		{"en", "others", map[string]any{"N": 1, "Count": "1"}, "1 other"},
		{"en", "others", map[string]any{"N": 19, "Count": "19"}, "19 others"},
		{"en", "others", map[string]any{"N": 0, "Count": "0"}, "0 others"},
		{"ja", "others", map[string]any{"N": 1, "Count": "1"}, "1件"},
		{"ja", "head.all", nil, "全部"},
		{"fr", "head.all", nil, "ALL"},
		{"en", "no.such.word", nil, "no.such.word"},
	} {
		p := Words(tt.lang)
		for range 2 { // the second time from the cache
			if got := p.T(tt.id, tt.data); got != tt.want {
				t.Errorf("%s %s: %q, want %q", tt.lang, tt.id, got, tt.want)
			}
		}
	}
}

func TestLang(t *testing.T) {
	for _, tt := range []struct{ flag, all, messages, lang, want string }{
		{want: "en"},
		{flag: "ja", lang: "en_US.UTF-8", want: "ja"},
		{flag: "en", all: "ja_JP.UTF-8", want: "en"},
		{flag: "ja-JP", want: "ja"},
		{flag: "tlh", lang: "ja_JP.UTF-8", want: "en"},
		{lang: "ja_JP.UTF-8", want: "ja"},
		{lang: "ja_JP.utf8", want: "ja"},
		{lang: "ja", want: "ja"},
		{lang: "ja_JP.UTF-8@cjknarrow", want: "ja"},
		{lang: "ja_JP.eucJP", want: "en"},
		{all: "C", messages: "ja_JP.UTF-8", lang: "ja_JP.UTF-8", want: "en"},
		{all: "POSIX", lang: "ja_JP.UTF-8", want: "en"},
		{messages: "ja_JP.UTF-8", lang: "de_DE.UTF-8", want: "ja"},
		{messages: "de_DE.UTF-8", lang: "ja_JP.UTF-8", want: "en"},
		{lang: ".", want: "en"},
		{lang: "_", want: "en"},
		{lang: "@", want: "en"},
	} {
		t.Setenv("LC_ALL", tt.all)
		t.Setenv("LC_MESSAGES", tt.messages)
		t.Setenv("LANG", tt.lang)
		if got := Lang(tt.flag); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}
