// Package role lets one binary be every process of the lab.
//
// The lab starts itself again by /proc/self/exe with FORKLORE_ROLE in the
// environment. A package that plays a role calls [Enter] from its init
// function: in a process that was started for this role, Enter runs the role
// and ends the process; in every other process it only notes that the role
// exists.
//
//	func init() { role.Enter("prefork worker", work) }
//
// Why init and not main: Go initialises packages in the order of their import
// paths, among those whose own imports are ready. A package named
// forklore/... that imports next to nothing is ready before anything under
// github.com, so a CGI call or a worker starts without paying for the
// terminal library that the same binary holds. GODEBUG=inittrace=1 shows it.
//
// Cost: one look at the environment for each role that the binary knows.
// May not enter: anything but syscall and unsafe; each further import delays
// every CGI call and every sandbox.
package role

import "syscall"

// Descriptors of a role. Descriptor 0 is /dev/null, 1 and 2 are the log
// (a CGI call's 1 is the pipe to its host).
const (
	ControlFD  = 3 // line protocol to whoever started the role; its end of file means "the lab is gone"
	BoardFD    = 4 // the shared mapping, see package board
	ListenerFD = 5 // a listening socket, if the supervisor owns it
)

const env = "FORKLORE_ROLE"

// known holds the roles that are linked into this binary. It has room for all
// of them without an allocation.
var (
	known  [32]string
	nKnown int
)

// Current returns the role that this process was started for, "" for the lab itself.
func Current() string {
	name, _ := syscall.Getenv(env)
	return name
}

// Known reports whether the role is linked into this binary, and so into the
// one that /proc/self/exe would start. To start an unknown role is to start
// the program's main function again: a test binary would run its own tests,
// which would start the role, which would run the tests.
func Known(name string) bool {
	for _, k := range known[:nKnown] {
		if k == name {
			return true
		}
	}
	return false
}

// Enter plays the role if this process was started for it, and doesn't return
// then: a role whose function returns has exit status 0.
func Enter(name string, play func()) {
	known[nKnown] = name
	nKnown++
	if Current() != name {
		return
	}
	setProcessName(Comm(name))
	play()
	syscall.Exit(0)
}

// Comm is the role's name as ps -o comm shows it, which has room for 15 bytes.
// Without it a process started by /proc/self/exe is called "exe".
func Comm(name string) string {
	if len(name) > 15 {
		return name[:15]
	}
	return name
}

// Vars are the variables of the environment that choose and configure a role.
// They are taken out before a program that isn't ours runs.
const Prefix = "FORKLORE_"

// Env returns the setting FORKLORE_<name>, or "".
func Env(name string) string {
	v, _ := syscall.Getenv(Prefix + name)
	return v
}

// Int returns the setting FORKLORE_<name> as a number, or def if it isn't one.
func Int(name string, def int64) int64 {
	n, ok := ParseInt(Env(name))
	if !ok {
		return def
	}
	return n
}

// ParseInt reads a decimal number without strconv, which a role can do without.
func ParseInt(s string) (n int64, ok bool) {
	neg := false
	if len(s) > 1 && s[0] == '-' {
		neg, s = true, s[1:]
	}
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}

// AppendInt is ParseInt's other direction.
func AppendInt(b []byte, n int64) []byte {
	if n < 0 {
		b = append(b, '-')
		n = -n
	}
	var d [20]byte
	i := len(d)
	for {
		i--
		d[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return append(b, d[i:]...)
		}
	}
}
