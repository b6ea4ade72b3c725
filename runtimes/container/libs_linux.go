package container

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotStatic means that a program needs files that the sandbox hasn't got.
var ErrNotStatic = errors.New("not a static program")

// self is the file that this process executes.
const self = "/proc/self/exe"

// libraryPath is where the dynamic linker finds the libraries in the sandbox.
const libraryPath = "/lib"

// librariesOf returns what a program needs beside itself: nothing, if it is
// static. Go links this binary with the C library where there is a C compiler,
// because package net can use its resolver; and the race detector needs it.
// What this binary needs is what this process has mapped (proc_pid_maps(5)),
// so no search path has to be followed. Other programs have to be static.
func librariesOf(program string) ([]binding, error) {
	file, err := os.Open(program)
	if err != nil {
		return nil, fmt.Errorf("read program: %w", err)
	}
	defer file.Close()
	var magic [len(elf.ELFMAG)]byte
	if io.ReadFull(file, magic[:]); string(magic[:]) != elf.ELFMAG {
		return nil, nil // whether it can be executed is the kernel's to decide
	}
	f, err := elf.NewFile(file)
	if err != nil {
		return nil, fmt.Errorf("read program %s: %w", program, err)
	}
	linker, err := linkerOf(f)
	if err != nil {
		return nil, fmt.Errorf("read program %s: %w", program, err)
	}
	if linker == "" {
		return nil, nil
	}
	if program != self {
		return nil, fmt.Errorf("program %s wants %s: %w", program, linker, ErrNotStatic)
	}
	binds := []binding{{file: linker, inside: linker}}
	for path := range mapped() {
		soname, err := sonameOf(path)
		if err != nil || soname == "" || soname == filepath.Base(linker) {
			continue // this binary itself, a file that isn't a library, or what we have
		}
		binds = append(binds, binding{file: path, inside: libraryPath + "/" + soname})
	}
	return binds, nil
}

// linkerOf is the dynamic linker that a program names (elf(5), PT_INTERP), "" if none.
func linkerOf(f *elf.File) (string, error) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(p.Open())
			return strings.TrimRight(string(name), "\x00"), err
		}
	}
	return "", nil
}

// sonameOf is the name by which other files ask for a library.
func sonameOf(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	names, err := f.DynString(elf.DT_SONAME)
	if err != nil || len(names) == 0 {
		return "", err
	}
	return filepath.Base(names[0]), nil
}

// mapped are the files that this process executes code of.
func mapped() map[string]bool {
	files := map[string]bool{}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return files
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if line := strings.Fields(sc.Text()); len(line) >= 6 && strings.Contains(line[1], "x") && strings.HasPrefix(line[5], "/") {
			files[line[5]] = true
		}
	}
	return files
}
