//go:build !linux

package role

// Sacrifice: only Linux has an OOM killer that can be asked.
func Sacrifice() {}

// SacrificeChild likewise.
func SacrificeChild(int) {}
