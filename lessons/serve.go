package lessons

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/adrg/xdg"
)

const (
	// maxReaders bounds who may read along.
	maxReaders = 8
	// writeTime is what a reader may take for a line; who is slower is dropped.
	writeTime = 2 * time.Second
)

// Notes serves what the presenter sees, to `forklore notes`. Every reader has
// the newest note; notes that it was too slow for, it misses.
type Notes struct {
	path     string
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex
	newest  []byte
	readers map[chan []byte]net.Conn
	closed  bool
}

// NotesDirs are the folders where this user's labs may have their sockets, the
// best first: the session's, and where there is no session, as in a container,
// one beside the other temporary files.
func NotesDirs() []string {
	return []string{
		filepath.Join(xdg.RuntimeDir, "forklore"),
		filepath.Join(os.TempDir(), "forklore-"+strconv.Itoa(os.Getuid())),
	}
}

// ofThisUser says why a folder is not one of this user alone.
func ofThisUser(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); !ok || !st.IsDir() || int(sys.Uid) != os.Getuid() || st.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s: not a folder of this user alone (chmod 700 makes it so)", dir)
	}
	return nil
}

// ServeNotes begins to serve, on a socket in the first of the folders that can
// be made; Close removes it, if no other lab's socket is there. What a killed lab
// left in it is removed now.
func ServeNotes(dirs ...string) (*Notes, error) {
	var err error
	for _, dir := range dirs {
		for range 3 { // the last lab there may end just now, and take the folder along
			if err = os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				break
			}
			var n *Notes
			if n, err = serveIn(dir); !errors.Is(err, fs.ErrNotExist) {
				return n, err
			}
		}
	}
	return nil, err
}

// serveIn serves in a folder that is there.
func serveIn(dir string) (*Notes, error) {
	if err := ofThisUser(dir); err != nil {
		return nil, err
	}
	for _, path := range sockets(dir) {
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			os.Remove(path)
		}
	}
	path := filepath.Join(dir, fmt.Sprintf("notes-%d.sock", os.Getpid()))
	os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	n := &Notes{path: path, listener: l, readers: map[chan []byte]net.Conn{}}
	n.Publish(Note{Schema: NoteSchema})
	n.wg.Go(n.accept)
	return n, nil
}

// Path is the socket.
func (n *Notes) Path() string { return n.path }

// Publish makes a note the newest. It never waits.
func (n *Notes) Publish(note Note) {
	line, err := json.Marshal(note)
	if err != nil {
		return // texts and numbers: can't be
	}
	line = append(line, '\n')
	n.mu.Lock()
	defer n.mu.Unlock()
	n.newest = line
	for ch := range n.readers {
		offer(ch, line)
	}
}

// offer puts the line in place of one that has not been taken yet.
func offer(ch chan []byte, line []byte) {
	select {
	case <-ch:
	default:
	}
	ch <- line // only offer sends, under the lock: there is room
}

// accept lives until the listener is closed.
func (n *Notes) accept() {
	for {
		c, err := n.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(100 * time.Millisecond) // no descriptors: they may come back
			continue
		}
		n.mu.Lock()
		if n.closed || len(n.readers) == maxReaders {
			n.mu.Unlock()
			c.Close()
			continue
		}
		ch := make(chan []byte, 1)
		offer(ch, n.newest)
		n.readers[ch] = c
		n.mu.Unlock()
		n.wg.Go(func() { n.serve(c, ch) })
	}
}

// serve lives until its reader goes, or Close.
func (n *Notes) serve(c net.Conn, ch chan []byte) {
	for line := range ch {
		c.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := c.Write(line); err != nil {
			break
		}
	}
	c.Close()
	n.mu.Lock()
	delete(n.readers, ch)
	n.mu.Unlock()
}

// Close ends it; readers see the end of the lab.
func (n *Notes) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	for ch := range n.readers {
		close(ch)
		delete(n.readers, ch)
	}
	n.mu.Unlock()
	err := n.listener.Close()       // and removes the socket
	os.Remove(filepath.Dir(n.path)) // stays while another lab's socket is there
	n.wg.Wait()
	return err
}

// sockets are those of labs in a folder, the newest first.
func sockets(dir string) []string {
	list, _ := filepath.Glob(filepath.Join(dir, "notes-*.sock"))
	age := func(path string) time.Time {
		st, err := os.Lstat(path)
		if err != nil {
			return time.Time{}
		}
		return st.ModTime()
	}
	slices.SortFunc(list, func(a, b string) int { return age(b).Compare(age(a)) })
	return list
}
