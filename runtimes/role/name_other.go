//go:build !linux

package role

func setProcessName(string) {}
