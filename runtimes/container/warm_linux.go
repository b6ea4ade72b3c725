package container

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/cgi"
)

// member is a sandbox of the pool: one that was made without a call, or that
// may outlive the one that it was made for. Its function takes calls as
// messages, see app.FunctionRole.
type member struct {
	*cgi.Resident
	pool       *pool
	generation int
	sock       *os.File  // our end of its descriptor 0
	since      time.Time // it waits since then
	ice        *ice      // nil: it was never frozen
	frozen     bool
}

// make makes a sandbox in a place that is the caller's.
func (l *pool) make(place int) (*member, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make the function's socket: %w", err)
	}
	defer syscall.Close(pair[1])
	syscall.SetNonblock(pair[0], true) // through Go's poller
	l.mu.Lock()
	m := &member{pool: l, generation: l.generation, sock: os.NewFile(uintptr(pair[0]), "function's socket")}
	l.mu.Unlock()
	m.Resident, err = l.host.Launch(place, func() (cgi.Process, error) {
		p, err := l.engine.Start(&cgi.Program{Path: l.host.Path, Args: []string{"forklore: sandbox"}, Dir: "/", Env: l.env(),
			Stdin: uintptr(pair[1]), Stdout: l.null.Fd(), Stderr: 2, Place: place})
		destroy := p.Destroy
		p.Destroy = func() (uint64, error) {
			kills, err := destroy()
			if m.ice != nil {
				if gone := m.ice.remove(); err == nil {
					err = gone
				}
			}
			return kills, err
		}
		return p, err
	})
	if err != nil {
		m.sock.Close()
		return nil, err
	}
	m.Over, m.Keep, m.Wake = m.over, m.keep, m.thaw
	go m.watch()
	return m, nil
}

// env is the function's environment: the application's, in another role.
func (l *pool) env() (env []string) {
	for _, kv := range l.host.Env() {
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "FORKLORE_ROLE":
			kv = name + "=" + app.FunctionRole
		case "GOGC":
			continue // it may live long enough for a collection
		}
		env = append(env, kv)
	}
	return env
}

// watch waits for the sandbox's end, by whatever, and lets go of it.
func (m *member) watch() {
	<-m.Ended()
	m.pool.lost(m)
	m.sock.Close()
}

// ready waits until the function has started up.
func (m *member) ready() error {
	m.sock.SetReadDeadline(time.Now().Add(startPatience))
	defer m.sock.SetReadDeadline(time.Time{})
	what, ns, err := m.hear()
	if err != nil || what != app.FunctionReady {
		return fmt.Errorf("the function was not ready: %w", err)
	}
	m.Ready(ns)
	return nil
}

func (m *member) hear() (what byte, n int64, err error) {
	var buf [app.FunctionWord]byte
	got, err := m.sock.Read(buf[:])
	if err != nil {
		return 0, 0, err
	}
	what, n = app.ParseFunctionWord(buf[:got])
	return what, n, nil
}

// call gives the function a call: the variables that it reads, and where the
// response goes to. It may be starting up; the message waits for it then.
func (m *member) call(p *cgi.Program) error {
	m.thaw()
	var block []byte
	for _, kv := range p.Env {
		name, _, _ := strings.Cut(kv, "=")
		for _, read := range app.Variables {
			if name == read {
				block = append(append(block, kv...), 0)
			}
		}
	}
	if len(block) > app.FunctionMessage {
		return fmt.Errorf("the call's variables are %d bytes, more than %d", len(block), app.FunctionMessage)
	}
	rights := syscall.UnixRights(int(p.Stdout))
	rc, err := m.sock.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := rc.Write(func(fd uintptr) bool {
		for {
			if sent = syscall.Sendmsg(int(fd), block, rights, nil, syscall.MSG_NOSIGNAL); sent != syscall.EINTR {
				return sent != syscall.EAGAIN
			}
		}
	}); err != nil {
		return err
	}
	return sent
}

// over waits for the end of the call.
func (m *member) over() bool {
	for {
		what, n, err := m.hear()
		switch {
		case err != nil || what == 0:
			return false
		case what == app.FunctionDone:
			m.LeakedBytes = n
			return true
		}
	}
}

// keep freezes the sandbox after a call, if there may be another.
func (m *member) keep() (state uint32, ok bool) {
	l := m.pool
	if !l.keeps(m) {
		return 0, false
	}
	state = board.Idle
	if err := m.freeze(); err != nil {
		l.complain(err)
	} else {
		state = board.Frozen
	}
	return state, l.wait(m)
}

func (m *member) freeze() (err error) {
	if m.pool.freezer == nil {
		return m.pool.noFreezer
	}
	if m.ice == nil {
		if m.ice, err = m.pool.freezer.enclose(m.Pid); err != nil {
			m.ice = nil
			return err
		}
	}
	if err := m.ice.freeze(); err != nil {
		return err
	}
	m.frozen = true
	return nil
}

// dead reports whether it has ended.
func (m *member) dead() bool {
	select {
	case <-m.Ended():
		return true
	default:
		return false
	}
}

// doomed: see ice.
func (m *member) doomed() bool { return m.frozen && m.ice.doomed() }

// end ends the sandbox. Whom somebody else has killed dies of that, not of us.
func (m *member) end() {
	if m.doomed() {
		m.thaw()
		select {
		case <-m.Ended():
		case <-time.After(freezePatience):
		}
	}
	m.End()
}

func (m *member) thaw() {
	if m.frozen {
		m.ice.thaw()
		m.frozen = false
	}
}
