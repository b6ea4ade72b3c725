package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"forklore/assets"
	"forklore/sim"
	"forklore/sim/fault"
)

// modes are the columns that a sentence may tell of.
var modes = []struct {
	model sim.Model
	mode  string
}{
	{sim.CGI, ""}, {sim.Prefork, ""}, {sim.EventLoop, ""},
	{sim.Container, sim.ModeFresh}, {sim.Container, sim.ModePrewarmed}, {sim.Container, sim.ModeWarm},
}

// Every fault has a sentence in every model, open or closed, harmless or not,
// whatever the figures are.
func TestEveryFaultIsTold(t *testing.T) {
	for _, lang := range assets.Languages {
		f := frame{snap: calm(), st: &state{}, word: assets.Words(lang)}
		end := map[string]string{"en": ".", "ja": "。"}[lang]
		for _, k := range fault.Catalogue {
			for _, at := range modes {
				for _, open := range []bool{true, false} {
					for _, harm := range []bool{false, true} {
						for _, large := range []int{1, 30, 100_000} {
							in := faulty(&k, at.model, at.mode, open, harm, large)
							for _, change := range changes {
								in := in
								change.do(&in)
								got := f.sentence(&in)
								what := fmt.Sprintf("%s %s %s%s open=%v harm=%v x%d %s: %q", lang, k.Fault, at.model, at.mode, open, harm, large, change.name, got)
								if n := cells(got); n > sentenceWidth {
									t.Errorf("%s: %d cells", what, n)
								}
								notWords(t, what, got)
								if !strings.HasSuffix(got, end) || strings.HasPrefix(got, ":") || strings.HasPrefix(got, ";") {
									t.Errorf("%s: not a sentence", what)
								}
								if usual := !harm && large == 1; usual && f.sentenceIsBare(&in) {
									t.Errorf("%s: no cause", what)
								}
								if text, _ := f.figure(&in); cells(text) >= figureWidth {
									t.Errorf("%s: the figure %q has no room", what, text)
								}
								notWords(t, what, f.proofLine(&in))
							}
						}
					}
				}
			}
		}
	}
}

// sentenceIsBare: there was no room for the cause.
func (f *frame) sentenceIsBare(in *sim.Incident) bool {
	if _, made := concernOf[in.Fault]; !made {
		return false
	}
	_, brief, harm := f.effects(in)
	return len(f.causes(in)) > 0 && f.sentence(in) == f.join("", brief, harm)
}

// changes are figures that come with none of the faults, and may.
var changes = []struct {
	name string
	do   func(*sim.Incident)
}{
	{"as it is", func(*sim.Incident) {}},
	{"no baseline", func(in *sim.Incident) { in.Before.P99MS, in.Delayed = 0, 0 }},
	{"no carrier", func(in *sim.Incident) { in.Carrier = 0 }},
	{"killed by the kernel", func(in *sim.Incident) { in.Deaths, in.OOMKills = in.Deaths+1, in.OOMKills+1 }},
	{"not killed by the kernel", func(in *sim.Incident) { in.OOMKills = 0 }},
	{"no more processes", func(in *sim.Incident) { in.ProcsPeak, in.Started = 0, 0 }},
	{"nothing", func(in *sim.Incident) {
		*in = sim.Incident{Fault: in.Fault, Model: in.Model, Mode: in.Mode, At: in.At, Closed: in.Closed}
	}},
}

// notWords fails for a word that is missing, or a figure that is.
func notWords(t *testing.T, what, got string) {
	t.Helper()
	for _, bad := range []string{"say.", "cause.", "effect.", "proof.", "end.d", "end.e", "victims.", "started.", "catalogue.", "detail.", "strip.", "tape.", "next.", "no value", "%!", "{{"} {
		if strings.Contains(got, bad) {
			t.Errorf("%s: %q in %q", what, bad, got)
		}
	}
}

// What is said follows the figures, not the expectation.
func TestSentencesFollowTheFigures(t *testing.T) {
	type figures func(*sim.Incident)
	none := func(*sim.Incident) {}
	for _, tt := range []struct {
		fault sim.Fault
		model sim.Model
		mode  string
		open  bool
		set   figures
		en    string
		ja    string
	}{
		{sim.FaultSpin, sim.Prefork, "", true, none,
			"#1284 keeps one worker busy; nobody else is late.", "#1284がワーカー1つを占有中。ほかに遅延なし。"},
		{sim.FaultSpin, sim.EventLoop, "", false, func(in *sim.Incident) { in.Delayed, in.WorstMS = 52, 2200 },
			"#1284 kept the one thread busy: 52 late, the worst 2.20 s.", "#1284が唯一のスレッドを占有: 遅延52件、最大2.20秒。"},
		{sim.FaultSpin, sim.CGI, "", false, func(in *sim.Incident) { in.Delayed, in.WorstMS = 3, 410 },
			"#1284 kept its own process busy: 3 late, the worst 410 ms.", "#1284は自分のプロセスだけを占有: 遅延3件、最大410ms。"},
		{sim.FaultSpin, sim.CGI, "", false, func(in *sim.Incident) { in.Before.P99MS = 0 },
			"#1284 kept its own process busy; no other was lost.", "#1284は自分のプロセスだけを占有。ほかに失敗なし。"},
		{sim.FaultHang, sim.Prefork, "", false, func(in *sim.Incident) {
			in.Carriers, in.Lost, in.Delayed, in.WorstMS, in.QueuePeak = 12, 12, 52, 4870, 44
		},
			"Each hung request held a worker: 52 late, the worst 4.87 s.", ""},
		{sim.FaultHang, sim.Prefork, "", true, func(in *sim.Incident) { in.Carriers, in.Lost, in.Reset = 12, 14, 2 },
			"Each hung request holds a worker: 2 cut off.", "ハング1件がワーカー1つを占有中: 切断2。"},
		{sim.FaultHang, sim.CGI, "", true, func(in *sim.Incident) { in.ProcsPeak = 24 },
			"Processes pile up, 4 became 24; nobody else is late.", "プロセスがたまり、4が24に。ほかに遅延なし。"},
		{sim.FaultSlowBackend, sim.CGI, "", false, func(in *sim.Incident) { in.ProcsPeak, in.Delayed, in.WorstMS = 36, 51, 2280 },
			"Processes piled up, 4 became 36: 51 late, the worst 2.28 s.", ""},
		{sim.FaultBleed, sim.EventLoop, "", false, func(in *sim.Incident) { in.Wrong = 31 },
			"The one process kept its globals: 31 got another user's name.", ""},
		{sim.FaultBleed, sim.CGI, "", false, none,
			"Each process started clean; nobody got another's name.", "プロセスは毎回新しく始まる。取り違えなし。"},
		{sim.FaultBleed, sim.CGI, "", false, func(in *sim.Incident) { in.Wrong = 1 },
			"1 got another user's name.", "1件に他人の名前。"},
		{sim.FaultBleed, sim.Container, sim.ModeWarm, false, func(in *sim.Incident) { in.Wrong = 3 },
			"Warm sandboxes kept their globals: 3 got another user's name.", ""},
		{sim.FaultFDLeak, sim.EventLoop, "", true, func(in *sim.Incident) { in.Carriers, in.Lost, in.Errors, in.Reset = 2, 14, 2, 12 },
			"No descriptors left: 12 cut off.", "ディスクリプタ切れ: 切断12。"},
		{sim.FaultDeadBackend, sim.CGI, "", false, func(in *sim.Incident) { in.Lost, in.Errors = 48, 48 },
			"Nobody to ask: 48 answered 502.", "聞く相手がいなかった: 48件が502。"},
		{sim.FaultKill, sim.Prefork, "", false, func(in *sim.Incident) { in.Lost, in.Reset = 1, 1 },
			"worker 4123 killed: 1 cut off, refilled in 31 ms.", ""},
		{sim.FaultKill, sim.CGI, "", false, func(in *sim.Incident) { in.Deaths = 3 },
			"The lab killed 3 processes (SIGKILL); no request was lost.", ""},
		{sim.FaultOOM, sim.EventLoop, "", false, func(in *sim.Incident) { in.Lost, in.Refused, in.Downtime = 16, 15, 1020*time.Millisecond },
			"#1284 took all memory: 15 refused, down for 1.02 s.", ""},
		{sim.FaultOOM, sim.Container, sim.ModeFresh, false, none,
			"#1284 and its sandbox were OOM-killed; nobody else noticed.", "#1284がサンドボックスごとOOM kill。ほかは影響なし。"},
		{sim.FaultForkBomb, sim.Container, sim.ModeFresh, false, none,
			"#1284 forked within its own pids.max; nobody else noticed.", ""},
		{sim.FaultBurst, sim.CGI, "", false, func(in *sim.Incident) {
			in.Arrivals, in.Started, in.Delayed, in.WorstMS, in.QueuePeak = 480, 480, 300, 6200, 210
		},
			"480 requests, 480 processes started: 300 late, the worst 6.20 s.", ""},
		{sim.FaultRetryStorm, sim.Prefork, "", false, func(in *sim.Incident) { in.Arrivals, in.Retries, in.Delayed, in.WorstMS = 230, 166, 20, 900 },
			"64 requests became 230 tries: 20 late, the worst 900 ms.", ""},
		{sim.FaultExit, sim.Prefork, "", false, none,
			"#1284 and worker 4123 quit; 7 workers went on, refilled in 31 ms.", "#1284とワーカー4123が終了した。残り7つは継続、31msで補充。"},
	} {
		k, _ := fault.Find(tt.fault)
		in := faulty(&k, tt.model, tt.mode, tt.open, false, 1)
		tt.set(&in)
		for lang, want := range map[string]string{"en": tt.en, "ja": tt.ja} {
			f := frame{snap: calm(), st: &state{}, word: assets.Words(lang)}
			if got := f.sentence(&in); want != "" && got != want {
				t.Errorf("%s %s %s\n got %s (%d)\nwant %s", lang, tt.fault, tt.model, got, cells(got), want)
			}
		}
	}
}

// The figure before the sentence, and in the column, is the one that tells.
func TestTellingFigure(t *testing.T) {
	for _, tt := range []struct {
		name  string
		in    sim.Incident
		p99   float64
		want  string
		style style
	}{
		{"crash", sim.Incident{Fault: sim.FaultCrash, Carriers: 1, Lost: 20}, 300, "1+19", bad},
		{"crash alone", sim.Incident{Fault: sim.FaultCrash, Carriers: 1, Lost: 1, Delayed: 3}, 300, "1+0", good},
		{"late", sim.Incident{Fault: sim.FaultSpin, Delayed: 52}, 300, "~52", warn},
		{"nobody late", sim.Incident{Fault: sim.FaultSpin}, 300, "~0", good},
		{"too early", sim.Incident{Fault: sim.FaultSpin}, 0, "~-", faint},
		{"others late", sim.Incident{Fault: sim.FaultHang, Carriers: 12, Lost: 12, Delayed: 52}, 300, "~52", warn},
		{"carriers alone", sim.Incident{Fault: sim.FaultHang, Carriers: 12, Lost: 12}, 300, "12+0", good},
		{"lost and late", sim.Incident{Fault: sim.FaultHang, Carriers: 12, Lost: 13, Delayed: 52}, 300, "12+1", bad},
		{"many late", sim.Incident{Fault: sim.FaultBurst, Delayed: 54321}, 300, "~54k", warn},
		{"wrong", sim.Incident{Fault: sim.FaultBleed, Wrong: 9}, 300, "?9", bad},
		{"none wrong", sim.Incident{Fault: sim.FaultBleed}, 300, "?0", good},
		{"dead backend", sim.Incident{Fault: sim.FaultDeadBackend, Lost: 48, Errors: 48}, 300, "0+48", bad},
	} {
		tt.in.Before.P99MS = tt.p99
		f := frame{snap: calm(), st: &state{}, word: assets.Words("en")}
		if got, st := f.figure(&tt.in); got != tt.want || st != tt.style {
			t.Errorf("%s: %q in style %d, want %q in %d", tt.name, got, st, tt.want, tt.style)
		}
	}
}

// Every fault has its heading, moral, hint and, where one request carries it,
// its mark; they have room, whatever is written beside them.
func TestFaultsHaveTheirWords(t *testing.T) {
	all := []sim.Fault{sim.FaultOutside}
	for _, k := range fault.Catalogue {
		all = append(all, k.Fault)
	}
	for _, lang := range assets.Languages {
		word := assets.Words(lang)
		for _, name := range all {
			data := map[string]any{"Carrier": "123456789", "Ago": "20 s"}
			ids := map[string]int{"fault.": 18, "strip.head.": 80, "strip.moral.": 60, "next.": 80}
			if stays(name) {
				if s := word.T("next."+string(name)+"_fresh", nil); cells(s) > 80 || strings.HasPrefix(s, "next.") {
					t.Errorf("%s: %q", lang, s)
				}
			}
			if hasCarrier[name] {
				ids["tape.mark."] = 40
			}
			for id, room := range ids {
				got := word.T(id+string(name), data)
				notWords(t, lang, got)
				if n := cells(got); n > room || got == id+string(name) {
					t.Errorf("%s: %s%s: %q: %d cells of %d", lang, id, name, got, n, room)
				}
			}
			notWords(t, lang, word.T("strip.head."+string(name)+"_brief", data))
		}
	}
}
