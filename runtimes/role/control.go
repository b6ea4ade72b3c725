package role

import "syscall"

// Tell sends the lab a line on the control socket.
func Tell(line string) {
	b := append([]byte(line), '\n')
	for len(b) > 0 {
		n, err := syscall.Write(ControlFD, b)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return // the lab is gone: whoever reads the control socket ends this process
		}
		b = b[n:]
	}
}

// The lines that roles send:
//
//	ready <port>                          listening
//	died <pid> <wait status> <request> <port> <flags> <oom kills>
//	     a call or worker ended as nobody here wanted; what its row held
//	say <text>                            for the log and the event list
//	unavailable <reason: remedy>          this machine can't run the model; exit status 3 follows
//
// and the lab to them:
//
//	stop                                  gracefully, as long as it takes
//	restart                               each worker is replaced when it is done (prefork)
//	release                               who is at a fault is let go of (prefork)
//	close leaked                          undoes a leak of descriptors (event loop)
//	set <NAME> <value>                    a setting changed
//
// The end of file means that the lab is gone.

// TellReady says that the role listens.
func TellReady(port int) { Tell("ready " + string(AppendInt(nil, int64(port)))) }

// TellUnavailable says why the role can't be played on this machine, and what
// to do about it.
func TellUnavailable(reason string) { Tell("unavailable " + reason) }

// TellDied reports a death that no one asked for, with the time by Nanotime: the
// lab may be too busy to read it at once.
func TellDied(pid int, status uint32, request uint64, port uint16, flags uint32, oomKills uint64) {
	b := []byte("died ")
	for _, n := range [...]int64{int64(pid), int64(status), int64(request), int64(port), int64(flags), int64(oomKills), Nanotime()} {
		b = append(AppendInt(b, n), ' ')
	}
	Tell(string(b[:len(b)-1]))
}

// Commands calls handle for each line that the lab sends, and returns at the
// end of file.
func Commands(handle func(line string)) {
	var buf [512]byte
	have := 0
	for {
		n, err := syscall.Read(ControlFD, buf[have:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		have += n
		for {
			end := -1
			for i := 0; i < have; i++ {
				if buf[i] == '\n' {
					end = i
					break
				}
			}
			if end < 0 {
				break
			}
			handle(string(buf[:end]))
			have = copy(buf[:], buf[end+1:have])
		}
		if have == len(buf) {
			have = 0 // no command is that long
		}
	}
}
