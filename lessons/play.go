package lessons

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forklore/sim"
)

// Opener starts the lab that a lesson needs.
type Opener func(context.Context, Setup) (sim.Source, error)

// silence is how long a source may say nothing.
const silence = 30 * time.Second

// Play plays the lesson's solution without a screen, or its control run. The
// error is about the lab; what the lesson showed is the result's.
func Play(ctx context.Context, l *Lesson, o Options, open Opener) (*Result, error) {
	o.Mode = Self
	s := NewSession(l, o)
	if err := s.solve(); err != nil {
		return nil, fmt.Errorf("%s: the solution: %w", l.ID, err)
	}
	src, err := open(ctx, s.Setup())
	if err != nil {
		return nil, err
	}
	defer func() { src.Close() }()
	for {
		snap, err := next(ctx, src)
		if err != nil {
			for _, d := range s.Undo() {
				src.Do(*d.Command)
			}
			r := s.Result()
			if ctx.Err() != nil {
				return r, nil // cut: its result says so
			}
			return r, err
		}
		for _, d := range s.Observe(snap) {
			if d.Restart == nil {
				if err := src.Do(*d.Command); err != nil {
					s.Refused(d, err)
				}
				continue
			}
			if err := src.Close(); err != nil {
				return s.Result(), err
			}
			again, err := open(ctx, d.Restart)
			if err != nil {
				return s.Result(), err
			}
			src = again
			s.Opened()
		}
		if s.Phase() == Ready {
			s.Start()
		}
		if s.Phase() == Judged || s.Phase() == Ended {
			for _, d := range s.Undo() {
				src.Do(*d.Command)
			}
			return s.Result(), nil
		}
	}
}

// next is the source's next snapshot.
func next(ctx context.Context, src sim.Source) (*sim.Snapshot, error) {
	patience := time.NewTimer(silence)
	defer patience.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience.C:
		return nil, errors.New("the lab has said nothing for " + silence.String())
	case snap, ok := <-src.Snapshots():
		if !ok {
			return nil, sim.ErrClosed
		}
		return snap, nil
	}
}

// solve answers what is asked before the experiment as it is expected, and goes
// to its step.
func (s *Session) solve() error {
	for _, q := range s.lesson.Predict {
		a := Answer{Option: q.Right(), Number: q.Start}
		for _, o := range q.Options {
			if q.Kind == Rank {
				a.Order = append(a.Order, o.ID)
			}
		}
		if err := s.Answer(q.ID, a); err != nil {
			return err
		}
	}
	for s.step < StepAct {
		if err := s.Next(); err != nil {
			return err
		}
	}
	return nil
}
