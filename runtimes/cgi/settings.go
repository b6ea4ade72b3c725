package cgi

import (
	"sync"

	"forklore/runtimes/role"
)

// passedOn are the settings of the host that its calls get too.
var passedOn = []string{"TOKEN", "BACKEND", "ITERS_PER_MS", "WEIGHT_CPU_US", "WEIGHT_MEM_BYTES", "HOG_BYTES"}

// settings are what the built-in application finds in its environment. The lab
// may change them; the next call has the new ones.
type settings struct {
	role string

	mu      sync.Mutex
	changed map[string]string
}

func (s *settings) set(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = map[string]string{}
	}
	s.changed[name] = value
}

func (s *settings) env() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	env := []string{
		role.Prefix + "ROLE=" + s.role,
		"GOMAXPROCS=1", // one request needs no second thread
		"GOGC=off",     // and ends before a collection would be worth it
		// Go keeps two files of its cgroup open, to follow the CPU limit; a call
		// has the descriptors that it was given, and no others.
		"GODEBUG=containermaxprocs=0",
	}
	for _, name := range passedOn {
		v, ok := s.changed[name]
		if !ok {
			v = role.Env(name)
		}
		if v != "" {
			env = append(env, role.Prefix+name+"="+v)
		}
	}
	return env
}

// Environment is what a call of the built-in application finds in its
// environment beside the meta-variables, for who starts one without a Host.
func Environment(callRole string) []string { return (&settings{role: callRole}).env() }
