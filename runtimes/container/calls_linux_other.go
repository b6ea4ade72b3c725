//go:build linux && !amd64 && !arm64

package container

// machineCalls are those that not every architecture has: 79 is newfstatat on
// those for which there is a filter at all, see audit.
var machineCalls = []uint32{79}
