package runtimes

import "forklore/runtimes/app"

// SetWeight changes what the application costs to start, for the processes that
// are started from now on, or says why that can't be. A host learns of it, and
// of how many calls its cage then has room for, when it is started again.
func (h *House) SetWeight(w app.Weight, models []string) error {
	if err := h.weighed(w).Check(models); err != nil {
		return err
	}
	h.weight.Store(w)
	return nil
}

// weighed is the spec with another weight.
func (h *House) weighed(w app.Weight) Spec {
	s := h.spec
	s.Weight = w
	return s
}
