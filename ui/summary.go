package ui

import (
	"strings"

	"forklore/sim"
)

// summary is what stays in the terminal after the screen has gone: how long it
// ran, what became of the requests, and what was told last. It is plain text.
func (p *program) summary() []string {
	if p.snap == nil || p.snap.At == 0 {
		return nil
	}
	f := frame{snap: p.snap, st: &p.st, word: p.word}
	ran := p.snap.At
	if p.snap.Played != nil {
		ran = p.snap.Played.At
	}
	lines := []string{f.word.T("sum.ran", map[string]any{"Time": clock(ran), "Source": f.t("kind." + string(p.snap.Kind))})}
	pad := func(s string) string { return s + strings.Repeat(" ", max(labelWidth-cells(s), 1)) }
	for m := range sim.NModels {
		ms := &p.snap.Model[m]
		if ms.State == sim.Off || ms.State == sim.Unavailable {
			continue
		}
		r := &ms.Requests
		text := f.word.T("sum.sent", map[string]any{"Sent": count(r.Sent), "OK": count(r.OK), "Failed": count(r.Failed())})
		if n := p.st.incidents[m]; n > 0 {
			text += ", " + f.tn("sum.incidents", n)
		}
		lines = append(lines, pad(f.t("label."+m.String()))+text)
	}
	if len(p.st.group) == 0 || p.st.blind() {
		return lines
	}
	lines = append(lines, f.t("sum.last")+" "+f.t("fault."+string(p.st.group[0].Fault)))
	for i := range p.st.group {
		in := &p.st.group[i]
		figure, _ := f.figure(in)
		figure += strings.Repeat(" ", max(figureWidth-cells(figure), 1))
		lines = append(lines, pad(f.t("label."+in.Model.String()))+figure+f.sentence(in))
	}
	if f.pal = p.pal; f.pal.ascii {
		for i := range lines {
			lines[i] = asciiOnly(lines[i], p.word.Lang() == "ja")
		}
	}
	return lines
}

// tally counts the incidents of each model as they come.
func (s *state) tally(current []sim.Incident) {
	newest := s.counted
	for i := range current {
		in := &current[i]
		if in.At > s.counted[in.Model] {
			s.incidents[in.Model]++
			newest[in.Model] = max(newest[in.Model], in.At)
		}
	}
	s.counted = newest
}
