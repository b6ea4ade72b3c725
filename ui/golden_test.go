package ui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"forklore/assets"
	"forklore/sim"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// noColour is the palette of a terminal without colours.
var noColour = new(palette)

// show feeds the snapshots to a state, as a run would, and draws the last one.
func show(lang string, w, h int, pal *palette, snaps ...*sim.Snapshot) string {
	return showWith(all, lang, w, h, pal, snaps...)
}

// showWith does it with what the user has chosen.
func showWith(st state, lang string, w, h int, pal *palette, snaps ...*sim.Snapshot) string {
	for _, s := range snaps {
		st.observe(s)
	}
	var f frame
	return f.draw(snaps[len(snaps)-1], &st, assets.Words(lang), w, h, pal)
}

// wait returns the snapshot some time on: nothing else changes.
func wait(s *sim.Snapshot, d time.Duration) *sim.Snapshot {
	c := *s
	c.At += d
	c.Events = nil
	return &c
}

// all is a user who has chosen nothing.
var all = state{target: sim.AllModels}

// A scene's sizes are these, if it has none of its own.
var sizes = [][2]int{{80, 24}, {120, 36}, {200, 60}}

var scenes = []struct {
	name  string
	snaps []*sim.Snapshot
	st    state
	sizes [][2]int
}{
	{"first", []*sim.Snapshot{calm()}, all, nil},
	{"calm", []*sim.Snapshot{calm(), mid(), after(), wait(after(), 40*time.Second)}, all, nil},
	{"down", append(minute(mid()), mid()), all, nil},
	{"after", append(minute(after()), wait(after(), 3*time.Second)), all, nil},
	{"leak", minute(leak()), all, nil},
	{"warm", []*sim.Snapshot{calm(), warm()}, all, nil},
	{"without", []*sim.Snapshot{without()}, all, nil},
	{"killed", []*sim.Snapshot{calm(), mid(), after(), killed()}, all, nil},
	{"spin", []*sim.Snapshot{calm(), spinning()}, all, nil},
	{"hang", []*sim.Snapshot{calm(), hanging()}, all, nil},
	{"dead-backend", []*sim.Snapshot{calm(), deserted()}, all, nil},
	{"catalogue", []*sim.Snapshot{calm()}, state{over: catalogueOverlay, cursor: 8, target: sim.Models(0).With(sim.EventLoop)}, nil},
	{"compare", minute(leak()), state{over: compareOverlay, target: sim.AllModels}, [][2]int{{60, 20}, {80, 24}, {120, 36}}},
	{"zoom-prefork", minute(leak()), state{over: zoomOverlay, target: sim.AllModels, shown: sim.Prefork}, sizes[:2]},
	{"zoom-loop", minute(after()), state{over: zoomOverlay, target: sim.AllModels, shown: sim.EventLoop}, [][2]int{{120, 36}}},
	{"zoom-container", []*sim.Snapshot{calm(), warm()}, state{over: zoomOverlay, target: sim.AllModels, shown: sim.Container}, sizes[:1]},
	{"one-first", []*sim.Snapshot{calm()}, all, [][2]int{{60, 20}}},
	{"one-after", minute(after()), state{target: sim.AllModels, shown: sim.EventLoop}, [][2]int{{60, 20}, {40, 10}}},
	{"one-down", minute(mid()), state{target: sim.AllModels, shown: sim.EventLoop}, [][2]int{{40, 10}}},
	{"played", []*sim.Snapshot{played(false)}, state{target: sim.AllModels, aloft: true}, sizes[:2]},
	{"played-paused", []*sim.Snapshot{played(true)}, all, [][2]int{{80, 24}, {60, 20}}},
	{"recording", []*sim.Snapshot{calm()}, state{target: sim.AllModels, recording: true, recorded: 83 * time.Second}, [][2]int{{80, 24}, {60, 20}}},
	{"small", []*sim.Snapshot{calm()}, all, [][2]int{{39, 24}, {30, 8}}},
}

func TestGolden(t *testing.T) {
	for _, sc := range scenes {
		if sc.sizes == nil {
			sc.sizes = sizes
		}
		for _, size := range sc.sizes {
			for _, lang := range assets.Languages {
				name := fmt.Sprintf("%s-%dx%d-%s", sc.name, size[0], size[1], lang)
				t.Run(name, func(t *testing.T) {
					got := showWith(sc.st, lang, size[0], size[1], noColour, sc.snaps...) + "\n"
					matches(t, name, got)
				})
			}
		}
	}
}

// matches holds a screen against the one in testdata.
func matches(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./ui -update writes it)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the screen changed (-want +got):\n%s", diff)
	}
}

// Without its colours, the coloured screen is the plain one: nothing is said
// by colour alone.
func TestColoursSayNothingAlone(t *testing.T) {
	for _, sc := range scenes {
		bare := showWith(sc.st, "en", 80, 24, noColour, sc.snaps...)
		coloured := showWith(sc.st, "en", 80, 24, colours(), sc.snaps...)
		if coloured == bare {
			t.Errorf("%s: no colours at all", sc.name)
		}
		if diff := cmp.Diff(bare, ansi.Strip(coloured)); diff != "" {
			t.Errorf("%s: (-bare +coloured)\n%s", sc.name, diff)
		}
	}
}
