//go:build !linux

package container

import "forklore/runtimes/cgi"

// Available: namespaces are Linux's.
func Available() error {
	return &Unavailable{Reason: "sandboxes are made of Linux's namespaces", Remedy: "run it on Linux, or in a Linux virtual machine"}
}

type native struct{}

type function struct {
	args, env []string
	files     [3]uintptr
}

type sandbox struct{}

func openNative() (*native, error) { return nil, Available() }

func (*native) start(*function) (int, *sandbox, error) { return 0, nil, Available() }
func (*native) close()                                 {}
func (*sandbox) destroy() (uint64, error)              { return 0, nil }

var _ = cgi.Config{}
