package cgi

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPlacesAreFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queued := 0
		p := newPlaces(1, 3, func(n int) { queued = n })
		first, err := p.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan int, 3)
		leaving, leave := context.WithCancel(t.Context())
		for i := range 3 {
			ctx := t.Context()
			if i == 1 {
				ctx = leaving
			}
			go func() {
				place, err := p.take(ctx)
				if err != nil {
					served <- -i
					return
				}
				served <- i
				p.leave(place, false)
			}()
			synctest.Wait()
		}
		if _, err := p.take(t.Context()); !errors.Is(err, ErrTooBusy) || queued != 3 {
			t.Errorf("with %d in the queue: %v, want %v", queued, err, ErrTooBusy)
		}
		leave()
		synctest.Wait()
		p.leave(first, false)
		synctest.Wait()
		if d := cmp.Diff([]int{-1, 0, 2}, []int{<-served, <-served, <-served}); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		if p.free != 1 || queued != 0 {
			t.Errorf("%d places free, %d queued; want 1, 0", p.free, queued)
		}
	})
}

// The dead keep their place for a while, as long as there are others.
func TestPlacesCool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(3, 0, func(int) {})
		var got []int
		for _, pause := range []time.Duration{0, 0, 0, 0, cool, cool} {
			time.Sleep(pause + 1)
			i, err := p.take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, i)
			p.leave(i, false)
		}
		if d := cmp.Diff([]int{0, 1, 2, 0, 0, 0}, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}
