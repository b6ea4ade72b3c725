package role

import (
	"math"
	"strconv"
	"testing"
)

// FuzzParseInt: it agrees with strconv on what it takes.
func FuzzParseInt(f *testing.F) {
	for _, s := range []string{"", "0", "-1", "007", "999999999999999999", "1e3", "--1", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := ParseInt(s)
		if want, err := strconv.ParseInt(s, 10, 64); ok && (err != nil || n != want) {
			t.Fatalf("ParseInt(%q) = %d, strconv says %d, %v", s, n, want, err)
		}
	})
}

func TestAppendInt(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 10, 4096, math.MaxInt64, -math.MaxInt64} {
		if got, want := string(AppendInt(nil, n)), strconv.FormatInt(n, 10); got != want {
			t.Errorf("AppendInt(%d) = %q", n, got)
		}
	}
}

// TestClock: Nanotime is the machine's monotonic clock, the same in every
// process; here it only has to go on.
func TestClock(t *testing.T) {
	a := Nanotime()
	if b := Nanotime(); a <= 0 || b < a {
		t.Errorf("%d, then %d", a, b)
	}
}

func TestKnown(t *testing.T) {
	Enter("test role", func() { t.Error("played, though this process wasn't started for it") })
	if !Known("test role") || Known("another") {
		t.Error("a role is known once it has been entered")
	}
}
