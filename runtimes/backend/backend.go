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
// held than was asked for.
const Role = "backend"

func init() { role.Enter(Role, serve) }

// Path is the socket of one model in the lab's folder.
func Path(dir, name string) string { return filepath.Join(dir, name+".sock") }

// MaxHold is the longest time that an answer is held.
const MaxHold = 10 * time.Minute

// slowUS is SLOW_US.
var slowUS atomic.Int64

func serve() {
	slowUS.Store(role.Int("SLOW_US", 0))
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
		time.Sleep(min(time.Duration(us+slowUS.Load())*time.Microsecond, MaxHold))
		if _, err := io.WriteString(c, app.IOAnswer); err != nil {
			return
		}
	}
}
