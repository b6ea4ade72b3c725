package ui

import (
	"strconv"

	"forklore/sim"
)

// telling is the one figure that says what a fault did to a model: whom it
// took, or, where it took nobody else and is not about that, whom it kept
// waiting ("~") or had answered with another's data ("?").
type telling struct {
	sign  byte // '+', '~' or '?'
	n     int  // others lost, late or wrong
	vague bool // too few answers before the fault to say what is late
	style style
}

func tell(in *sim.Incident) telling {
	others, about := in.Collateral(), concernOf[in.Fault]
	t := telling{sign: '+', n: others, style: good}
	switch {
	case others > 0:
	case about == delay && (in.Lost == 0 || in.Delayed > 0):
		t.sign, t.n, t.vague = '~', in.Delayed, in.Before.P99MS == 0 && in.Delayed == 0
	case about == truth && (in.Lost == 0 || in.Wrong > 0):
		t.sign, t.n = '?', in.Wrong
	}
	switch {
	case others > 0, about == truth && in.Wrong > 0:
		t.style = bad
	case t.vague:
		t.style = faint
	case about == delay && in.Delayed > 0:
		t.style = warn
	}
	return t
}

// figure is it in the column before the sentences.
func (f *frame) figure(in *sim.Incident) (string, style) {
	t := tell(in)
	before := string(t.sign)
	if t.sign == '+' {
		before = strconv.Itoa(in.Carriers) + "+"
	} else if t.vague {
		return before + "-", t.style
	}
	return fit(figureWidth-1, before+strconv.Itoa(t.n), before+strconv.Itoa(t.n/1000)+"k", before+strconv.Itoa(t.n/1_000_000)+"M"), t.style
}

// hit is it in the model's column: large where there is room, with words
// beside it as far as these have room, too.
func (f *frame) hit(m sim.Model, y, x, w int) {
	in := f.st.incident(m)
	if f.hitRows == 1 || in == nil || f.pal.ascii { // braille makes the large figures
		f.hitLine(in, y+f.hitRows/2, x, w)
		return
	}
	text, st := f.figure(in)
	took := f.big(text, y, x, w, f.hitRows, st)
	if took == 0 {
		f.hitLine(in, y+f.hitRows/2, x, w)
		return
	}
	x, w = x+took+2, w-took-2
	words := []string{f.hitWord(in)}
	if in.Open() {
		words = append(words, f.t("hit.so_far"))
	}
	for i, word := range words {
		if cells(word) <= w {
			f.put(y+f.hitRows/2+i, x, w, st, word)
		}
	}
}

// hitWord names what the large figure counts.
func (f *frame) hitWord(in *sim.Incident) string {
	switch t := tell(in); {
	case t.vague:
		return f.t("hit.word_unknown")
	case t.sign == '~':
		return f.t("hit.word_late")
	case t.sign == '?':
		return f.t("hit.word_wrong")
	case t.n == 0:
		return f.t("hit.word_none")
	default:
		return f.tn("hit.word_others", t.n)
	}
}

// hitLine is it in one row of text.
func (f *frame) hitLine(in *sim.Incident, y, x, w int) {
	end := x + w
	x = f.put(y, x, w, strong, f.t("hit.label")+" ")
	if in == nil {
		f.put(y, x, end-x, faint, "-")
		return
	}
	t := tell(in)
	data := map[string]any{"Carriers": count(in.Carriers), "Others": count(t.n), "N": t.n, "Count": count(t.n)}
	id, brief := "hit.none", "hit.brief"
	switch {
	case t.vague:
		id, brief = "hit.unknown", "hit.unknown_brief"
	case t.sign == '~':
		id, brief = "hit.late", "hit.late"
	case t.sign == '?':
		id, brief = "hit.wrong", "hit.wrong"
	case t.n > 0:
		id = "hit.others"
	}
	full := f.word.T(id, data)
	if in.Open() && w >= wideColumn {
		full += " " + f.t("hit.so_far")
	}
	f.put(y, x, end-x, t.style, fit(end-x, full, f.word.T(brief, data)))
}
