package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forklore/assets"
	"forklore/sim"
	"forklore/sim/fault"
)

func TestCatalogueKeys(t *testing.T) {
	last := fault.Catalogue[len(fault.Catalogue)-1].Fault
	put := func(f sim.Fault, m sim.Models) []sim.Command {
		return []sim.Command{{Inject: &sim.Inject{Fault: f, Models: m, Arm: true}}}
	}
	for _, tt := range []struct {
		keys string // with blanks between
		want []sim.Command
		open bool // still, at the end
	}{
		{"f enter", put(sim.FaultCrash, sim.AllModels), false},
		{"ｆ enter", put(sim.FaultCrash, sim.AllModels), false},
		{"F enter", put(sim.FaultCrash, sim.AllModels), false},
		{"f down enter", put(sim.FaultSegv, sim.AllModels), false},
		{"f down down up enter", put(sim.FaultSegv, sim.AllModels), false},
		{"f up enter", put(sim.FaultCrash, sim.AllModels), false},
		{"f end enter", put(last, sim.AllModels), false},
		{"f end down enter", put(last, sim.AllModels), false},
		{"f end home enter", put(sim.FaultCrash, sim.AllModels), false},
		{"f pgdown enter", put(sim.FaultLeak, sim.AllModels), false},
		{"f pgdown pgup enter", put(sim.FaultCrash, sim.AllModels), false},
		{"f h enter", put(sim.FaultHang, sim.AllModels), false},
		{"f ｈ enter", put(sim.FaultHang, sim.AllModels), false},
		{"f s enter", put(sim.FaultSegv, sim.AllModels), false},
		{"f s s enter", put(sim.FaultSpin, sim.AllModels), false},
		{"f ss enter", put(sim.FaultSpin, sim.AllModels), false},
		{"f s s s s s enter", put(sim.FaultSegv, sim.AllModels), false},
		{"f f enter", put(sim.FaultFDLeak, sim.AllModels), false},
		{"f r r enter", put(sim.FaultRetryStorm, sim.AllModels), false},
		{"f 3 c enter", put(sim.FaultCrash, 1<<sim.EventLoop), false},
		{"f ３ enter", put(sim.FaultCrash, 1<<sim.EventLoop), false},
		{"f 3 a enter", put(sim.FaultCrash, sim.AllModels), false},
		{"f l", nil, true},
		{"f g", nil, true},
		{"f esc", nil, false},
		{"f q", nil, false},
		{"f h esc f enter", put(sim.FaultHang, sim.AllModels), false},
		{"f +", []sim.Command{{Rate: 32}}, true},
	} {
		p, src := started(t, calm())
		quits := press(p, strings.Fields(tt.keys)...)
		if diff := cmp.Diff(tt.want, src.asked); diff != "" {
			t.Errorf("%s: commands (-want +got):\n%s", tt.keys, diff)
		}
		if open := p.st.over == catalogueOverlay; open != tt.open || quits {
			t.Errorf("%s: open %v, quits %v", tt.keys, open, quits)
		}
		checkFits(t, p.View(), 80, 24)
	}
}

// What can't be injected says why, and the catalogue stays open for another.
func TestCatalogueRefused(t *testing.T) {
	p, src := started(t, calm())
	src.err = fmt.Errorf("crash: %w: no pids controller", sim.ErrUnsupported)
	press(p, "f", "enter")
	if p.st.over != catalogueOverlay || !strings.Contains(notice(p), "not possible here: no pids controller") {
		t.Errorf("it says %q:\n%s", notice(p), p.View())
	}
	p, src = started(t, mid()) // 3 is down
	press(p, "3", "f", "s", "enter")
	if len(src.asked) > 0 || !strings.Contains(notice(p), "3 is down") {
		t.Errorf("asked %v, says %q", src.asked, notice(p))
	}
	press(p, "a", "enter")
	if len(src.asked) != 1 || src.asked[0].Inject.Models.Has(sim.EventLoop) || !strings.Contains(notice(p), "3 is down") {
		t.Errorf("asked %v, says %q", src.asked, notice(p))
	}
}

// In the smallest window every fault is there with all that there is to know
// of it, and what is said of the chosen one has the room for it.
func TestCatalogueFits(t *testing.T) {
	for _, lang := range assets.Languages {
		word := assets.Words(lang)
		for _, id := range []string{"catalogue.presses"} {
			if n := cells(word.T(id, nil)); n > 80 {
				t.Errorf("%s: %s: %d cells", lang, id, n)
			}
		}
		for i, k := range fault.Catalogue {
			f := frame{snap: calm(), st: &state{over: catalogueOverlay, cursor: i, target: sim.AllModels}, word: word}
			lines := strings.Split(f.draw(f.snap, f.st, word, 80, 24, noColour), "\n")
			row := lines[2+i]
			if !strings.HasPrefix(row, "> "+string(k.Fault)) || strings.Contains(row, " *") != k.Presses {
				t.Errorf("%s: row of %s: %q", lang, k.Fault, row)
			}
			for _, what := range []string{f.who(&k), word.T("catalogue.does."+string(k.Fault), nil), f.hard(&k), f.long(&k)} {
				if !strings.Contains(row, what) {
					t.Errorf("%s: %s: no %q in %q", lang, k.Fault, what, row)
				}
			}
			if last := strings.TrimSpace(row); !strings.HasSuffix(last, f.long(&k)) {
				t.Errorf("%s: %q doesn't end with how long", lang, row)
			}
			if detail := wrap(word.T("detail."+string(k.Fault), nil), 80); len(detail) > 2 {
				t.Errorf("%s: detail of %s: %d lines: %q", lang, k.Fault, len(detail), detail)
			} else if !strings.Contains(lines[19], detail[0]) {
				t.Errorf("%s: no detail of %s:\n%s", lang, k.Fault, strings.Join(lines, "\n"))
			}
			notWords(t, lang, strings.Join(lines, "\n"))
		}
	}
}

// A fault that waits for its turn says where.
func TestArmedForItsTurn(t *testing.T) {
	for lang, want := range map[string][]string{
		"en": {"SPIN waits for its turn in 2, 4: one model at a time", "waits for its turn"},
		"ja": {"CPU占有は2, 4で順番待ち", "順番待ち"},
	} {
		screen := show(lang, 80, 24, noColour, spinning())
		for _, want := range want {
			if !strings.Contains(screen, want) {
				t.Errorf("%s: no %q:\n%s", lang, want, screen)
			}
		}
	}
}

func TestArmedFits(t *testing.T) {
	for _, lang := range assets.Languages {
		for _, k := range fault.Catalogue {
			for _, waits := range []string{sim.WaitsSteady, sim.WaitsRequest, sim.WaitsTurn} {
				f := frame{canvas: canvas{w: 80}, word: assets.Words(lang), st: new(state)}
				a := sim.Armed{Fault: k.Fault, Models: sim.AllModels, Waits: waits, For: 2900 * time.Millisecond}
				if got := f.armed(&a); cells(got) > 80 {
					t.Errorf("%s: %d cells: %s", lang, cells(got), got)
				}
			}
		}
	}
}

// Of a fault that many requests carry, none is marked on the tape.
func TestOnlyOneCarrierIsMarked(t *testing.T) {
	if s := show("en", 80, 24, noColour, hanging()); strings.Contains(s, "#1284") {
		t.Errorf("a hang is marked:\n%s", s)
	}
	if s := show("en", 80, 24, noColour, spinning()); !strings.Contains(s, "^ #1284 spins") && !strings.Contains(s, "#1284 spins ^") {
		t.Errorf("a spin isn't marked:\n%s", s)
	}
}
