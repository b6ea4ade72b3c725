package ui

import (
	"errors"
	"slices"

	"forklore/lessons"
	"forklore/sim"
)

// madeUp is a player with pages by hand; it notes what it is asked to do.
type madeUp struct {
	pages []*LessonPage
	at    int
	open  bool
	list  []LessonEntry
	did   []string
	err   error
	lab   Lab
	wants Lab // the next Observe's
}

func (m *madeUp) Lessons(string) ([]LessonEntry, error) { return m.list, nil }
func (m *madeUp) Wrap(text string, width int) []string  { return lessons.Wrap(text, width) }
func (m *madeUp) Opened()                               { m.did = append(m.did, "opened") }
func (m *madeUp) Start() error                          { return m.do("start") }
func (m *madeUp) Hint() error                           { return m.do("hint") }
func (m *madeUp) Again() (Lab, error)                   { return m.lab, m.do("again") }

func (m *madeUp) do(what string) error {
	m.did = append(m.did, what)
	return m.err
}

func (m *madeUp) Choose(id string) (Lab, error) {
	if slices.ContainsFunc(m.list, func(e LessonEntry) bool { return e.ID == id && e.Missing != "" }) {
		return nil, errors.New("it needs root")
	}
	m.open = true
	return m.lab, m.do("choose " + id)
}

func (m *madeUp) Page(string) *LessonPage {
	if !m.open {
		return nil
	}
	return m.pages[m.at]
}

func (m *madeUp) Observe(*sim.Snapshot) Lab {
	lab := m.wants
	m.wants = nil
	return lab
}

func (m *madeUp) Forward() error {
	if m.at == len(m.pages)-1 {
		return NoMore
	}
	m.at++
	return nil
}

func (m *madeUp) Back() error {
	if m.at == 0 {
		return NothingYet
	}
	m.at--
	return nil
}

func (m *madeUp) Answer(a LessonAnswer) error {
	q := m.pages[m.at].Question
	q.Answered, q.Answer = true, a
	return m.do("answer")
}

func (m *madeUp) Leave() error {
	m.open = false
	return m.do("leave")
}

// inLang has a text in both languages.
type inLang map[string]string

var (
	introText = inLang{
		"en": "Four servers on this machine answer the same requests. Each request waits a quarter of a second for a slow backend, so at any moment a few of them are in flight: begun, and not yet answered.\n\nIn a moment one request will crash whatever executes it:\n\n- not an error that somebody catches,\n- but the end of a process.\n\n```\nforklore run --for 12s --rate 16 --inject crash@5s\n```\n\nThe talk says two things about that. Both can be wrong. Say first what you expect; then let the machine answer. Each of them is a sentence that the machine can contradict, and you will see by which figure it does so.\n\nNow turn the page.",
		"ja": "このマシンの4つのサーバーは、同じリクエストに答えています。どのリクエストも遅いバックエンドを4分の1秒待つので、いつもいくつかが処理中です。\n\nまもなく1件のリクエストが、自分を実行しているものをクラッシュさせます。\n\n- 誰かが捕まえるエラーではなく、\n- プロセスの終わりです。\n\n```\nforklore run --for 12s --rate 16 --inject crash@5s\n```\n\n発表はこれについて2つのことを言っています。どちらも間違いかもしれません。まず予想を言い、それからマシンに答えさせてください。どの数値で否定されるかも見えます。\n\nでは次へ。",
	}
	questionText = inLang{
		"en": "The event loop serves all its clients from one process. A supervisor starts it again after a second. How many requests does the crash cost?",
		"ja": "イベントループは1つのプロセスですべてのクライアントに答えています。1秒後に再起動されます。クラッシュで失われるリクエストは何件ですか。",
	}
	optionTexts = []inLang{
		{"en": "1: the request that crashed.", "ja": "1件: クラッシュしたものだけ。"},
		{"en": "About 4: what was in flight, and nobody else.", "ja": "約4件: 処理中だったものだけ。"},
		{"en": "About 20: what was in flight, and all who come until it is up again, which takes a second and a bit on this machine.", "ja": "約20件: 処理中だったものと、復旧するまでに来たものすべて。このマシンでは1秒あまりかかる。"},
		{"en": "All, from now on.", "ja": "これから来るものすべて。"},
	}
	titleText = inLang{"en": "Crash: who shares the process shares the fate", "ja": "クラッシュ: 同じプロセスにいるものが、道連れになる"}
	whyText   = inLang{
		"en": "A handler looks like a small program of its own. In an event loop it is a function call in the one process there is [node-process].",
		"ja": "ハンドラーは小さなプログラムのように見えますが、イベントループでは1つしかないプロセスの中の関数呼び出しです [node-process]。",
	}
)

func question(lang, kind string) *LessonQuestion {
	q := &LessonQuestion{Kind: kind, Text: questionText[lang], Unit: "req", Least: 0, Most: 60, Step: 5, Start: 10}
	for i, o := range optionTexts {
		q.Options = append(q.Options, LessonOption{ID: string(rune('a' + i)), Text: o[lang]})
	}
	return q
}

// lessonPages are a page of each kind.
func lessonPages(lang string) map[string]*LessonPage {
	page := func(step string, n int, blocks ...LessonBlock) *LessonPage {
		return &LessonPage{ID: step, Title: titleText[lang], Step: step, N: n, Of: 8, Blocks: blocks, Hints: -1}
	}
	say := func(tone Tone, word, text string) LessonBlock {
		return LessonBlock{Tone: tone, Word: "say." + word, Text: text}
	}
	pages := map[string]*LessonPage{
		"intro": page("intro", 1, LessonBlock{Text: introText[lang]}),
		"act": page("act", 4, LessonBlock{Text: whyText[lang]}, say(ToneFaint, "part", "1/2"), say(ToneNote, "press", "c"),
			LessonBlock{Tone: ToneHead, Word: "say.hint_1"}, LessonBlock{Text: whyText[lang]}),
		"held": page("check", 6, say(ToneHead, "claim", "T8"), LessonBlock{Text: whyText[lang]},
			say(ToneGood, "holds", "eventloop.incident.lost >= 0.8 * eventloop.incident.in_flight"),
			say(ToneText, "measured", "eventloop.incident.in_flight 5, eventloop.incident.lost 20"),
			say(ToneHead, "all_hold", ""), say(ToneNote, "solved", "")),
		"failed": page("check", 6, say(ToneHead, "claim", "T8"), LessonBlock{Text: whyText[lang]},
			say(ToneBad, "fails", "eventloop.incident.lost >= 0.8 * eventloop.incident.in_flight"),
			say(ToneText, "instead", "eventloop.incident.in_flight 5, eventloop.incident.lost 1"),
			say(ToneHead, "not_all", ""), say(ToneNote, "once_more", "")),
		"recorded": page("check", 6, say(ToneBad, "recorded", "2026-11-27, linux 6.18.44, 2 CPUs, 23 GiB"), say(ToneHead, "claim", "T8"),
			LessonBlock{Text: whyText[lang]}, say(ToneGood, "holds", "eventloop.incident.lost >= 0.8 * eventloop.incident.in_flight"),
			say(ToneText, "recorded_measured", "eventloop.incident.in_flight 5, eventloop.incident.lost 20"),
			say(ToneHead, "recorded_all_hold", ""), say(ToneNote, "recorded_shown", "")),
		"explain": page("explain", 7, LessonBlock{Text: introText[lang]}, LessonBlock{Tone: ToneHead, Word: "model.cgi"}, LessonBlock{Text: whyText[lang]}),
	}
	for _, kind := range []string{"choice", "number", "rank"} {
		p := page("predict", 2)
		p.ID, p.Question = kind, question(lang, kind)
		pages[kind] = p
	}
	wrong := page("observe", 5)
	wrong.Question = question(lang, "choice")
	q := wrong.Question
	q.Answered, q.Answer, q.Graded, q.Fixed = true, LessonAnswer{Option: "a"}, true, true
	q.Want, q.Why = LessonAnswer{Option: "c"}, whyText[lang]
	pages["wrong"] = wrong
	pages["act"].Waits, pages["act"].Key, pages["act"].Hints = true, "c", 2
	pages["failed"].Again = true
	pages["recorded"].Recorded = true
	return pages
}

// lessonEntries are a lesson in each state.
func lessonEntries(lang string) (list []LessonEntry) {
	for i, state := range []string{"unseen", "started", "shown", "hinted", "solved", "unseen", "unseen"} {
		list = append(list, LessonEntry{
			ID: []string{"fork-per-request", "resident-pool", "c10k", "do-not-block", "crash", "leak", "container-per-call"}[i], Title: titleText[lang],
			Summary: whyText[lang], Order: i + 1, Minutes: 12, State: state, Setup: "--models=cgi,prefork,eventloop,container --rate=16",
		})
	}
	list[0].Due, list[1].Beta = 2, true
	list[5].Missing, list[5].Fallback = "sandboxes can't be made here", "recording"
	list[6].Recorded, list[6].Where, list[6].Setup = "sandboxes can't be made here", "2026-11-27, linux 6.18.44, 2 CPUs, 23 GiB", ""
	return list
}
