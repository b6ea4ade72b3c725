package lessons

// words are the few that stand around a lesson's own text where there is no
// screen. Those of the screen are the assets'.
type words struct {
	control, holds, fails, notJudged, unseen, drawn string
	elapsed, remaining, over, next, vote            string
	right, noNotes, waiting, ended, recorded        string
	steps                                           [len(stepNames)]string
}

var allWords = map[string]words{
	"en": {
		control: "control run: nothing is done, nothing may hold", holds: "holds", fails: "does not hold", notJudged: "not judged",
		unseen:  "what was measured is none of the answers that are offered",
		drawn:   "%s was drawn; --draw %d draws it again",
		elapsed: "elapsed", remaining: "remaining", over: "over time by", next: "next", vote: "vote", right: "expected",
		noNotes: "(no notes for this step)", waiting: "waiting for a lesson", ended: "The lab has ended.", recorded: "RECORDED",
		steps: [...]string{"introduction", "predict", "act", "observe", "check", "explain", "recall"},
	},
	"ja": {
		control: "対照実行：何もせず、何も成り立たないはず", holds: "成り立つ", fails: "成り立たない", notJudged: "判定なし",
		unseen:  "測定結果がどの選択肢にも当てはまらない",
		drawn:   "くじの結果: %s。--draw %dで同じものを引ける",
		elapsed: "経過", remaining: "残り", over: "超過", next: "次", vote: "投票", right: "正解",
		noNotes: "（この段階のメモはありません）", waiting: "レッスンを待っています", ended: "ラボは終了しました。", recorded: "記録",
		steps: [...]string{"導入", "予想", "実行", "観察", "判定", "解説", "復習"},
	},
}

func wordsOf(lang string) words {
	if w, ok := allWords[lang]; ok {
		return w
	}
	return allWords[Languages[0]]
}

// verdict is a check's, in words.
func (w words) verdict(v Verdict) string {
	text := w.fails
	switch {
	case !v.Decided:
		text = w.notJudged
	case v.Held:
		text = w.holds
	}
	if v.Why != "" && !v.Held {
		text += " (" + v.Why + ")"
	}
	return text
}
