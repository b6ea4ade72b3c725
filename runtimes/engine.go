package runtimes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Engines are the ways to make the container model's sandboxes: our own, and
// OCI runtimes, where they are installed.
var Engines = []string{NativeEngine, "runc", "crun"}

// NativeEngine is the one that is there wherever sandboxes can be made.
const NativeEngine = "native"

// systemFolders are root's usual PATH; a user's seldom has sbin.
var systemFolders = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// EnginePath is where an engine's program is, "" for the native one, which has
// none. It looks in the PATH, then in the system's folders.
func EnginePath(engine string) (string, error) {
	if engine == "" || engine == NativeEngine {
		return "", nil
	}
	if !slices.Contains(Engines, engine) {
		return "", fmt.Errorf("engine: unknown engine %q; the engines are %s", engine, strings.Join(Engines, ", "))
	}
	if path, err := exec.LookPath(engine); err == nil && filepath.IsAbs(path) {
		return path, nil
	}
	for _, dir := range systemFolders {
		path := filepath.Join(dir, engine)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("engine: %s is not installed; install it (apt-get install %s), or choose native", engine, engine)
}

// EngineCPU is the CPU time that an engine's own processes take for a call,
// beside the sandbox: measured, and rounded up. Who chooses how many requests
// a second the machine can show counts with it.
func EngineCPU(engine string) time.Duration {
	switch engine {
	case "runc":
		return 120 * time.Millisecond
	case "crun":
		return 60 * time.Millisecond
	}
	return 0
}
