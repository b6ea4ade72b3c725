package ui

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

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
	sets := [][]*sim.Snapshot{minute(big()), {mid(), after()}, {without()}, minute(leak()), {killed()}, {spinning()}, {hanging()}, {deserted()}, {played(true)}, {calm()}}
	var states [10]state // as the snapshots leave them
	for i, snaps := range sets {
		states[i] = all
		for _, s := range snaps {
			states[i].observe(s)
		}
	}
	states[8].aloft, states[9].recording, states[9].recorded = true, true, time.Hour
	overlays := []overlay{noOverlay, helpOverlay, eventsOverlay, catalogueOverlay, compareOverlay, zoomOverlay, noOverlay}
	var f frame
	for w := 20; w <= 250; w++ {
		for h := 5; h <= 80; h++ {
			snaps := sets[(w+h)%len(sets)]
			st := states[(w+h)%len(sets)]
			st.over, st.scroll = overlays[(w*h+w+h)%len(overlays)], w%40
			st.shown, st.cursor, st.filter = sim.Model(w%4), h%16, (w+h)%nFilters
			for i, lang := range assets.Languages {
				if w > 80 && (w+h)%2 != i {
					continue // such a window differs little from its neighbours
				}
				got := f.draw(snaps[len(snaps)-1], &st, assets.Words(lang), w, h, noColour)
				checkFits(t, got, w, h)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// At 80 columns a calm screen shows each figure whole, and all keys.
func TestNothingIsCutOff(t *testing.T) {
	for lang, wants := range map[string][]string{
		"en": {"4 now, 1322 started", "26 of 128 MiB", "16/s ok 100%", "p50 268  p99 331 ms", "start 16 ms a call",
			"busy 4/8 queue 0", "4 open lag 0.9 ms", "target ALL  01:22", "undo tab g 日本 i ? q", "3 EVENT LOOP   = OK"},
		"ja": {"稼働4 起動1322 ", "26 / 128 MiB", "16件/秒 成功 100%", "p50 268  p99 331 ms", "起動 16 ms/件",
			"使用4/8 待ち0", "処理中4 遅れ0.9ms", "対象 全部  01:22", "? q"},
	} {
		screen := show(lang, 80, 24, noColour, calm())
		for _, want := range wants {
			if !strings.Contains(screen, want) {
				t.Errorf("%s: no %q on the screen:\n%s", lang, want, screen)
			}
		}
	}
}

// What a column or a row can say has the room for it, in every state.
func TestWordsFitTheirPlaces(t *testing.T) {
	for _, lang := range assets.Languages {
		word := assets.Words(lang)
		narrow := layoutFor(80, 24, 0).column
		for m := sim.Model(0); m < sim.NModels; m++ {
			if n := cells(word.T("label."+m.String(), nil)); n >= labelWidth {
				t.Errorf("%s: label of %s: %d cells", lang, m, n)
			}
			for state, look := range stateLook {
				for size, room := range map[string]int{"short.": narrow, "long.": wideColumn} {
					title := "1 " + word.T("name."+size+m.String(), nil) + " " + look.glyph + " " +
						word.T("state."+size+string(state), nil)
					if n := cells(title); n > room {
						t.Errorf("%s: %q: %d cells, there are %d", lang, title, n, room)
					}
				}
			}
		}
		for id, room := range map[string]int{"legend": 90, "said.reset_ask": 80} {
			if n := cells(word.T(id, nil)); n > room {
				t.Errorf("%s: %s: %d cells, there are %d", lang, id, n, room)
			}
		}
		for _, id := range []string{"start", "open", "crash", "leak", "outside", "paused", "frozen"} {
			if n := cells(word.T("next."+id, nil)); n > 80 {
				t.Errorf("%s: next.%s: %d cells", lang, id, n)
			}
		}
	}
}

func TestSmallWindowSaysWhatIsNeeded(t *testing.T) {
	for _, lang := range assets.Languages {
		for _, size := range [][2]int{{39, 24}, {80, 9}, {30, 8}, {20, 5}} {
			got := show(lang, size[0], size[1], noColour, calm())
			if !strings.Contains(strings.ReplaceAll(got, "\n", ""), "40x10") {
				t.Errorf("%s %v: no word of 40x10:\n%s", lang, size, got)
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
