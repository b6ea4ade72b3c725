package ui

import (
	"slices"
	"strings"
)

// keyRow lists keys for where one is: the most useful ones first to stay where
// there is little room, each in its place. Those that do something now stand
// out; the others say why when they are pressed.
func (f *frame) keyRow(y int) { f.keyRowFrom(y, 0) }

// keyRowFrom leaves the cells before x to somebody else.
func (f *frame) keyRowFrom(y, x int) {
	like := rowLike{f.w - x, f.w, f.st.over, f.word.Lang(), f.pal.ascii, isPlayed(f.snap)}
	if f.row.like != like {
		row, gap := f.keysThatFit(like.room, like.played)
		f.row = keptRow{like: like, gap: gap}
		for _, b := range row {
			f.row.keys = append(f.row.keys, b)
			f.row.words = append(f.row.words, f.rowWord(b, f.w >= roomyRow))
		}
	}
	now := situation{f.snap, f.st, f.word, f.w, f.h}
	for i, k := range f.row.keys {
		st := plain
		if k.why(now) != "" {
			st = faint
		}
		x = f.put(y, x, f.w, st, f.row.words[i]) + f.row.gap
	}
}

// keptRow is the row of the frame before; nearly always it is the next one's.
type keptRow struct {
	like  rowLike
	keys  []*binding
	words []string
	gap   int
}

// rowLike is what decides on the keys of a row.
type rowLike struct {
	room, width int
	over        overlay
	lang        string
	ascii       bool
	played      bool
}

// roomyRow is the width from which keys have more words, and more room.
const roomyRow = 110

// keysThatFit chooses by rank; what has been left out makes no room for another
// of a higher rank, or keys would come and go as windows change.
func (f *frame) keysThatFit(room int, played bool) (row []*binding, gap int) {
	gap = 1
	if f.w >= roomyRow {
		gap = 2
	}
	var all []*binding
	for i := range bindings {
		b := &bindings[i]
		here := b.over == nil && (f.st.over == noOverlay || slices.Contains(pages, f.st.over)) || slices.Contains(b.over, f.st.over) || slices.Contains(b.rows, f.st.over)
		if b.rank > 0 && here && !(b.now && played) && bound(b.keys[0], f.st.over, played) == b {
			all = append(all, b)
		}
	}
	byRank := slices.Clone(all)
	slices.SortStableFunc(byRank, func(a, b *binding) int { return a.rank - b.rank })
	room += gap
	for i, b := range byRank {
		room -= cells(f.rowWord(b, f.w >= roomyRow)) + gap
		if room < 0 {
			dropped := byRank[i:]
			all = slices.DeleteFunc(all, func(b *binding) bool { return slices.Contains(dropped, b) })
			break
		}
	}
	return all, gap
}

// rowWord is what the row says of a key.
func (f *frame) rowWord(b *binding, wide bool) string {
	id := "key." + b.id
	if f.pal != nil && f.pal.ascii {
		if word := f.t(id + ".ascii"); word != id+".ascii" {
			return word
		}
	}
	if wide {
		if word := f.t(id + ".wide"); word != id+".wide" {
			return word
		}
	}
	return f.t(id + ".row")
}

// keyLines are all keys, what each does, and why it does nothing now.
func (f *frame) keyLines() []string {
	now := situation{f.snap, f.st, f.word, f.w, f.h}
	lines := []string{"# " + f.t("keys.title")}
	for i := range bindings {
		b := &bindings[i]
		if i > 0 && bindings[i-1].id == b.id {
			continue // the same, in another place
		}
		shown := b.shown
		if shown == "" {
			shown = strings.Join(b.keys, "   ")
		}
		text := f.t("key." + b.id + ".help")
		if why := b.why(now); why != "" {
			text += " " + f.word.T("keys.off", map[string]any{"Why": clean(why)})
		}
		lines = append(lines, helpRow(shown, text, f.w)...)
	}
	return append(lines, "", f.t("keys.also"))
}
