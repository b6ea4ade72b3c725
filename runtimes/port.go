package runtimes

import (
	"fmt"
	"os"
	"syscall"
)

// backlog is Apache's ListenBacklog, for every server of the lab.
const backlog = 511

// port is a model's port on 127.0.0.1.
//
// It is reserved by a bound socket that doesn't listen. While a server is
// down, connects to its port are refused, its next incarnation can bind beside
// the reservation (both have SO_REUSEADDR, socket(7)), and no client's own end
// can be given the number: without it a client was seen to connect to itself,
// and the restart to fail with "address in use".
type port struct {
	number int
	socket *os.File // the reservation; listening if the server inherits its listener
	lock   *os.File // keeps other labs from a port that was asked for by number
}

func (p port) close() {
	for _, f := range []*os.File{p.socket, p.lock} {
		if f != nil {
			f.Close()
		}
	}
}

var portOffset = map[string]int{CGI: 0, Prefork: 1, EventLoop: 2, Container: 3}

func openPort(model string, s Spec) (p port, err error) {
	if s.Port != 0 {
		p.number = s.Port + portOffset[model]
		if p.lock, err = lockPort(p.number); err != nil {
			return port{}, fmt.Errorf("%w for %s: port %d on 127.0.0.1 belongs to another lab: %w", ErrPort, model, p.number, err)
		}
	}
	p.socket, p.number, err = bindLoopback(p.number, sharesListener(model, s))
	if err != nil {
		p.close()
		return port{}, fmt.Errorf("%w for %s: %w", ErrPort, model, err)
	}
	return p, nil
}

// sharesListener: the supervisor listens, and the server inherits the socket.
func sharesListener(model string, s Spec) bool { return model == EventLoop && s.SharedListener }

// bindLoopback fails for a port on which someone listens: SO_REUSEADDR doesn't
// allow that.
func bindLoopback(port int, listens bool) (*os.File, int, error) {
	what := func(err error) error {
		return fmt.Errorf("port %d on 127.0.0.1: %w", port, err)
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, 0, what(err)
	}
	f := os.NewFile(uintptr(fd), "port")
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		f.Close()
		return nil, 0, what(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		f.Close()
		return nil, 0, what(err)
	}
	if listens {
		if err := syscall.Listen(fd, backlog); err != nil {
			f.Close()
			return nil, 0, what(err)
		}
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		f.Close()
		return nil, 0, what(err)
	}
	return f, sa.(*syscall.SockaddrInet4).Port, nil
}
