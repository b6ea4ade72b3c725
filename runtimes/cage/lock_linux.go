package cage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// flock(2) works on the folders of a cgroup file system, v1 and v2 alike: it
// belongs to the VFS. The kernel frees the lock when its holder dies in
// whatever way, so a folder whose lock is free belongs to nobody alive.

// errLocked means that someone else holds the lock.
var errLocked = errors.New("locked by another process")

// lockFolder takes the lock of a folder, or fails at once.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	}
	return nil, fmt.Errorf("lock %s: %w", dir, err)
}

// topPatience is how long to wait for another lab that opens or closes: it may
// have to kill what a dead one left.
const topPatience = 10 * time.Second

// lockTop makes the folder that all labs share and locks it: only the holder
// makes labs' folders in it, sweeps it or removes it.
func lockTop(dir string) (*os.File, error) {
	for deadline := time.Now().Add(topPatience); ; time.Sleep(2 * time.Millisecond) {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		f, err := lockFolder(dir)
		switch {
		case err == nil && isAt(f, dir):
			return f, nil
		case err == nil: // the holder before us removed it: what we locked is no longer there
			f.Close()
		case errors.Is(err, fs.ErrNotExist): // removed between Mkdir and Open
		case !errors.Is(err, errLocked):
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("lock %s: another lab has held it for %v", dir, topPatience)
		}
	}
}

func isAt(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}
