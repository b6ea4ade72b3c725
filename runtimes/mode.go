package runtimes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What the container model does with its sandboxes (package container, pool).
const (
	Fresh     = "fresh"     // made for a call and destroyed after it
	Prewarmed = "prewarmed" // made ahead, used once
	Warm      = "warm"      // kept after a call, frozen, and used again
)

// modes are all of them, in the order in which one would try them.
var modes = []string{Fresh, Prewarmed, Warm}

// Modes are those that this container model can have. A CGI program of the
// user's gets its request with its start, so it can't be kept; its sandbox can
// be ready, where the engine is our own.
func (s Spec) Modes() []string {
	switch {
	case s.Function == "":
		return modes
	case s.Engine == "" || s.Engine == NativeEngine:
		return []string{Fresh, Prewarmed}
	}
	return []string{Fresh}
}

// CheckMode says what is wrong with a mode, if anything.
func (s Spec) CheckMode(mode string) error {
	switch {
	case !slices.Contains(modes, mode):
		return fmt.Errorf("container: unknown mode %q; the modes are %s", mode, strings.Join(modes, ", "))
	case !slices.Contains(s.Modes(), mode) && mode == Warm:
		return fmt.Errorf("container: %s gets its request with its start, as CGI has it, so it can't be kept warm; the modes are %s",
			s.Function, strings.Join(s.Modes(), ", "))
	case !slices.Contains(s.Modes(), mode):
		return fmt.Errorf("container: %s makes no sandboxes ahead for a program like %s; choose fresh, or the native engine", s.Engine, s.Function)
	}
	return nil
}

// sandboxSettings are what the container host is told about them.
func (s Spec) sandboxSettings(mode string) []string {
	env := []string{"FORKLORE_MODE=" + mode, "FORKLORE_FUNCTION=" + s.Function}
	if s.Pool > 0 {
		env = append(env, "FORKLORE_POOL="+strconv.Itoa(s.Pool))
	}
	if s.Idle > 0 {
		env = append(env, "FORKLORE_IDLE_MS="+strconv.FormatInt(s.Idle.Milliseconds(), 10))
	}
	return env
}

// SetMode changes the container's mode, now and for its restarts. Calls that
// are under way end as they began.
func (r *Runtime) SetMode(mode string) error {
	if err := r.house.spec.CheckMode(mode); err != nil {
		return err
	}
	r.mode.Store(mode)
	if p := r.proc.Load(); p != nil {
		return p.Tell("set MODE " + mode)
	}
	return nil
}

// Sandboxes calls the functions for each warm start, each call and each
// destruction of a sandbox since it was last called, in microseconds. Only one
// goroutine may call it.
func (r *Runtime) Sandboxes(warm, call, destroy func(us int64)) {
	r.seen.warm = r.board.WarmStarts.Since(r.seen.warm, warm)
	r.seen.calls = r.board.Calls.Since(r.seen.calls, call)
	r.seen.destroys = r.board.Destroys.Since(r.seen.destroys, destroy)
}
