package cgi

// Program is one call's program, ready to be started.
type Program struct {
	Path                  string
	Args, Env             []string // Args[0] is the label that ps shows
	Dir                   string
	Stdin, Stdout, Stderr uintptr // descriptors that become 0, 1 and 2
	Place                 int     // the call's, a row of the board
}

// Process is a started one: a child of this process, leader of a process
// group of its own, that nobody else waits for.
type Process struct {
	Pid int
	// Destroy, if set, is called once after the process was waited for: it
	// takes down what was built for the call, and says how often the kernel's
	// OOM killer was in it.
	Destroy func() (oomKills uint64, err error)
	// Waited: what the call runs in was there before it.
	Waited bool
	// Resident is set if the process was there before the call, or may stay
	// after it. Destroy is the Resident's then, and not looked at here.
	Resident *Resident
}
