package lessons

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// solved is a session that has been solved, and its lesson's set.
func solved(t *testing.T) (*Session, *Set) {
	t.Helper()
	l := newLab(t, nil, Options{Mode: Self})
	l.on = crashes(1)
	l.predict("all")
	l.run(4 * time.Second)
	l.must(l.s.Start())
	l.run(20 * time.Second)
	return l.s, &Set{Lessons: []*Lesson{l.s.Lesson()}}
}

// TestProgress: what is kept of a lesson, and when it is asked again.
func TestProgress(t *testing.T) {
	s, set := solved(t)
	monday := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	var p Progress
	p.Note(s, monday)
	p.Note(NewSession(s.Lesson(), Options{}), monday) // started again: it stays solved
	if p.State("one") != StateSolved || p.State("two") != StateUnseen {
		t.Errorf("%s, %s", p.State("one"), p.State("two"))
	}
	if right, judged := p.Score(); right != 0 || judged != 1 {
		t.Errorf("%d of %d right", right, judged)
	}
	if due := p.Due(set, monday.Add(time.Hour)); len(due) != 0 {
		t.Error("asked again on the same day")
	}
	tuesday := monday.Add(3 * time.Hour)
	due := p.Due(set, tuesday)
	if len(due) != 1 || due[0].Question.ID != "r1" {
		t.Fatalf("due: %v", due)
	}
	if g, err := p.Recalled(due[0], Answer{Option: "pool"}, tuesday); err != nil || g.Right || g.Misconception == "" {
		t.Errorf("%+v, %v", g, err)
	}
	if len(p.Due(set, tuesday)) != 0 || len(p.Due(set, tuesday.AddDate(0, 0, 1))) != 1 {
		t.Error("what was wrong comes back on the next day")
	}
	wednesday := tuesday.AddDate(0, 0, 1)
	p.Recalled(due[0], Answer{Option: "own"}, wednesday)
	if len(p.Due(set, wednesday.AddDate(0, 0, 6))) != 0 || len(p.Due(set, wednesday.AddDate(0, 0, 7))) != 1 {
		t.Error("what was right comes back after its next pause")
	}
	p.Recalled(due[0], Answer{Option: "own"}, wednesday.AddDate(0, 0, 7))
	if len(p.Due(set, wednesday.AddDate(1, 0, 0))) != 0 {
		t.Error("asked for ever")
	}
	p.Reset("one")
	if p.State("one") != StateUnseen {
		t.Error("reset")
	}
}

// TestStore: written whole, read again, kept apart if it is broken.
func TestStore(t *testing.T) {
	st := Store{filepath.Join(t.TempDir(), "state", "progress.json")}
	if p, err := st.Load(); err != nil || p.State("one") != StateUnseen {
		t.Fatalf("%v, %v", p, err)
	}
	var wg sync.WaitGroup // as several labs would
	for _, id := range []string{"one", "two", "three", "four"} {
		wg.Go(func() {
			if err := st.Update(func(p *Progress) { p.Of(id).State = StateSolved }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	p, err := st.Load()
	if err != nil || len(p.Lessons) != 4 {
		t.Fatalf("%v, %v: an update was lost", p, err)
	}
	var file bytes.Buffer
	if err := p.Write(&file); err != nil {
		t.Fatal(err)
	}
	exported, err := ParseProgress(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var q Progress
	q.Of("five").State = StateHinted
	q.Merge(exported)
	if q.State("one") != StateSolved || q.State("five") != StateHinted {
		t.Errorf("merged: %+v", q)
	}
	for _, broken := range []string{"", "{", `{"schema":"x"}`, `{"schema":"forklore/progress/v1","lessons":{"one":null}}`, `{"schema":"forklore/progress/v1","lessons":{"one":{"state":"best"}}}`, `{"schema":"forklore/progress/v1"} x`} {
		if err := os.WriteFile(st.Path, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		err := st.Update(func(p *Progress) { p.Of("six").State = StateStarted })
		var b *BrokenError
		if !errors.As(err, &b) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", broken, err)
			continue
		}
		if kept, _ := os.ReadFile(b.Kept); string(kept) != broken {
			t.Errorf("%s is lost", broken)
		}
		if p, err := st.Load(); err != nil || p.State("six") != StateStarted {
			t.Errorf("the new one: %v, %v", p, err)
		}
	}
}
