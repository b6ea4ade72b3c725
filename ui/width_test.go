package ui

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"golang.org/x/text/width"

	"forklore/assets"
	"forklore/sim"
)

// colours is the palette of a terminal with sixteen colours.
func colours() *palette {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.ANSI)
	return newPalette(r)
}

// terminalCells counts as a terminal does (UAX 11): wide is two cells, all
// else one. Ambiguous width, which terminals disagree on, is an error.
func terminalCells(line string) (int, error) {
	n := 0
	for _, r := range line {
		if r < ' ' || r == 0x7f {
			return 0, fmt.Errorf("control character %U", r)
		}
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		case width.EastAsianAmbiguous:
			return 0, fmt.Errorf("%q is of ambiguous width", r)
		default:
			n++
		}
	}
	return n, nil
}

// checkFits fails if a picture is larger than its window, or has a character
// that it must not have.
func checkFits(t *testing.T, picture string, w, h int) {
	t.Helper()
	lines := strings.Split(picture, "\n")
	if len(lines) > h {
		t.Errorf("%dx%d: %d lines", w, h, len(lines))
	}
	for y, line := range lines {
		switch n, err := terminalCells(line); {
		case err != nil:
			t.Errorf("%dx%d: line %d: %v: %q", w, h, y+1, err, line)
		case n > w:
			t.Errorf("%dx%d: line %d is %d cells wide: %q", w, h, y+1, n, line)
		}
	}
}

// No line is wider than the window and no window has too many, at any size.
func TestEverySizeHolds(t *testing.T) {
	sets := [][]*sim.Snapshot{{big()}, {mid(), after()}, {without()}, {leak()}, {killed()}}
	overlays := []overlay{noOverlay, helpOverlay, eventsOverlay}
	var f frame
	for w := 20; w <= 250; w++ {
		for h := 5; h <= 80; h++ {
			if w > 130 && (w+h)%7 != 0 || testing.Short() && (w*h)%5 != 0 {
				continue // large windows differ little from their neighbours
			}
			snaps := sets[(w+h)%len(sets)]
			st := state{target: sim.AllModels, over: overlays[(w*h)%7%3], scroll: w % 40}
			for _, s := range snaps {
				st.observe(s)
			}
			for _, lang := range assets.Languages {
				got := f.draw(snaps[len(snaps)-1], &st, assets.Words(lang), w, h, noColour)
				checkFits(t, got, w, h)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// In the sizes that matter, each scene shows all of its figures: no value is
// cut off at a column's end.
func TestNothingIsCutOff(t *testing.T) {
	for _, lang := range assets.Languages {
		screen := show(lang, 80, 24, noColour, calm())
		for _, want := range []string{"1,322", "/ 128 MiB", "of 128 MiB", "p50 268 p99 331 ms", "100%", "4/8", "16 ms", "18 ms", "0.9", "01:22"} {
			if lang == "ja" && want == "of 128 MiB" || lang == "en" && want == "/ 128 MiB" {
				continue
			}
			if !strings.Contains(screen, want) && !strings.Contains(screen, strings.ReplaceAll(want, " ms", "ms")) {
				t.Errorf("%s: no %q on the screen:\n%s", lang, want, screen)
			}
		}
	}
}

func TestSmallWindowSaysWhatIsNeeded(t *testing.T) {
	for _, lang := range assets.Languages {
		for _, size := range [][2]int{{79, 24}, {80, 23}, {30, 8}} {
			got := show(lang, size[0], size[1], noColour, calm())
			if !strings.Contains(strings.ReplaceAll(got, "\n", ""), "80x24") {
				t.Errorf("%s %v: no word of 80x24:\n%s", lang, size, got)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{
		{"one two three", 8, "one two|three"},
		{"one two three", 7, "one two|three"},
		{"unbreakable", 4, "unbr|eaka|ble"},
		{"同じ1件を、全部。", 6, "同じ1|件を、|全部。"},
		{"", 10, ""},
		{"a (b c) d", 4, "a (b|c) d"},
	} {
		if got := strings.Join(wrap(tt.text, tt.n), "|"); got != tt.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}
