package traffic

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"
)

// errSelf: the kernel chose the empty target port as the client's own, and a
// socket that connects to itself succeeds (simultaneous open, RFC 9293
// section 3.5). Nobody listens there.
var errSelf = errors.New("connected to itself: nobody listens")

// errAddr is the one kind of address that the lab sends traffic to.
var errAddr = errors.New("traffic goes to loopback, as 127.0.0.1:port")

func parseAddr(s string) (to syscall.SockaddrInet4, err error) {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return to, fmt.Errorf("target %q: %w: %w", s, errAddr, err)
	}
	if !a.Addr().Is4() || !a.Addr().IsLoopback() || a.Port() == 0 {
		return to, fmt.Errorf("target %q: %w", s, errAddr)
	}
	return syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, nil
}

// begin makes a socket and starts to connect it.
//
// Package net is not used for this: its Dial tries again when it has
// connected to itself, which hides a refusal.
//
// The address comes by value: syscall.Connect writes to it.
func begin(to syscall.SockaddrInet4) (*os.File, error) {
	fd, err := socket()
	if err != nil {
		return nil, &localError{os.NewSyscallError("socket", err)}
	}
	// EINTR: it goes on in the background all the same (connect(2)).
	if err := syscall.Connect(fd, &to); err != nil && err != syscall.EINPROGRESS && err != syscall.EINTR {
		syscall.Close(fd)
		return nil, connectError(err)
	}
	return os.NewFile(uintptr(fd), "connection"), nil // non-blocking, so reads wait in Go's poller
}

// finish waits until the socket is connected, and returns its port.
func finish(f *os.File, to syscall.SockaddrInet4) (port uint16, err error) {
	rc, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	waited := rc.Write(func(fd uintptr) (done bool) {
		failed = connected(int(fd))
		return failed != syscall.EINPROGRESS
	})
	if waited != nil {
		return 0, waited
	}
	if failed != nil {
		return 0, connectError(failed)
	}
	var self bool
	err = rc.Control(func(fd uintptr) {
		var name syscall.Sockaddr
		if name, failed = syscall.Getsockname(int(fd)); failed != nil {
			return
		}
		in := name.(*syscall.SockaddrInet4)
		port = uint16(in.Port)
		if self = in.Port == to.Port && in.Addr == to.Addr; self {
			// A reset leaves no TIME_WAIT that would keep a server off its port.
			syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		}
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, &localError{os.NewSyscallError("getsockname", failed)}
	case self:
		return 0, errSelf
	}
	return port, nil
}

// connected asks a connecting socket how it stands, as connect(2) describes
// for EINPROGRESS. Writable alone doesn't say it.
func connected(fd int) error {
	e, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err != nil {
		return err
	}
	if e != 0 {
		return syscall.Errno(e)
	}
	if _, err = syscall.Getpeername(fd); err == syscall.ENOTCONN {
		return syscall.EINPROGRESS
	}
	return err
}

// localError is a failure on the client's side of the wire.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// connectError says whose failure it is that connect(2) failed. No free port,
// no memory, a firewall on loopback: none of that is the model's doing.
func connectError(err error) error {
	err = os.NewSyscallError("connect", err)
	for _, theirs := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ETIMEDOUT} {
		if errors.Is(err, theirs) {
			return err
		}
	}
	return &localError{err}
}

// outcomeOf classifies the error that ended a request.
func outcomeOf(err error) Outcome {
	var local *localError
	var bad *malformedError
	switch {
	case errors.As(err, &local):
		return Local
	case errors.As(err, &bad):
		return ErrorStatus
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), err == errGaveUp:
		return Timeout
	case errors.Is(err, errSelf), errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	}
	return Reset // EOF, ECONNRESET, EPIPE: the connection is no more
}

// why is the error as a person reads it.
func why(err error, reused bool) string {
	text := err.Error()
	switch {
	case err == errGaveUp:
		return text // the server has no part in it
	case errors.Is(err, os.ErrDeadlineExceeded):
		text = "no complete answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "closed by the server before the answer was complete (FIN)"
	case errors.Is(err, syscall.ECONNRESET):
		text = "reset by the server before the answer was complete (RST)"
	case errors.Is(err, syscall.EPIPE):
		text = "closed by the server before the request was sent"
	}
	if reused {
		text += "; the connection had been kept alive, and no request is sent twice"
	}
	return text
}
