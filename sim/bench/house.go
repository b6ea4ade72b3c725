package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"forklore/runtimes"
)

// bench is a measurement: the houses that it lives in.
type bench struct {
	Options
	houses     []*runtimes.House
	contenders []contender // in the order of the document, the bare start first
	runtimes   map[string]*runtimes.Runtime
}

// The names in the document.
const (
	bareStart    = "bare fork+exec"
	cgiCall      = "cgi call"
	nativeFresh  = "container native fresh"
	nativeReady  = "container native prewarmed"
	nativeWarm   = "container native warm"
	bubblewrap   = "bubblewrap"
	preforkName  = "prefork"
	eventLoop    = "event loop"
	keepAliveTag = ", connections kept alive"
)

// boxes are the ways to make a sandbox, or to have one.
var boxes = []struct {
	name    string
	choose  func(*runtimes.Spec)
	waiting int // how many sandboxes wait for a call when nobody asks
}{
	{nativeFresh, func(*runtimes.Spec) {}, 0},
	{nativeReady, func(s *runtimes.Spec) { s.Mode, s.Pool = runtimes.Prewarmed, stock }, stock},
	{nativeWarm, func(s *runtimes.Spec) { s.Mode, s.Idle = runtimes.Warm, time.Hour }, 1},
	{"crun", func(s *runtimes.Spec) { s.Engine = "crun" }, 0},
	{"runc", func(s *runtimes.Spec) { s.Engine = "runc" }, 0},
}

// stock is how many prewarmed sandboxes wait: 2, since calls come one by one.
const stock = 2

// open starts every runtime that can be had. What can't is named, once.
func (b *bench) open(ctx context.Context) error {
	b.runtimes = map[string]*runtimes.Runtime{}
	b.contenders = []contender{newBare()}
	spec := b.spec()
	if err := b.house(spec, map[string]string{
		runtimes.CGI: cgiCall, runtimes.Prefork: preforkName, runtimes.EventLoop: eventLoop,
	}); err != nil {
		return err
	}
	if rt := b.runtimes[cgiCall]; rt != nil {
		b.contenders = append(b.contenders, &hosted{name: cgiCall, rt: rt})
	}
	var without []string
	for _, box := range boxes {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		s := spec
		box.choose(&s)
		if err := s.Check([]string{runtimes.Container}); err != nil {
			b.Note("left out: " + err.Error())
			continue
		}
		err := b.house(s, map[string]string{runtimes.Container: box.name})
		if errors.Is(err, runtimes.ErrUnavailable) {
			without = append(without, box.name)
			if len(without) == 1 {
				b.Note(fmt.Sprintf("left out: %s: %v", box.name, err))
			}
			continue
		}
		if err != nil {
			return err
		}
		b.contenders = append(b.contenders, &hosted{name: box.name, rt: b.runtimes[box.name], waiting: box.waiting})
	}
	if len(without) > 1 {
		b.Note("left out, for the same reason or one like it: " + strings.Join(without[1:], ", "))
	}
	bwrap, err := newBubblewrap()
	if err == nil {
		_, err = bwrap.start(ctx)
	}
	if err != nil {
		b.Note(fmt.Sprintf("left out: %s: %v", bubblewrap, err))
		return context.Cause(ctx)
	}
	b.contenders = append(b.contenders, bwrap)
	return nil
}

// house opens one with these models, under these names.
func (b *bench) house(spec runtimes.Spec, models map[string]string) error {
	var names []string
	for model := range models {
		names = append(names, model)
	}
	h, err := runtimes.Open(spec, names)
	if err != nil {
		return err
	}
	b.houses = append(b.houses, h)
	for model, name := range models {
		rt, err := h.Start(model)
		if err != nil {
			return err
		}
		b.runtimes[name] = rt
		go func() { // ends with the runtime, whose deaths don't matter here
			for range rt.Events() {
			}
		}()
	}
	return nil
}

func (b *bench) close() error {
	var err error
	for _, h := range b.houses {
		err = errors.Join(err, h.Close())
	}
	return err
}
