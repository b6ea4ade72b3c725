package traffic

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"forklore/runtimes/app"
)

// paced runs a pace in a bubble of its own clock, and returns when each of the
// arrivals of that time was, and what it was.
func paced(t *testing.T, d *draws, perS float64, length time.Duration, during func(p *pace)) (at []time.Duration, list []Arrival) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		p := pace{perS: perS}
		begin := time.Now()
		if during != nil {
			go during(&p)
		}
		err := p.run(ctx, newTimerAlarm(), d, func(a Arrival) {
			if late := time.Since(a.Intended); late != 0 {
				t.Errorf("arrival %d is %v late on a clock that is never late", a.ID, late)
			}
			at = append(at, a.Intended.Sub(begin))
			a.Intended = time.Time{}
			list = append(list, a)
		})
		if err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
	return at, list
}

func workload(t testing.TB, s string) Workload {
	w, err := ParseWorkload(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestEvenArrivals(t *testing.T) {
	at, list := paced(t, newDraws(1, true, Workload{}), 4, 2*time.Second+time.Millisecond, nil)
	var want []time.Duration
	for i := range 8 {
		want = append(want, time.Duration(i+1)*250*time.Millisecond)
		if list[i].ID != uint64(i+1) {
			t.Errorf("arrival %d is number %d", i+1, list[i].ID)
		}
	}
	if d := cmp.Diff(want, at); d != "" {
		t.Error(d)
	}
}

// Exponential gaps: mean 1/rate, and as wide as they are long.
func TestPoissonArrivals(t *testing.T) {
	at, _ := paced(t, newDraws(3, false, Workload{}), 100, 200*time.Second, nil)
	n := float64(len(at))
	var mean, square float64
	for i := 1; i < len(at); i++ {
		gap := (at[i] - at[i-1]).Seconds()
		mean += gap / (n - 1)
		square += gap * gap / (n - 1)
	}
	if math.Abs(n/20_000-1) > 0.03 {
		t.Errorf("%v arrivals in 200 s at 100 a second", n)
	}
	if cv := math.Sqrt(square-mean*mean) / mean; math.Abs(cv-1) > 0.03 {
		t.Errorf("coefficient of variation %v, want 1", cv)
	}
}

// One seed, one run; a rate only stretches it; what an arrival does depends on
// neither rate nor spacing.
func TestSameSeedSameArrivals(t *testing.T) {
	w := workload(t, "cpu uniform(1ms,3ms), io exp(150ms)")
	at, list := paced(t, newDraws(7, false, w), 50, 10*time.Second, nil)
	again, listAgain := paced(t, newDraws(7, false, w), 50, 10*time.Second, nil)
	if d := cmp.Diff(at, again); d != "" {
		t.Error(d)
	}
	for i := range list {
		if list[i] != listAgain[i] {
			t.Fatalf("arrival %d: %v, then %v", i+1, list[i], listAgain[i])
		}
	}
	double, listDouble := paced(t, newDraws(7, false, w), 100, 5*time.Second, nil)
	for i := range min(len(at), len(double)) {
		if off := at[i] - 2*double[i]; off < -time.Microsecond || off > time.Microsecond || list[i] != listDouble[i] {
			t.Fatalf("arrival %d comes at %v, at twice the rate at %v", i+1, at[i], double[i])
		}
	}
	_, listEven := paced(t, newDraws(7, true, w), 50, time.Second, nil)
	for i := range listEven {
		if list[i] != listEven[i] {
			t.Fatalf("arrival %d does something else when they are even", i+1)
		}
	}
	_, other := paced(t, newDraws(8, false, w), 50, time.Second, nil)
	if other[0].Steps == list[0].Steps {
		t.Error("another seed draws the same")
	}
}

func TestPauseAndRate(t *testing.T) {
	set := func(p *pace, rate float64, paused bool) {
		p.change(time.Now(), func() { p.perS, p.paused = rate, paused })
	}
	at, _ := paced(t, newDraws(1, true, Workload{}), 1, 2*time.Hour, func(p *pace) {
		time.Sleep(2500 * time.Millisecond)
		set(p, 1, true) // half a gap has passed
		time.Sleep(time.Hour)
		set(p, 1, false) // the other half is left
		time.Sleep(time.Second)
		set(p, 10, false) // half a gap is left, which now takes 50 ms
		time.Sleep(100 * time.Millisecond)
		set(p, 0, false) // no rate is a pause
		time.Sleep(time.Minute)
		set(p, 0.001, false) // half a gap of 1000 s
		time.Sleep(600 * time.Second)
		set(p, 0, false)
	})
	h := time.Hour
	want := []time.Duration{
		1 * time.Second, 2 * time.Second, // then the pause
		h + 3*time.Second,
		h + 3550*time.Millisecond,
		h + 3600*time.Millisecond + time.Minute + 500*time.Second,
	}
	if d := cmp.Diff(want, at, cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() < time.Microsecond })); d != "" {
		t.Error(d)
	}
}

// Whatever is changed and when, the time that passed, in mean gaps, is the sum
// of the gaps drawn: nothing is lost and nothing made up.
func TestPaceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDraws(rapid.Uint64().Draw(t, "seed"), false, Workload{})
		p := pace{perS: 1}
		now := time.Unix(1_000_000, 0)
		gap, _ := d.at(1)
		p.start(ignored{}, now, gap)
		sum, passed, id := gap, 0.0, uint64(1)
		// Times are whole nanoseconds: at 50 a second so many gaps an arrival.
		rounding := func() float64 { return 50e-9 * float64(id+1) }
		for range rapid.IntRange(1, 50).Draw(t, "changes") {
			length := time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "length"))
			rate := p.rate()
			end := now.Add(length)
			for {
				next, _ := d.at(id + 1)
				at, ok := p.due(end, next)
				if !ok {
					break
				}
				if want := passed + at.Sub(now).Seconds()*rate; math.Abs(want-sum) > rounding() {
					t.Fatalf("arrival %d comes after %v gaps, want %v", id, want, sum)
				}
				id++
				sum += next
			}
			passed += length.Seconds() * rate
			if passed > sum+rounding() {
				t.Fatalf("%v gaps have passed, but arrival %d of %v has not come", passed, id, sum)
			}
			now = end
			perS, paused := rapid.Float64Range(0, 50).Draw(t, "rate"), rapid.IntRange(0, 3).Draw(t, "paused") == 0
			p.change(now, func() { p.perS, p.paused = perS, paused })
		}
	})
}

// What is due is sent however late it is; but after a long standstill there is
// no burst.
func TestStandstill(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		still time.Duration
		want  []time.Duration // of the arrivals at even seconds, after start
	}{
		{3500 * time.Millisecond, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}},
		{maxBehind + 5*time.Second, []time.Duration{maxBehind + 5*time.Second}},
	} {
		p := pace{perS: 1}
		p.start(ignored{}, start, 1)
		var got []time.Duration
		for {
			at, ok := p.due(start.Add(c.still), 1)
			if !ok {
				break
			}
			got = append(got, at.Sub(start))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("after %v: %s", c.still, d)
		}
	}
}

// ignored is the alarm of a test that looks at every moment itself.
type ignored struct{}

func (ignored) set(time.Duration) {}
func (ignored) wait() error       { return nil }
func (ignored) close()            {}

// Draws don't depend on what was drawn before.
func TestDrawsAreRandomAccess(t *testing.T) {
	w := workload(t, "io exp(150ms)")
	rapid.Check(t, func(t *rapid.T) {
		seed, id := rapid.Uint64().Draw(t, "seed"), rapid.Uint64Min(1).Draw(t, "id")
		fresh, used := newDraws(seed, false, w), newDraws(seed, false, w)
		for range rapid.IntRange(0, 5).Draw(t, "before") {
			used.at(rapid.Uint64().Draw(t, "other"))
		}
		type arrival struct {
			gap   float64
			steps app.Steps
		}
		var a, b arrival
		a.gap, a.steps = fresh.at(id)
		b.gap, b.steps = used.at(id)
		if a != b {
			t.Fatalf("arrival %d is %v alone and %v after others", id, a, b)
		}
	})
}
