//go:build !linux

package container

import "forklore/runtimes/cgi"

// Available: namespaces are Linux's.
func Available() error {
	return &Unavailable{Reason: "sandboxes are made of Linux's namespaces", Remedy: "run it on Linux, or in a Linux virtual machine"}
}

func enterBuilder() {}

// native is the engine that isn't there.
type native struct{}

func openNative() (*native, error) { return nil, Available() }

func (*native) Start(*cgi.Program) (cgi.Process, error) { return cgi.Process{}, Available() }
func (*native) close()                                  {}
func (*native) remark() string                          { return "" }

// oci is the engine that isn't there either.
type oci struct{ native }

func openOCI(string) (*oci, error) { return nil, Available() }

// pool has nothing to choose from.
type pool struct{ engine }

func newPool(e engine) (*pool, error) { return &pool{e}, nil }

func (*pool) begin(*cgi.Host)    {}
func (*pool) set(string, string) {}
func (*pool) ending()            {}
