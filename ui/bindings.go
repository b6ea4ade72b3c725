package ui

import (
	"slices"
	"strconv"

	tea "github.com/charmbracelet/bubbletea"

	"forklore/assets"
	"forklore/sim"
)

// binding is one thing that keys do. The keyboard, the row of keys, the help
// and the reason why a key does nothing now all come from the table below.
//
// It is a table of its own and not that of bubbles/key: a key here has two
// languages, a reason, and a letter in full width; all that would be left of
// that package is a slice of strings.
type binding struct {
	id    string    // its words are key.<id>.row, .wide and .help
	keys  []string  // as Bubble Tea names them; letters folded, see fold
	shown string    // as the help writes them, "" for the keys themselves
	over  []overlay // where it does this; nil: everywhere else
	rows  []overlay // whose rows of keys have it, too
	// rank: the lower, the longer it stays in a row of keys that gets too
	// narrow; 0: it isn't in the row.
	rank int
	// past: it is for recordings, where it comes before others with its key; now:
	// what has been recorded can't be changed by it any more.
	past, now bool
	off       func(now situation) string // why it does nothing now; "" or nil: it does
	do        func(p *program, key string) tea.Cmd
}

// situation is what decides whether a key does something.
type situation struct {
	snap *sim.Snapshot // nil before the first one
	st   *state
	word *assets.Printer
	w, h int // the window
}

// small: there is room for one model only.
func (n situation) small() bool { return n.w < minWidth || n.h < minHeight }

func (n situation) t(id string) string { return n.word.T(id, nil) }

// Overlays that have keys in common.
var (
	pages      = []overlay{compareOverlay, zoomOverlay}                                          // every key does there what it does without
	scrolled   = []overlay{helpOverlay, infoOverlay, eventsOverlay, compareOverlay, zoomOverlay} // what may be longer than the window
	catalogued = []overlay{catalogueOverlay}
	opened     = slices.Concat(scrolled, catalogued)
)

// bindings are all keys, in the order of the row and of the help. Of two that
// have a key in common, the one that is for the open overlay counts.
var bindings []binding

func init() { // they are about what refers to them
	bindings = []binding{
		{id: "crash", keys: []string{"c"}, rank: 1, now: true, off: notYet, do: injects(sim.FaultCrash)},
		{id: "leak", keys: []string{"l"}, rank: 1, now: true, off: notYet, do: injects(sim.FaultLeak)},
		{id: "faults", keys: []string{"f"}, rank: 2, now: true, do: opens(catalogueOverlay)},
		{id: "aim", keys: []string{"1", "2", "3", "4"}, shown: "1 2 3 4", rows: catalogued, rank: 1, now: true, do: (*program).aim},
		{id: "pick", keys: []string{"1", "2", "3", "4"}, shown: "1 2 3 4", past: true, rank: 3, do: (*program).pick},
		{id: "play", keys: []string{" "}, shown: "space", past: true, rank: 1, do: (*program).pause},
		{id: "seek", keys: []string{"left", "right"}, shown: "left right", past: true, rank: 1, do: (*program).seek},
		{id: "incident", keys: []string{"[", "]"}, shown: "[ ]", past: true, rank: 1, do: (*program).seekIncident},
		{id: "all", keys: []string{"a"}, now: true, do: (*program).aimAtAll},
		{id: "faster", keys: []string{"+", "=", ";"}, shown: "+ = ;", rank: 4, now: true, off: notYet, do: faster(+1)},
		{id: "slower", keys: []string{"-"}, now: true, off: notYet, do: faster(-1)},
		{id: "pause", keys: []string{" "}, shown: "space", rank: 2, now: true, do: (*program).pause},
		{id: "undo", keys: []string{"u"}, rank: 3, now: true, off: nothingToUndo, do: (*program).undo},
		{id: "mode", keys: []string{"m"}, rank: 6, now: true, off: oneMode, do: (*program).mode},
		{id: "weight", keys: []string{"w"}, rank: 7, now: true, off: noWeight, do: (*program).weight},
		{id: "reset", keys: []string{"r"}, shown: "r r", rank: 8, now: true, do: (*program).reset},
		{id: "hold", keys: []string{"z"}, rank: 10, off: notYet, do: (*program).freeze},
		{id: "step", keys: []string{"pgdown"}, shown: "PgDn", rank: 9, off: notYet, do: (*program).nextStep},
		{id: "back", keys: []string{"pgup"}, shown: "PgUp", off: notYet, do: (*program).lastStep},
		{id: "blank", keys: []string{"b", "."}, shown: "b   .", rank: 13, do: (*program).blank},
		{id: "parachute", keys: []string{"p"}, rank: 15, off: noParachute, do: (*program).parachute},
		{id: "record", keys: []string{"v"}, rank: 16, off: noRecord, do: (*program).record},
		{id: "save", keys: []string{"s"}, rank: 12, do: (*program).save},
		{id: "zoom", keys: []string{"enter"}, rank: 6, off: noZoom, do: opens(zoomOverlay)},
		{id: "compare", keys: []string{"tab"}, rank: 5, off: notYet, do: opens(compareOverlay)},
		{id: "events", keys: []string{"e"}, rank: 11, do: opens(eventsOverlay)},
		{id: "lessons", keys: []string{"n"}, rank: 7, now: true, do: func(p *program, _ string) tea.Cmd { p.openLessons(""); return nil }},
		{id: "theme", keys: []string{"t"}, rank: 14, off: noThemes, do: (*program).nextTheme},
		{id: "lang", keys: []string{"g"}, rank: 2, do: (*program).nextLang},
		{id: "info", keys: []string{"i"}, rank: 4, do: opens(infoOverlay)},
		{id: "help", keys: []string{"?"}, rank: 1, do: opens(helpOverlay)},
		{id: "whose", keys: []string{"1", "2", "3", "4", "a", "left", "right"}, shown: "1-4 a left right", over: []overlay{eventsOverlay},
			rank: 2, do: (*program).whose},
		{id: "page", keys: []string{"left", "right"}, shown: "left right", over: []overlay{zoomOverlay}, rank: 2, do: (*program).sideways},
		{id: "look", keys: []string{"left", "right"}, shown: "left right", off: notSmall, do: (*program).sideways},
		{id: "choose", keys: []string{"up", "down", "pgup", "pgdown", "home", "end"}, shown: "up down", over: catalogued,
			rank: 2, do: (*program).moveCursor},
		{id: "put", keys: []string{"enter"}, over: catalogued, rank: 1, now: true, off: notYet, do: (*program).choose},
		{id: "scroll", keys: []string{"up", "down", "pgup", "pgdown", "home", "end"}, shown: "up down", over: scrolled,
			rank: 1, do: (*program).scrollBy},
		{id: "esc", keys: []string{"esc"}, over: opened, rank: 1, do: (*program).escape},
		{id: "esc", keys: []string{"esc"}, do: (*program).escape},
		{id: "quit", keys: []string{"q"}, shown: "q q", rank: 1, do: (*program).quit},
		{id: "now", keys: []string{"ctrl+c"}, shown: "ctrl-c", do: func(*program, string) tea.Cmd { return tea.Quit }},
		{id: "redraw", keys: []string{"ctrl+l"}, shown: "ctrl-l", do: func(*program, string) tea.Cmd { return tea.ClearScreen }},
	}
}

// bound is what the key does where that overlay is open, in a recording or not;
// nil if nothing.
func bound(key string, over overlay, played bool) *binding {
	var general *binding
	for i := range bindings {
		b := &bindings[i]
		switch {
		case !slices.Contains(b.keys, key) || b.past && !played:
		case b.over == nil:
			if general == nil || !general.past {
				general = b
			}
		case slices.Contains(b.over, over):
			return b
		}
	}
	return general
}

// why says why the binding does nothing now, "" if it does something.
func (b *binding) why(now situation) string {
	switch {
	case b.past && !now.played():
		return now.t("off.live")
	case b.now && now.played():
		return now.t("off.played")
	case b.off == nil:
		return ""
	}
	return b.off(now)
}

// The reasons.

func notYet(now situation) string {
	if now.snap == nil {
		return now.t("wait")
	}
	return ""
}

func nothingToUndo(now situation) string {
	if now.snap != nil && len(now.snap.Active) == 0 && now.snap.Armed == nil {
		return now.t("said.nothing_undone")
	}
	return ""
}

func oneMode(now situation) string {
	if now.snap == nil {
		return now.t("wait")
	}
	switch ms := &now.snap.Model[sim.Container]; {
	case ms.State == sim.Off || ms.State == sim.Unavailable:
		return now.word.T("said.no_target", map[string]any{"Key": digit(sim.Container), "Why": ms.Why})
	case len(ms.Modes) < 2:
		return now.t("said.mode_only")
	}
	return ""
}

func noWeight(now situation) string {
	switch {
	case now.snap == nil:
		return now.t("wait")
	case !slices.Contains(weights, now.snap.Load.Weight):
		return now.t("said.weight.none")
	}
	return ""
}

func noThemes(now situation) string {
	if now.st.bare {
		return now.t("theme.none")
	}
	return ""
}

func noZoom(now situation) string {
	switch {
	case now.snap == nil:
		return now.t("wait")
	case now.small() && now.st.over != zoomOverlay:
		return now.word.T("said.no_zoom", map[string]any{"MinW": strconv.Itoa(minWidth), "MinH": strconv.Itoa(minHeight)})
	}
	return ""
}

func notSmall(now situation) string {
	if now.small() {
		return ""
	}
	return now.t("off.not_small")
}

// What most of them do.

func opens(o overlay) func(*program, string) tea.Cmd {
	return func(p *program, _ string) tea.Cmd { p.toggle(o); return nil }
}

func injects(f sim.Fault) func(*program, string) tea.Cmd {
	return func(p *program, _ string) tea.Cmd { p.inject(f); return nil }
}

func faster(by int) func(*program, string) tea.Cmd {
	return func(p *program, _ string) tea.Cmd { p.rate(by); return nil }
}
