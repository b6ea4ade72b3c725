package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"forklore/runtimes"
	"forklore/runtimes/board"
)

// contender is a way to start the application.
type contender interface {
	String() string
	// start starts it once and returns how long that took, when nothing is left
	// to do of it.
	start(ctx context.Context) (us int64, err error)
}

// least is how many starts a figure is made of, whatever the time.
const least = 3

// roleNice is what package spawn gives to every role.
const roleNice = 5

// starts runs turns on a thread of its own, so that what is started without a
// host has the priority that hosts have. On Linux nice is a thread's
// (setpriority(2), C library/kernel differences).
func (b *bench) starts(ctx context.Context, limit time.Duration, rounds int) (starts []Start, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		syscall.Setpriority(syscall.PRIO_PROCESS, 0, roleNice)
		starts, err = b.turns(ctx, limit, rounds)
	}()
	<-done
	return starts, err
}

// turns lets all contenders start in turn, until the time is over.
func (b *bench) turns(ctx context.Context, limit time.Duration, rounds int) ([]Start, error) {
	took := make([][]int64, len(b.contenders))
	for _, c := range b.contenders { // the first reads files that later ones find in memory
		if _, err := c.start(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
	}
	end := time.Now().Add(limit)
	for n := 0; n < rounds && (n < least || time.Now().Before(end)); n++ {
		for i, c := range b.contenders {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			us, err := c.start(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c, err)
			}
			took[i] = append(took[i], us)
		}
	}
	starts := make([]Start, len(took))
	for i, us := range took {
		slices.Sort(us)
		starts[i] = Start{What: b.contenders[i].String(), P50US: percentile(us, 50), P99US: percentile(us, 99)}
		starts[i].Ratio = round(float64(starts[i].P50US)/float64(max(1, starts[0].P50US)), 3)
	}
	return starts, nil
}

// percentile is the nearest rank of what is sorted.
func percentile(sorted []int64, p int) int64 {
	return sorted[(len(sorted)*p+99)/100-1]
}

func round(x float64, digits int) float64 {
	k := math.Pow10(digits)
	return math.Round(x*k) / k
}

// hosted is a contender with a host.
type hosted struct {
	name    string
	rt      *runtimes.Runtime
	waiting int // sandboxes that wait for a call between the turns
}

func (h *hosted) String() string { return h.name }

func (h *hosted) start(ctx context.Context) (int64, error) {
	warm := &h.rt.Board().WarmStarts
	for range maxCold {
		seen := warm.Count()
		h.rt.Starts(func(int64) {}) // those of others
		if err := get(ctx, h.rt.Addr()); err != nil {
			return 0, err
		}
		us := int64(-1)
		note := func(n int64) { us = n }
		if h.waiting > 0 {
			warm.Since(seen, note)
		} else {
			h.rt.Starts(note)
		}
		if err := h.quiet(ctx); err != nil {
			return 0, err
		}
		if us >= 0 {
			return us, nil
		}
	}
	return 0, errors.New("the host has answered without a start")
}

// maxCold is how many calls may find no sandbox that waits, until one does:
// the first, which a warm one is left of.
const maxCold = 3

// quiet waits until the host has taken down what it has started, and has made
// what it keeps.
func (h *hosted) quiet(ctx context.Context) error {
	for range 10_000 {
		busy, waiting := 0, 0
		rows := h.rt.Board().Row
		for i := range rows {
			switch rows[i].State.Load() {
			case board.Empty:
			case board.Idle, board.Frozen:
				waiting++
			default:
				busy++
			}
		}
		if busy == 0 && waiting >= h.waiting {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(500 * time.Microsecond):
		}
	}
	return errors.New("a call doesn't come to its end")
}

// get is one request of the workload "hello", on a connection of its own.
func get(ctx context.Context, addr string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, "GET /? HTTP/1.1\r\nHost: "+addr+"\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("answered %s: %s", resp.Status, body)
	}
	return nil
}

// exePath is this binary's file, for programs that can't use /proc/self/exe.
func exePath() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this binary: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find this binary: %w", err)
	}
	return path, nil
}
