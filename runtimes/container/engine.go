package container

import (
	"path/filepath"

	"forklore/runtimes/cgi"
	"forklore/runtimes/role"
)

// engine is a way to make a sandbox for each call.
type engine interface {
	Start(*cgi.Program) (cgi.Process, error)
	close()
	remark() string // what its sandboxes have to do without, "" if nothing
}

// The engine that the setting ENGINE means when it is no path.
const nativeEngine = "native"

// openEngine opens the one that the setting ENGINE names: "native" or nothing,
// or the path of an OCI runtime, such as /usr/sbin/runc.
func openEngine() (engine, error) {
	if path := role.Env("ENGINE"); path != "" && path != nativeEngine {
		if !filepath.IsAbs(path) {
			return nil, &Unavailable{Reason: "the engine " + path + " is no absolute path"}
		}
		o, err := openOCI(path)
		if err != nil {
			return nil, err // not a nil *oci in an engine
		}
		return o, nil
	}
	n, err := openNative()
	if err != nil {
		return nil, err
	}
	return n, nil
}
