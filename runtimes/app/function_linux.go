package app

import (
	"syscall"

	"forklore/runtimes/role"
)

// The application as a sandbox that was made before its call, or lives on
// after it. A CGI script has its request in its environment, which a process
// has from the start on, so here both come as a message:
//
//	host ── NAME=value\0..., and a descriptor for the response ──> 0 ─┐
//	  ^                                                                │ as CGI does
//	  ├── response: the descriptor's end is the end of the response <──┤
//	  └── FunctionReady once, FunctionDone after each call <────── 0 ──┘
//
// Descriptor 0 is a socket that keeps the messages apart (unix(7),
// SOCK_SEQPACKET), so that neither side needs a parser. Its end of file means
// that the sandbox is no longer needed.
//
// Done is sent before the response's descriptor is closed: who has read the
// end of a response finds it there, or knows that the function has died.
func init() { role.Enter(FunctionRole, serveFunction) }

// FunctionRole is the role's name.
const FunctionRole = "sandbox calls"

// FunctionMessage is the most that a message to the function may have: what a
// host takes of a request's header, and some.
const FunctionMessage = 96 << 10

// What the function says: a byte, and a number of eight, little end first.
const (
	FunctionReady = 'R' // it has paid its weight; the number is role.Nanotime
	FunctionDone  = 'D' // the call is over; the bytes that it has left behind so far, all calls together

	FunctionWord = 9 // bytes
)

// AppendFunctionWord writes a message of the function.
func AppendFunctionWord(b []byte, what byte, n int64) []byte {
	b = append(b, what)
	for shift := 0; shift < 64; shift += 8 {
		b = append(b, byte(n>>shift))
	}
	return b
}

// ParseFunctionWord reads one; what is 0 if it is none.
func ParseFunctionWord(b []byte) (what byte, n int64) {
	if len(b) != FunctionWord {
		return 0, 0
	}
	for i, c := range b[1:] {
		n |= int64(c) << (8 * i)
	}
	return b[0], n
}

const hostFD = 0

// message is touched as far as messages fill it.
var message [FunctionMessage]byte

func serveFunction() {
	role.Sacrifice()
	LimitFDs()
	itersPerMS := role.Int("ITERS_PER_MS", 0)
	WeightFromEnv().Pay(itersPerMS)
	if !say(FunctionReady, role.Nanotime()) {
		return
	}
	var leaked int64
	for {
		block, fd := receive()
		if fd < 0 {
			return
		}
		r := cgiResponse{fd: fd, ready: role.Nanotime()}
		leaked += r.answer(itersPerMS, func(name string) string { return variable(block, name) })
		ok := say(FunctionDone, leaked)
		syscall.Close(fd)
		if !ok {
			return
		}
	}
}

func say(what byte, n int64) bool {
	var b [FunctionWord]byte
	return WriteAll(hostFD, AppendFunctionWord(b[:0], what, n)) == nil
}

// receive waits for the next call. fd is -1 if there will be none.
func receive() (block []byte, fd int) {
	var control [64]byte // a header and a descriptor are 20 bytes (cmsg(3))
	for {
		n, nc, flags, _, err := syscall.Recvmsg(hostFD, message[:], control[:], syscall.MSG_CMSG_CLOEXEC)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 0 || flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) != 0 {
			return nil, -1
		}
		items, err := syscall.ParseSocketControlMessage(control[:nc])
		if err != nil || len(items) != 1 {
			return nil, -1
		}
		fds, err := syscall.ParseUnixRights(&items[0])
		if err != nil || len(fds) != 1 {
			return nil, -1
		}
		return message[:n], fds[0]
	}
}

// variable finds a value in a block of NAME=value, each with a zero byte.
func variable(block []byte, name string) string {
	for len(block) > 0 {
		end := 0
		for end < len(block) && block[end] != 0 {
			end++
		}
		kv := block[:end]
		if len(kv) > len(name) && kv[len(name)] == '=' && string(kv[:len(name)]) == name {
			return string(kv[len(name)+1:])
		}
		block = block[min(end+1, len(block)):]
	}
	return ""
}
