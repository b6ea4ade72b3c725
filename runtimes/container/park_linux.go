package container

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"forklore/runtimes/cgi"
)

// parked is a sandbox in which everything is done but the exec: it can be used
// once, for any program's arguments, environment and descriptors. What is left
// of a call's start then is the exec.
//
//	host ── vfork ── child ── script ── "k" ──> park returns
//	  │ run: descriptors (SCM_RIGHTS) ── recvmsg ── dup3 ── filter ── execve
//
// While it waits it costs a thread of the host, which stands still in vfork,
// the kernel's part of a process, and two descriptors. It ends with the host,
// or with close.
type parked struct {
	s      *sandbox
	script *script
	socket int // the host's end
	born   chan started
	used   bool
}

type started struct {
	pid int
	err error
}

// childSocket is the descriptor of the child's end.
const childSocket = 3

// park makes a sandbox and has it wait.
func (n *native) park() (*parked, error) {
	if !n.stub {
		return nil, &Unavailable{Reason: "a sandbox can't be parked without the child-side stub"}
	}
	s, err := n.newSandbox()
	if err != nil {
		return nil, err
	}
	p := &parked{s: s, born: make(chan started, 1)}
	if err := p.start(); err != nil {
		s.group.remove()
		return nil, err
	}
	return p, nil
}

func (p *parked) start() error {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	p.socket = ends[0]
	written := make(chan *script, 1)
	go func() { // ends when the child has executed, or ended
		pid, err := p.walk(ends[1], written)
		syscall.Close(ends[1])
		p.born <- started{pid, err}
	}()
	var b [1]byte
	for {
		n, err := syscall.Read(p.socket, b[:])
		if err == syscall.EINTR {
			continue
		}
		if n == 1 {
			p.script = <-written
			return nil
		}
		break // nobody has the other end any more
	}
	syscall.Close(p.socket)
	return (<-p.born).err
}

// walk starts the child and returns when it has executed.
func (p *parked) walk(socket int, written chan<- *script) (pid int, err error) {
	if err := p.s.open(); err != nil {
		return 0, err
	}
	defer p.s.shut()
	sc, args, err := p.s.child()
	if err != nil {
		return 0, err
	}
	// The host's end is among those that are closed, so its close is noticed.
	sc.add("keep the socket", mayFail, unix.SYS_DUP3, uintptr(socket), childSocket, 0) // fails if it's there already
	sc.add("close the other descriptors", 0, sysCloseRange, childSocket+1, uintptr(^uint32(0)), 0)
	sc.add("say that it waits", 0, unix.SYS_WRITE, childSocket, sc.text("k"), 1)
	mail := newMailbox()
	sc.add("wait for a call", wantMore, unix.SYS_RECVMSG, childSocket, sc.point(unsafe.Pointer(&mail.header), mail), 0)
	// recvmsg(2) has put the three where there was room: right behind.
	sc.wear([3]uintptr{childSocket + 1, childSocket + 2, childSocket + 3})
	sc.exec(p.s.filter)
	written <- sc
	return sc.run(args)
}

// mailbox is where a message with one byte and three descriptors fits.
type mailbox struct {
	header  syscall.Msghdr
	iov     syscall.Iovec
	data    [8]byte
	control [64]byte
}

func newMailbox() *mailbox {
	m := &mailbox{}
	m.iov.Base = &m.data[0]
	m.iov.SetLen(1)
	m.header.Iov, m.header.Iovlen = &m.iov, 1
	m.header.Control = &m.control[0]
	m.header.SetControllen(syscall.CmsgSpace(3 * 4))
	return m
}

// run uses the sandbox for a program, as [native.Start] would a new one.
func (p *parked) run(prog *cgi.Program) (cgi.Process, error) {
	f := newFunction(prog)
	err := p.script.execute(f.args, append(f.env, p.s.env...))
	if err == nil {
		rights := syscall.UnixRights(int(f.files[0]), int(f.files[1]), int(f.files[2]))
		err = syscall.Sendmsg(p.socket, []byte{'g'}, rights, nil, syscall.MSG_NOSIGNAL)
	}
	if err != nil {
		p.close()
		return cgi.Process{}, fmt.Errorf("use a parked sandbox: %w", err)
	}
	p.used = true
	b := <-p.born
	syscall.Close(p.socket)
	if b.err != nil {
		p.s.group.remove()
		return cgi.Process{}, b.err
	}
	return cgi.Process{Pid: b.pid, Destroy: p.s.destroy}, nil
}

// close gives up a sandbox that waits.
func (p *parked) close() error {
	if p.used {
		return nil
	}
	p.used = true
	syscall.Close(p.socket) // its recvmsg returns 0
	<-p.born
	return p.s.group.remove()
}

// pid is that of the process that waits.
func (p *parked) pid() int { return int(p.script.pid) }
