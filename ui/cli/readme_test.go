//go:build unix

package cli

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

var update = flag.Bool("update", false, "take the README's pictures anew, from the real program")

// The pictures of the README, each between two markers.
var pictures = []struct {
	w, h int
	lang string
}{{80, 24, "en"}, {120, 36, "en"}, {120, 36, "ja"}, {80, 24, "ja"}}

func markers(i int) (begin, end string) {
	p := pictures[i]
	return fmt.Sprintf("<!-- picture %dx%d %s -->\n```\n", p.w, p.h, p.lang), "```\n<!-- end -->"
}

// picture is what stands between the markers.
func picture(i int, readme string) (text string, from, to int, ok bool) {
	begin, end := markers(i)
	at := strings.Index(readme, begin)
	if at < 0 {
		return "", 0, 0, false
	}
	from = at + len(begin)
	n := strings.Index(readme[from:], end)
	return readme[from : from+max(n, 0)], from, from + n, n >= 0
}

// The README's pictures are the screen's: of its size, and of its words. With
// -update they are taken of a crash on this machine.
func TestReadmePictures(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		readme = []byte(take(t, string(readme)))
		if err := os.WriteFile("../../README.md", readme, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range pictures {
		text, _, _, ok := picture(i, string(readme))
		if !ok {
			t.Errorf("no picture of %dx%d in %s", p.w, p.h, p.lang)
			continue
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) != p.h {
			t.Errorf("%dx%d %s: %d lines", p.w, p.h, p.lang, len(lines))
		}
		for _, line := range lines {
			if n := ansi.StringWidth(line); n > p.w {
				t.Errorf("%dx%d %s: %d cells: %q", p.w, p.h, p.lang, n, line)
			}
		}
		if crash := map[string]string{"en": "CRASH", "ja": "クラッシュ"}[p.lang]; !strings.Contains(text, crash) {
			t.Errorf("%dx%d %s: no incident in it", p.w, p.h, p.lang)
		}
	}
}

// take runs the lab, crashes it, and puts what is to be seen into the readme.
func take(t *testing.T, readme string) string {
	if os.Geteuid() != 0 {
		t.Skip("needs root: without cgroups and sandboxes the pictures would not be those of the README")
	}
	s := play(t, 80, 24, nil)
	s.sees("3 EVENT LOOP   = OK", "4 CONTAINER    = OK")
	time.Sleep(10 * time.Second) // figures of the last ten seconds, all of steady state
	s.press("c")
	s.sees("all recovered", "held 2")
	lang := "en"
	for i, p := range pictures {
		if p.lang != lang {
			lang = p.lang
			s.press("g")
		}
		s.resize(p.w, p.h)
		time.Sleep(time.Second)
		text := s.sees(map[string]string{"en": "Who shares the process", "ja": "道連れになる"}[p.lang])
		text = regexp.MustCompile(`(?m) +$`).ReplaceAllString(text, "")
		_, from, to, ok := picture(i, readme)
		if !ok {
			t.Fatalf("no markers for %dx%d %s", p.w, p.h, p.lang)
		}
		readme = readme[:from] + text + "\n" + readme[to:]
	}
	s.press("\x03")
	s.ends(0)
	return readme
}
