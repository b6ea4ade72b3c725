package ui

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/lucasb-eyer/go-colorful"
	"github.com/muesli/termenv"

	"forklore/assets"
)

func hex(t *testing.T, s string) colorful.Color {
	t.Helper()
	c, err := colorful.Hex(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// contrast is WCAG 2.2's ratio (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
func contrast(a, b colorful.Color) float64 {
	luminance := func(c colorful.Color) float64 {
		r, g, b := c.LinearRgb()
		return 0.2126*r + 0.7152*g + 0.0722*b
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// Matrices for linear RGB, of people who lack one kind of cone: G. M. Machado,
// M. M. Oliveira, L. A. F. Fernandes, "A Physiologically-based Model for
// Simulation of Color Vision Deficiency", IEEE Transactions on Visualization and
// Computer Graphics 15(6), 2009, severity 1.0.
var sights = map[string][9]float64{
	"all cones":    {1, 0, 0, 0, 1, 0, 0, 0, 1},
	"deuteranopia": {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
	"protanopia":   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
	"tritanopia":   {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
}

func seen(c colorful.Color, m [9]float64) colorful.Color {
	r, g, b := c.LinearRgb()
	return colorful.LinearRgb(m[0]*r+m[1]*g+m[2]*b, m[3]*r+m[4]*g+m[5]*b, m[6]*r+m[7]*g+m[8]*b).Clamped()
}

// Every theme that has its own paper can be read on it, and who can't tell red
// from green can still tell what is good from what is bad. (For the other
// colours, letters, glyphs and words do; for the terminal's own, nobody knows.)
func TestThemesCanBeSeen(t *testing.T) {
	const apart = 15.0 // CIEDE2000; 2.3 is just noticeable side by side
	for _, th := range themes {
		if th.paper == "" {
			continue
		}
		paper := hex(t, th.paper)
		least := 4.5 // WCAG 2.2, 1.4.3 (AA)
		if th.name == "projector" {
			least = 7 // 1.4.6 (AAA)
		}
		colour := func(st style) colorful.Color {
			if c := th.of[st].colour; c != "" {
				return hex(t, c)
			}
			return hex(t, th.ink)
		}
		for st := range nStyles {
			if c := contrast(colour(st), paper); c < least {
				t.Errorf("%s: style %d has a contrast of %.1f, at least %.1f", th.name, st, c, least)
			}
		}
		for name, m := range sights {
			for _, set := range [][]style{{good, warn, bad}, {plain, good}, {plain, bad}, {series1, series2, series3, series4}} {
				for i, a := range set {
					for _, b := range set[:i] {
						if d := 100 * seen(colour(a), m).DistanceCIEDE2000(seen(colour(b), m)); d < apart {
							t.Errorf("%s, %s: styles %d and %d are only %.1f apart", th.name, name, a, b, d)
						}
					}
				}
			}
		}
	}
}

// Whatever colours a terminal has, no text has its paper's.
func TestThemesInFewColours(t *testing.T) {
	for _, profile := range []termenv.Profile{termenv.TrueColor, termenv.ANSI256, termenv.ANSI} {
		for _, th := range themes {
			if th.paper == "" {
				continue
			}
			paper := profile.Color(th.paper).Sequence(false)
			for st := range nStyles {
				c := th.of[st].colour
				if c == "" {
					c = th.ink
				}
				if profile.Color(c).Sequence(false) == paper {
					t.Errorf("%s with %s: style %d is as its paper", th.name, profile.Name(), st)
				}
			}
			for _, set := range [][2]style{{good, bad}, {good, warn}, {warn, bad}} {
				if a, b := profile.Color(th.of[set[0]].colour), profile.Color(th.of[set[1]].colour); a == b && profile != termenv.ANSI {
					t.Errorf("%s with %s: styles %v have one colour", th.name, profile.Name(), set)
				}
			}
		}
	}
}

// Every theme shows the same text, and its paper covers the window, cell by cell.
func TestThemesCoverTheWindow(t *testing.T) {
	for _, lang := range assets.Languages {
		want := show(lang, 80, 24, noColour, calm(), mid(), after())
		for i := range themes {
			pal := themes[i].palette(termenv.TrueColor, false)
			got := show(lang, 80, 24, pal, calm(), mid(), after())
			lines := strings.Split(got, "\n")
			for y, line := range lines {
				bare := ansi.Strip(line)
				if pal.paper != "" && (cells(bare) != 80 || !strings.HasPrefix(line, pal.paper)) {
					t.Errorf("%s: line %d: %d cells of paper: %q", themes[i].name, y+1, cells(bare), line)
				}
				lines[y] = strings.TrimRight(bare, " ")
			}
			if diff := cmp.Diff(want, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("%s says something else (-want +got):\n%s", themes[i].name, diff)
			}
		}
	}
}

func TestPalettes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile termenv.Profile
		dumb    bool
		n       int
		has     string
	}{
		{"true colour", termenv.TrueColor, false, len(Themes), "terminal"},
		{"16 colours", termenv.ANSI, false, len(Themes), "projector"},
		{"NO_COLOR", termenv.Ascii, false, 1, "mono"},
		{"dumb", termenv.Ascii, true, 1, "mono"},
	} {
		all := palettes(tt.profile, tt.dumb, false)
		if len(all) != tt.n || all[tt.has] == nil {
			t.Errorf("%s: %d palettes, want %d with %s", tt.name, len(all), tt.n, tt.has)
		}
		picture := show("en", 80, 24, all["mono"], calm(), mid())
		for _, code := range sgrCodes(picture) {
			if code >= 30 {
				t.Errorf("%s: mono has a colour: %d", tt.name, code)
			}
		}
		if tt.dumb && strings.Contains(picture, "\x1b") {
			t.Errorf("%s: %q", tt.name, picture)
		}
	}
}

// sgrCodes are the numbers in the sequences of a picture.
func sgrCodes(picture string) (codes []int) {
	for _, part := range strings.Split(picture, "\x1b[")[1:] {
		seq, _, _ := strings.Cut(part, "m")
		for _, n := range strings.Split(seq, ";") {
			if n, err := strconv.Atoi(n); err == nil {
				codes = append(codes, n)
			}
		}
	}
	return codes
}

// t goes through all themes and says which; a terminal without colours says so.
func TestThemeKey(t *testing.T) {
	p, _ := started(t, calm())
	var remembered []string
	p.palettes = palettes(termenv.TrueColor, false, false)
	p.st.bare = false
	p.wear("")
	p.opt.Remember = func(name, value string) error { remembered = append(remembered, name+"="+value); return nil }
	var want []string
	for i := range Themes {
		name := Themes[(i+1)%len(Themes)]
		_, cmd := p.Update(keyFor("t"))
		if p.theme != name || !strings.Contains(notice(p), name) {
			t.Errorf("theme %s, said %q, want %s", p.theme, notice(p), name)
		}
		want = append(want, "theme="+name)
		p.Update(cmd())
	}
	if diff := cmp.Diff(want, remembered); diff != "" {
		t.Errorf("remembered (-want +got):\n%s", diff)
	}
	p, _ = started(t, calm())
	press(p, "t")
	if p.theme != "mono" || !strings.Contains(notice(p), "no colours") {
		t.Errorf("without colours: theme %q, said %q", p.theme, notice(p))
	}
}

// With --ascii nothing else is on the English screen, and all in its place.
func TestASCII(t *testing.T) {
	pal := &palette{ascii: true}
	for _, sc := range scenes {
		for _, size := range [][2]int{{80, 24}, {120, 36}, {200, 60}} {
			for over := noOverlay; over < nOverlays; over++ {
				st := sc.st
				st.over = over
				got := showWith(st, "en", size[0], size[1], pal, sc.snaps...)
				if i := bytes.IndexFunc([]byte(got), func(r rune) bool { return r >= 0x7f }); i >= 0 {
					t.Errorf("%s %v overlay %d: %q is not ASCII", sc.name, size, over, got[i:i+4])
				}
				checkFits(t, got, size[0], size[1])
			}
		}
	}
	if got := show("en", 80, 24, pal, calm()); !strings.Contains(got, "####---------------") || strings.Contains(got, "?---") {
		t.Errorf("no bars:\n%s", got)
	}
	if got := show("ja", 80, 24, pal, calm()); strings.Contains(got, "⣿") || !strings.Contains(got, "クラッシュ") {
		t.Errorf("Japanese words are lost, or braille is there:\n%s", got)
	}
}

// The screen as a whole has no character of ambiguous width: checkFits looks
// for them, at all sizes. This is that it would find one.
func TestAmbiguousWidthWouldBeFound(t *testing.T) {
	for _, r := range "●·…×→│█" {
		if _, err := terminalCells(fmt.Sprintf("a%cb", r)); err == nil {
			t.Errorf("%c passes", r)
		}
	}
}
