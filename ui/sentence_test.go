package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"forklore/assets"
	"forklore/sim"
)

// Every sentence, with figures as large as they get, is a sentence of the
// language and has room; the usual figures don't need the brief form.
func TestSentencesFit(t *testing.T) {
	sizes := []struct {
		name             string
		carrier          uint64
		pid, lost, leaks int
		bytes            int64
		down             time.Duration
		full             bool // no brief form is needed
	}{
		{"usual", 1284, 4123, 20, 32, 128 << 20, 1020 * time.Millisecond, true},
		{"long run", 123_456, 4_194_304, 1234, 999, 4 << 30, 12345 * time.Millisecond, false},
		{"usual, warm", 1284, 4124 + 1, 20, 32, 128 << 20, 1020 * time.Millisecond, true},
		{"largest", 123_456_789, 4_194_304, 98_765_432, 99_999, 400 << 30, 2 * time.Hour, false},
	}
	for _, lang := range assets.Languages {
		word := assets.Words(lang)
		for _, size := range sizes {
			for _, fault := range []sim.Fault{sim.FaultCrash, sim.FaultLeak, sim.FaultOutside} {
				for m := sim.Model(0); m < sim.NModels; m++ {
					for _, proof := range []string{"exit status 2", "signal 9", "oom_kill 3", "a proof that is longer than it should be"} {
						for variant := range 4 {
							in := sim.Incident{N: 1, Fault: fault, Model: m, At: time.Second, Carrier: size.carrier, Pid: size.pid,
								InFlight: 5, Carriers: 1, Lost: 1, Reset: 1, Deaths: 1, Lacking: 31 * time.Millisecond,
								Leaks: size.leaks, LeakB: size.bytes, SlopeBPS: 1e6, Proof: proof, Downtime: size.down}
							if m == sim.Container && size.pid%2 == 1 {
								in.Mode = sim.ModeWarm
							}
							if fault != sim.FaultCrash {
								in.Carriers, in.Lost, in.Reset = 0, 0, 0
							}
							if variant&1 != 0 {
								in.Closed, in.Recovered = 3*time.Second, true
							}
							if variant&2 != 0 {
								in.Lost += size.lost - 1
								in.Refused = in.Lost * 3 / 4
								in.Reset = in.Lost - in.Refused
							} else if fault == sim.FaultLeak {
								in.Deaths = 0
							}
							f := frame{snap: calm(), st: &state{}, word: word}
							got := f.sentence(&in)
							what := fmt.Sprintf("%s %s %s %s %d: %q", lang, size.name, fault, m, variant, got)
							if n := cells(got); n > sentenceWidth {
								t.Errorf("%s: %d cells", what, n)
							}
							if strings.Contains(got, "say.") || strings.Contains(got, "no value") || strings.Contains(got, "%!") {
								t.Errorf("%s: not a sentence", what)
							}
							if end := map[string]string{"en": ".", "ja": "。"}[lang]; !strings.HasSuffix(got, end) {
								t.Errorf("%s: doesn't end with %q", what, end)
							}
						}
					}
				}
			}
		}
	}
}

// SCREEN's own sentences, from the figures of its own example.
func TestSentencesOfTheExample(t *testing.T) {
	want := map[string][sim.NModels]string{
		"en": {
			"Request #1284 died with its own process. Nobody else noticed.",
			"#1284 and worker 4124 died; 7 workers went on, refilled in 31 ms.",
			"#1284 took 19 others: 4 cut off, 15 refused. Down for 1.02 s.",
			"Request #1284 died alone; its sandbox was thrown away with it.",
		},
		"ja": {
			"#1284だけが失敗。専用プロセスごと消え、ほかは影響なし。",
			"#1284とワーカー4124が落ちた。残り7つは継続、31msで補充。",
			"#1284が19件を巻き添え: 切断4、接続拒否15。ダウン1.02秒。",
			"#1284だけが失敗。サンドボックスごと破棄、巻き添え0件。",
		},
	}
	snap := after()
	for lang, sentences := range want {
		for m, want := range sentences {
			f := frame{snap: snap, st: &state{}, word: assets.Words(lang)}
			if got := f.sentence(&snap.Current[m]); got != want {
				t.Errorf("%s\n got %s\nwant %s", lang, got, want)
			}
		}
	}
}

func TestFiguresAreWritten(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{percent(1), "100%"}, {percent(0.9999), "99.9%"}, {percent(0.881), "88%"}, {percent(0), "0%"},
		{count(9999), "9999"}, {count(12345), "12,345"}, {count(123456), "123k"}, {count(12345678), "12M"},
		{span(31 * time.Millisecond), "31 ms"}, {span(1020 * time.Millisecond), "1.02 s"}, {span(75 * time.Second), "01:15"},
		{span(0), "0 ms"}, {left(11100 * time.Millisecond), "12 s"}, {left(-time.Second), "0 s"},
		{clock(82 * time.Second), "01:22"}, {clock(3601 * time.Second), "1:00:01"},
		{slope(-1000), "+0.0 MiB/s"}, {slope(4 << 20), "+4.0 MiB/s"},
		{perSecond(16), "16"}, {perSecond(3.3), "3.3"}, {perSecond(65536), "65,536"},
		{signalName("worker 4133, signal 9; replaced"), "SIGKILL"}, {signalName("exit status 2"), ""},
		{signalName("signal 64"), "signal 64"}, {signalName("signal "), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
