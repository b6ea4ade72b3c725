package cgi

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"forklore/runtimes/board"
	"forklore/runtimes/role"
)

// Config is what differs between the hosts that start a process per request.
type Config struct {
	// CallRole is the role of the built-in application's calls.
	CallRole string
	// Script, if set, is the absolute path of a program that is run instead.
	Script string
	// Start starts a call's program. It may be called by several goroutines at
	// once. nil forks and execs.
	Start func(*Program) (Process, error)
	// TooBusy is the status beyond the queue: 503 if 0.
	TooBusy int
	// Begin, if set, is called before the first call.
	Begin func(*Host)
	// Remark, if set, is said when the host is ready: what it has to do without.
	Remark string
	// Set, if set, is told of each setting that the lab has changed.
	Set func(name, value string)
	// Ending, if set, is called before the processes are ended.
	Ending func()
	// Close, if set, is called last, when all calls are over.
	Close func()
}

const (
	// backlog is Apache's default (mpm_common, ListenBacklog).
	backlog = 511
	// headerTimeout ends a client that doesn't say what it wants.
	headerTimeout = 10 * time.Second
	// idleTimeout ends a connection that is kept alive and not used.
	idleTimeout = 60 * time.Second
	// maxRequestHeaderBytes is well below what fits into an environment variable
	// (128 KiB, execve(2)).
	maxRequestHeaderBytes = 64 << 10
	// hostThreads is how many threads a host has from the start on; the lab
	// counts on 24 where it shares out the processes of a group.
	hostThreads = 16
	// patience is how long the end of the lab may take: processes are to be
	// gone after 2 s.
	patience = 1500 * time.Millisecond
)

// Serve plays the role of such a host, with the settings of the environment,
// and returns when it is told to stop, or when the lab is gone.
func Serve(cfg Config) {
	if err := serve(cfg); err != nil {
		slog.Error("cgi: host ends", "err", err)
		os.Exit(1)
	}
}

func serve(cfg Config) error {
	for fd := role.ControlFD; fd <= role.ListenerFD; fd++ {
		syscall.CloseOnExec(fd) // not for the calls
	}
	b, err := board.Open(role.BoardFD)
	if err != nil {
		return fmt.Errorf("open the board, descriptor %d: %w", role.BoardFD, err)
	}
	h, set, err := newHost(cfg)
	if err != nil {
		return err
	}
	h.Board = b
	h.once.Do(h.setup)
	if cfg.Begin != nil {
		cfg.Begin(h)
	}
	role.StartThreads(hostThreads)
	ln, err := listen(int(role.Int("PORT", 0)))
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxRequestHeaderBytes, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				b.Accepted.Add(1)
			}
		}}
	go srv.Serve(ln) // ends by Shutdown or Close
	role.TellReady(ln.Addr().(*net.TCPAddr).Port)
	if cfg.Remark != "" {
		role.Tell("say " + cfg.Remark)
	}

	stopped := make(chan struct{})
	gone := make(chan struct{})
	go func() { // ends with the process
		var once sync.Once
		role.Commands(func(line string) {
			switch f := strings.Fields(line); {
			case len(f) == 1 && f[0] == "stop":
				once.Do(func() {
					go func() { // ends with the last request, or the process
						srv.Shutdown(context.Background())
						close(stopped)
					}()
				})
			case len(f) == 3 && f[0] == "set":
				set.set(f[1], f[2])
				if cfg.Set != nil {
					cfg.Set(f[1], f[2])
				}
			case line == "release": // a call ends when its client leaves
			default:
				slog.Warn("cgi: unknown command", "line", line)
			}
		})
		close(gone)
	}()
	select {
	case <-stopped:
	case <-gone:
		ln.Close()
	}
	end := time.Now().Add(patience)
	if cfg.Ending != nil {
		cfg.Ending()
	}
	if !h.reaper.close(patience) {
		slog.Error("cgi: processes outlive the host", "patience", patience)
	}
	h.wait(time.Until(end))
	if cfg.Close != nil {
		cfg.Close()
	}
	return nil
}

// wait lets the calls finish, whose processes are gone.
func (h *Host) wait(patience time.Duration) {
	over := make(chan struct{})
	go func() { // ends with the calls, or the process
		h.calls.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(patience):
	}
}

// newHost is the host that the environment describes.
func newHost(cfg Config) (*Host, *settings, error) {
	h := &Host{
		Start: cfg.Start, TooBusy: cfg.TooBusy,
		MaxCalls: int(role.Int("MAX_CALLS", 0)),
		Queue:    int(role.Int("QUEUE", 0)),
		Timeout:  time.Duration(role.Int("TIMEOUT_MS", 60_000)) * time.Millisecond,
		Died: func(d Death) {
			role.TellDied(d.Pid, uint32(d.Status), d.Request, d.Port, d.Flags, d.OOMKills)
		},
	}
	set := &settings{role: cfg.CallRole}
	if cfg.Script != "" {
		if !filepath.IsAbs(cfg.Script) {
			return nil, nil, fmt.Errorf("script %s: give an absolute path", cfg.Script)
		}
		h.Path = cfg.Script
		h.Name = "/" + filepath.Base(cfg.Script)
		h.Hide = []string{"Forklore-Token"} // the lab's secret
		h.Log = log.Writer()
		return h, set, nil
	}
	if !role.Known(cfg.CallRole) {
		return nil, nil, fmt.Errorf("role %q is not linked into this binary", cfg.CallRole)
	}
	path, err := self()
	if err != nil {
		return nil, nil, fmt.Errorf("find this binary: %w", err)
	}
	h.Path, h.Dir, h.Args = path, "/", []string{"forklore: " + cfg.CallRole}
	h.Application, h.Env = true, set.env
	return h, set, nil
}

// listen opens the port on loopback. net sets SO_REUSEADDR, which lets it bind
// beside the lab's reservation; a second listen(2) sets the backlog, for which
// net has no argument.
func listen(port int) (net.Listener, error) {
	ln, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return nil, fmt.Errorf("listen on loopback, port %d: %w", port, err)
	}
	rc, err := ln.SyscallConn()
	if err == nil {
		var bad error
		if err = rc.Control(func(fd uintptr) { bad = syscall.Listen(int(fd), backlog) }); err == nil {
			err = bad
		}
	}
	if err != nil {
		ln.Close()
		return nil, fmt.Errorf("backlog of port %d: %w", port, err)
	}
	return ln, nil
}
