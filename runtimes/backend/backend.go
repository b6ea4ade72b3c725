// Package backend is the dependency that every request may wait for: a
// database, another service. It is a process of its own, for each model, that
// answers after as long as it is asked to, on a unix socket: so it can be slow,
// or dead, for one column alone.
//
// The protocol is a line each way: "<microseconds>\n", and after that time
// [app.IOAnswer]. A pathname socket is bound into a sandbox, where an abstract
// one or a port would be out of reach: those belong to a network namespace
// (unix(7), network_namespaces(7)).
//
// Cost: a goroutine and a timer for each request that waits.
// May not enter: work. What a request computes, it computes in its model.
package backend

import (
	"bufio"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"forklore/runtimes/app"
	"forklore/runtimes/role"
)

// Role is the name that the lab starts it by. The sockets are the lab's: they
// come listening, from role.ListenerFD on, FORKLORE_LISTENERS of them. If the
// backend dies, who calls waits in a backlog until the next one is up.
//
// SLOW_US, a setting that the lab may change, is how much longer each answer is
// held than was asked for. An answer that is being held is held to its end, also
// when that changes; the command [LetGo] ends what it is held longer.
const Role = "backend"

func init() { role.Enter(Role, serve) }

// Path is the socket of one model in the lab's folder.
func Path(dir, name string) string { return filepath.Join(dir, name+".sock") }

// MaxHold is the longest time that an answer is held.
const MaxHold = 10 * time.Minute

// LetGo is the line that has the backend hold no answer longer than it was asked
// to, of those that it holds now.
const LetGo = "let go"

var (
	slowUS atomic.Int64                  // SLOW_US
	letGo  atomic.Pointer[chan struct{}] // closed at LetGo, and replaced
)

func serve() {
	slowUS.Store(role.Int("SLOW_US", 0))
	none := make(chan struct{})
	letGo.Store(&none)
	for i := range int(role.Int("LISTENERS", 0)) {
		f := os.NewFile(uintptr(role.ListenerFD+i), "socket")
		l, err := net.FileListener(f)
		if err != nil {
			log.Fatalf("backend: socket %d: %v", i, err)
		}
		f.Close() // FileListener has its own
		go accept(l)
	}
	role.TellReady(0)
	role.Commands(func(line string) { // until the lab is gone
		if line == LetGo {
			next := make(chan struct{})
			close(*letGo.Swap(&next))
			return
		}
		if value, ok := strings.CutPrefix(line, "set SLOW_US "); ok {
			if n, ok := role.ParseInt(value); ok {
				slowUS.Store(n)
			}
		}
	})
}

func accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			time.Sleep(10 * time.Millisecond) // the callers wait in the backlog
			continue
		}
		if err != nil {
			return
		}
		go answer(c)
	}
}

// answer serves one connection until the caller closes it. A caller that goes
// away while its answer is held is noticed at the next read or write.
func answer(c net.Conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 64)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			if err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
				log.Printf("backend: read: %v", err)
			}
			return
		}
		us, ok := role.ParseInt(strings.TrimSuffix(string(line), "\n"))
		if !ok || us < 0 {
			return
		}
		hold(us)
		if _, err := io.WriteString(c, app.IOAnswer); err != nil {
			return
		}
	}
}

// hold returns after us microseconds and what the backend is slower by, or as
// much earlier as LetGo spares the caller.
func hold(us int64) {
	own := min(time.Duration(us)*time.Microsecond, MaxHold)
	due := time.Now().Add(own)
	spared := *letGo.Load() // first: it comes after a change of slowUS
	extra := min(time.Duration(slowUS.Load())*time.Microsecond, MaxHold-own)
	select {
	case <-time.After(own + extra):
	case <-spared:
		time.Sleep(time.Until(due))
	}
}
