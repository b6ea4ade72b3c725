package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses. After a signal it is 128 and the signal's number.
const (
	exitProblem  = 1 // an injection was refused, a cell of the matrix isn't as expected, or something unforeseen
	exitBadInput = 2
	exitNotAll   = 3 // a runtime could not be started
)

// status is an error with its exit status. A nil error is one of which
// everything has been said.
type status struct {
	code int
	err  error
}

func (s status) Error() string {
	if s.err == nil {
		return ""
	}
	return s.err.Error()
}

func (s status) Unwrap() error { return s.err }

// maxMessage bounds the one line, whatever was written on the command line.
const maxMessage = 1000

func badInput(format string, a ...any) error { return status{exitBadInput, fmt.Errorf(format, a...)} }

// untilSignal is a context that a signal ends; its cause is the signal.
func untilSignal() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-ch:
			cancel(signalled{s.(syscall.Signal)})
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(ch); close(done); cancel(nil) }
}

type signalled struct{ syscall.Signal }

func (s signalled) Error() string { return s.Signal.String() }

// signalStatus is the exit status if a signal ended the context.
func signalStatus(ctx context.Context) error {
	var s signalled
	if errors.As(context.Cause(ctx), &s) {
		return status{code: 128 + int(s.Signal)}
	}
	return nil
}
