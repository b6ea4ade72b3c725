package container

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forklore/runtimes/role"
)

// ErrNotStatic means that a program needs files that the sandbox hasn't got.
var ErrNotStatic = errors.New("not a static program")

// self is the file that this process executes.
const self = "/proc/self/exe"

// libraryPath is where the dynamic linker finds the libraries in the sandbox.
const libraryPath = "/lib"

// guest is what runs in the sandboxes: the built-in application, or what the
// setting FUNCTION names.
func guest() string {
	if program := role.Env("FUNCTION"); program != "" {
		return program
	}
	return self
}

// programBinds are the files that a program needs in the sandbox, and what it
// must be told about them. A folder is a root filesystem with a program in it.
func programBinds(program string) (binds []binding, env []string, err error) {
	if st, err := os.Stat(program); err == nil && st.IsDir() {
		binds, err := folderBinds(program)
		return binds, nil, err
	}
	libraries, err := librariesOf(program)
	if err != nil {
		return nil, nil, err
	}
	if len(libraries) > 0 {
		env = []string{"LD_LIBRARY_PATH=" + libraryPath}
	}
	return append([]binding{{file: program, inside: functionPath}}, libraries...), env, nil
}

// ours are the folders of the root that every sandbox has of its own.
var ours = []string{"dev", "proc", "run", "sys", "tmp"}

// maxEntries bounds a root filesystem's top level, each entry of which is a mount.
const maxEntries = 256

// folderBinds are the entries of a root filesystem, without those that the
// sandbox has of its own. They are bound one by one, and not the folder as a
// whole: the folder needn't have a place for each mount then, and nothing is
// ever made in it. A link at the top is followed here, as the sandbox would.
func folderBinds(folder string) (binds []binding, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("read root filesystem: %w", err)
	}
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("root filesystem %s: more than %d entries", folder, maxEntries)
	}
	for _, e := range entries {
		if slices.Contains(ours, e.Name()) {
			continue
		}
		file, err := lookup(folder, "/"+e.Name())
		if err != nil {
			continue // a link that leads nowhere is none in the sandbox either
		}
		binds = append(binds, binding{file: file, inside: "/" + e.Name()})
	}
	return binds, nil
}

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
