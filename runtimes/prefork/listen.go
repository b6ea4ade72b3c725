package prefork

import (
	"syscall"

	"forklore/runtimes/role"
)

// listen opens the listener that all workers share, or takes the supervisor's.
func (p *parent) listen() (problem string) {
	p.owned = role.Int("LISTENER", 0) == 0
	p.listener = role.ListenerFD
	if p.owned {
		if problem = p.openListener(); problem != "" {
			return problem
		}
	}
	sa, err := syscall.Getsockname(p.listener)
	if err != nil {
		return "prefork: descriptor 5 is not a listener: " + err.Error()
	}
	if v4, ok := sa.(*syscall.SockaddrInet4); ok {
		p.port = v4.Port
	}
	// A connection inherits these from its listener on Linux, which spares
	// three system calls a request. One write carries a whole answer: there's
	// nothing to wait for before it's sent.
	syscall.SetsockoptInt(p.listener, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	p.setPatience()
	return ""
}

// openListener binds beside the lab, which holds the port with a socket that
// doesn't listen: both have SO_REUSEADDR (socket(7)).
func (p *parent) openListener() (problem string) {
	port := role.Int("PORT", 0)
	if port < 0 || port > 65535 {
		return "prefork: FORKLORE_PORT is not a port: " + role.Env("PORT")
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "prefork: socket: " + err.Error()
	}
	syscall.CloseOnExec(fd)
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	address := &syscall.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}
	if err = syscall.Bind(fd, address); err == nil {
		err = syscall.Listen(fd, backlog)
	}
	if err != nil {
		return "prefork: cannot listen on 127.0.0.1:" + itoa(int(port)) + ": " + err.Error()
	}
	p.listener = fd
	return ""
}

// setPatience bounds each wait for a client. On the listener itself it makes
// accept return now and then, empty-handed.
func (p *parent) setPatience() { setPatience(p.listener, patienceNS(p.timeoutNS)) }

func setPatience(fd int, ns int64) {
	t := syscall.NsecToTimeval(max(ns, 1_000_000))
	syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &t)
	syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &t)
}
