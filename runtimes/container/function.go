package container

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// A function of the user's: any CGI program, in place of the application.
//
//	a file    static: it is all that the sandbox holds
//	a folder  becomes the root filesystem, read-only; its file "function" is run
//
// What can be seen from outside is checked before anything is started, so that
// a mistake is one line and not an error at each call.

// ErrFunction means that a program can't be run in a sandbox.
var ErrFunction = errors.New("can't be run in a sandbox")

// functionPath is the program inside the sandbox, and in a folder.
const (
	functionPath  = "/" + folderProgram
	folderProgram = "function"
)

// CheckFunction returns the absolute path of what --function names, or says in
// one line what is wrong with it.
func CheckFunction(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: no such file or folder", name)
	case err != nil:
		return "", fmt.Errorf("%s: %w", name, errors.Unwrap(err))
	case !st.IsDir():
		return abs, executableIn("", abs, name, 0)
	}
	program, err := lookup(abs, functionPath)
	if err != nil {
		return "", fmt.Errorf("%s: the folder has no file %s, which would be run: %w", name, folderProgram, err)
	}
	return abs, executableIn(abs, program, filepath.Join(name, folderProgram), 0)
}

// maxInterpreters is how many programs execve(2) follows from script to script.
const maxInterpreters = 4

// executableIn checks that the program, a path of the host, can be executed
// where root is the root, a folder, "" if there is nothing but the program.
func executableIn(root, program, name string, depth int) error {
	st, err := os.Stat(program)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s: not a file", name)
	case st.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s: not executable (chmod +x makes it so)", name)
	}
	f, err := os.Open(program)
	if err != nil {
		return fmt.Errorf("%s: %w", name, errors.Unwrap(err))
	}
	defer f.Close()
	interpreter, err := interpreterOf(f)
	if err != nil {
		return fmt.Errorf("%s %w: %w", name, ErrFunction, err)
	}
	if interpreter == "" {
		return nil
	}
	if root == "" {
		return fmt.Errorf("%s %w: it needs %s; link it statically, or give a folder that has all it needs, with the program in it as %q",
			name, ErrFunction, interpreter, folderProgram)
	}
	next, err := lookup(root, interpreter)
	if err != nil {
		return fmt.Errorf("%s %w: it needs %s, which the folder hasn't got", name, ErrFunction, interpreter)
	}
	if depth == maxInterpreters {
		return fmt.Errorf("%s %w: scripts that run scripts, more than %d deep", name, ErrFunction, maxInterpreters)
	}
	return executableIn(root, next, filepath.Join(root, interpreter), depth+1)
}

// machines are the architectures that this program is built for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// interpreterOf is what the kernel starts to run a program (execve(2)): a
// dynamic linker or a script's interpreter; "" if it runs by itself.
func interpreterOf(f *os.File) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(f, 256)).ReadString('\n') // BINPRM_BUF_SIZE
	if err != nil && err != io.EOF {
		return "", err
	}
	if script, ok := strings.CutPrefix(line, "#!"); ok {
		fields := strings.Fields(script)
		if len(fields) == 0 || !path.IsAbs(fields[0]) {
			return "", errors.New("its first line names no interpreter by an absolute path")
		}
		return fields[0], nil
	}
	if !strings.HasPrefix(line, elf.ELFMAG) {
		return "", errors.New("it is neither an ELF program nor a script that names its interpreter after #! on the first line")
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return "", err
	}
	if want, ok := machines[runtime.GOARCH]; ok && e.Machine != want {
		return "", fmt.Errorf("it is for %v, and this machine is %v", e.Machine, want)
	}
	return linkerOf(e)
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

// maxLinks is how many symbolic links a path may have, as in the kernel
// (path_resolution(7)).
const maxLinks = 40

// lookup finds the file that a path means to who has the folder for its root:
// links that are absolute begin there, and none leads out of it.
func lookup(root, name string) (string, error) {
	at, rest := "/", strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(at, rest[0]) // ".." of "/" is "/"
		rest = rest[1:]
		st, err := os.Lstat(filepath.Join(root, next))
		if err != nil {
			return "", err
		}
		if st.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many links", name)
		}
		to, err := os.Readlink(filepath.Join(root, next))
		if err != nil {
			return "", err
		}
		if path.IsAbs(to) {
			at = "/"
		}
		rest = append(strings.Split(to, "/"), rest...)
	}
	return filepath.Join(root, at), nil
}
