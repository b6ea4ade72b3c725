package runtimes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A lab has a folder of its own for its sockets. Its name is the lab's id, and
// its file "lock" is locked as long as the lab lives: the kernel lets go of
// the lock however the lab ends, so a folder whose lock is free is a dead
// lab's, and the next lab removes it.

const folderPrefix = "forklore-"

// maxSocketPath is what fits into sun_path (unix(7)), less the longest name.
const maxSocketPath = 108 - 1 - len("/container.sock")

type folder struct {
	path string
	lock *os.File
}

// openFolder removes the folders of dead labs and makes this lab's.
func openFolder(id string) (*folder, error) {
	var firstErr error
	places := []string{os.TempDir(), "/tmp"}
	for _, tmp := range places {
		sweepFolders(tmp) // also where a lab with another TMPDIR may have been
	}
	for _, tmp := range places {
		path := filepath.Join(tmp, folderPrefix+id)
		if len(path) > maxSocketPath {
			firstErr = errors.Join(firstErr, fmt.Errorf("%s: too long for a socket's path", path))
			continue
		}
		f, err := makeFolder(path)
		if err == nil {
			return f, nil
		}
		firstErr = errors.Join(firstErr, err)
	}
	return nil, fmt.Errorf("folder for sockets (set TMPDIR to a writable one with a short name): %w", firstErr)
}

func makeFolder(path string) (*folder, error) {
	// Made under another name and renamed when it is locked: a sweep by
	// another lab in between finds nothing that it knows.
	draft := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.Mkdir(draft, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(draft, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		os.RemoveAll(draft)
		return nil, err
	}
	return &folder{path: path, lock: lock}, nil
}

func (f *folder) close() error {
	err := os.RemoveAll(f.path)
	f.lock.Close()
	return err
}

// sweepFolders removes what labs that are dead have left.
func sweepFolders(tmp string) {
	found, _ := filepath.Glob(filepath.Join(tmp, folderPrefix+"*"))
	drafts, _ := filepath.Glob(filepath.Join(tmp, "."+folderPrefix+"*")) // of labs that died while they made it
	for _, path := range append(found, drafts...) {
		// Only what looks like ours is touched: <pid>-<start time>, a lock in it.
		name := strings.TrimPrefix(strings.TrimPrefix(filepath.Base(path), "."), folderPrefix)
		id := strings.Split(name, "-")
		if len(id) < 2 || len(id) > 3 || slices.ContainsFunc(id, func(s string) bool { return !digits(s) }) {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			os.RemoveAll(path)
		}
		lock.Close()
	}
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
