package eventloop

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestTimers holds the heap against a table that is searched.
func TestTimers(t *testing.T) {
	const n = 40
	r := rand.New(rand.NewPCG(1, 2))
	slots := make([]slot, n)
	for i := range slots {
		slots[i].fd, slots[i].due = int32(i), never
	}
	timers := timers{slots: slots}
	var want [n]int64
	for i := range want {
		want[i] = never
	}
	fired := 0
	for now := int64(0); now < 20_000; now++ {
		switch i := r.IntN(n); r.IntN(4) {
		case 0:
			timers.set(&slots[i], never)
			want[i] = never
		case 1, 2:
			due := now + r.Int64N(100)
			timers.set(&slots[i], due)
			want[i] = due
		}
		for s := timers.due(now); s != nil; s = timers.due(now) {
			if want[s.fd] > now {
				t.Fatalf("at %d: timer %d fired, it is due at %d", now, s.fd, want[s.fd])
			}
			want[s.fd] = never
			fired++
		}
		first := int64(never)
		for i, due := range want {
			if due <= now {
				t.Fatalf("at %d: timer %d didn't fire at %d", now, i, due)
			}
			first = min(first, due)
		}
		if timers.next() > first {
			t.Fatalf("at %d: next is %d, want %d or earlier", now, timers.next(), first)
		}
	}
	if fired < 1000 || len(timers.heap) > n {
		t.Errorf("%d fired; %d entries for %d slots", fired, len(timers.heap), n)
	}
}

func TestSlotIsSmall(t *testing.T) {
	if got := size[slot](); got > 64 {
		t.Errorf("a connection takes %d bytes of the table, want a cache line", got)
	}
}

func size[T any]() uintptr {
	var v T
	return unsafe.Sizeof(v)
}
