package prefork

import (
	"syscall"
	"unsafe"

	"forklore/runtimes/app"
	"forklore/runtimes/board"
	"forklore/runtimes/role"
	"forklore/runtimes/wire"
)

// worker is all that a worker process has. There is one, and it's static:
// nothing is allocated while requests are served.
type worker struct {
	board *board.Board
	row   *board.Row
	call  app.Call
	token string

	parent     int
	generation uint64
	owned      bool   // the listener is the parent's, not the supervisor's
	most       uint64 // requests in this life, 0: no limit
	timeoutNS  int64

	conn int    // the connection that it has,
	port uint16 // its client's port,
	have int    // and how many bytes of it have arrived in in
	req  wire.Request
	in   [wire.MaxHeadBytes]byte
	out  [16 << 10]byte
}

var self worker

// workerMain lives from one connection to the next. Linux kills the process
// when the parent dies; that the parent had died before this was asked for is
// checked between fork and exec (forkAndExecInChild1 in package syscall).
func workerMain() (status int) {
	w := &self
	role.Sacrifice()
	app.LimitFDs()
	heedPoke()
	if problem := w.open(); problem != "" {
		complain(problem)
		return 1
	}
	app.WeightFromEnv().Pay(w.call.ItersPerMS)
	w.most = lifetime(role.Int("MAX_REQUESTS", 0), uint64(syscall.Getpid())^uint64(role.Nanotime()))
	now := role.Nanotime()
	w.row.ReadyNS.Store(now)
	w.board.AddStart((now - w.row.BornNS.Load()) / 1000)
	w.row.Set(board.Idle, now)
	for {
		if w.spent() || w.leaving() && !w.draining() {
			return 0
		}
		var errno syscall.Errno
		w.conn, w.port, errno = accept(role.ListenerFD)
		switch errno {
		case 0:
			w.board.Accepted.Add(1)
			w.row.Set(board.Reading, role.Nanotime())
			w.serve()
			w.row.Set(board.Idle, role.Nanotime())
		case syscall.EAGAIN:
			// Nobody came. In a stop: the queue is empty.
			if w.leaving() || syscall.Getppid() != w.parent {
				return 0
			}
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS,
			syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP:
			// A worker that can't accept leaves its place to one that can,
			// as Apache's do.
			complain("accept: " + errno.Error())
			return 1
		default:
			// A signal, or an error that the connection had while it was in
			// the queue: accept(2), error handling.
		}
	}
}

func (w *worker) open() (problem string) {
	b, err := board.Open(role.BoardFD)
	if err != nil {
		return "descriptor 4 is not a board: " + err.Error()
	}
	row := role.Int("ROW", -1)
	if row < 0 || row >= int64(len(b.Row)) {
		return "FORKLORE_ROW is not a row of the board"
	}
	w.board, w.row = b, &b.Row[row]
	w.row.Pid.Store(int32(syscall.Getpid()))
	w.parent = syscall.Getppid()
	w.generation = uint64(role.Int("GENERATION", 0))
	w.owned = role.Int("LISTENER", 0) == 0
	w.timeoutNS = timeoutNS()
	w.token = role.Env("TOKEN")
	w.call.Backend = role.Env("BACKEND")
	w.call.ItersPerMS = role.Int("ITERS_PER_MS", 1)
	w.call.BeforeFault = func() { w.row.Flags.Store(board.CarriesFault | board.ExecutingFault) }
	return ""
}

// leaving reports whether the parent wants newer workers, or none.
func (w *worker) leaving() bool { return w.board.Generation.Load() != w.generation }

// draining reports whether the queue is to be emptied before the worker leaves:
// nobody else will. After a restart the next generation serves it.
func (w *worker) draining() bool { return w.owned && w.board.Generation.Load() == lastGeneration }

// spent reports whether the worker has served its last request.
func (w *worker) spent() bool { return w.most > 0 && w.row.Served.Load() >= w.most }

// lifetime spreads the ends of workers that were born together over a tenth of
// their lives in either direction, lest they all pay for a start at once.
func lifetime(requests int64, seed uint64) uint64 {
	if requests <= 0 {
		return 0
	}
	spread := uint64(requests) / 10
	seed ^= seed << 13 // xorshift64, Marsaglia 2003
	seed ^= seed >> 7
	seed ^= seed << 17
	return uint64(requests) - spread + seed%(2*spread+1)
}

// serve has the connection until it ends, however many requests come on it,
// and however long it is silent in between.
func (w *worker) serve() {
	w.have = 0
	for first := true; ; first = false {
		head, status := w.readHead(first)
		if status != 0 {
			w.refuse(status)
			break
		}
		if head == 0 || !w.answer(head) {
			break
		}
	}
	syscall.Close(w.conn)
}

// answer answers the request whose head is in the buffer, and reports whether
// the connection may be kept.
func (w *worker) answer(head int) (keep bool) {
	r := &w.req
	steps := &w.call.Steps
	if !steps.Parse(unsafe.String(unsafe.SliceData(r.Query), len(r.Query))) {
		w.refuse(400)
		return false
	}
	fault := steps.Fault()
	if steps.NeedsToken() && (w.token == "" || string(r.Token) != w.token) {
		w.refuse(403)
		return false
	}
	// What follows may overwrite the buffer, and with it what r points to.
	id, noBody := r.ID, r.Head()
	w.drop(head)
	if r.HasBody() {
		if status := w.skipBody(); status != 0 {
			w.refuse(status)
			return false
		}
	}
	var flags uint32
	if fault {
		flags = board.CarriesFault
	}
	w.row.Hold(id, w.port, flags, role.Nanotime())
	w.call.ID = id
	a := w.call.Run()
	if a.Leaked > 0 {
		w.row.LeakKiB.Add(uint64(a.Leaked >> 10))
	}
	keep = r.KeepAlive && !w.leaving() && w.row.Served.Load()+1 != w.most
	if w.respond(&a, keep, noBody) {
		w.board.Answered.Add(1)
	} else {
		keep = false
	}
	if keep {
		w.row.Release(board.KeepAlive, role.Nanotime())
		return true
	}
	w.row.Release(w.lastState(), role.Nanotime())
	if w.have > 0 { // a pipelined request that will not be served
		w.linger()
	}
	return false
}

// lastState is the letter of a connection's end.
func (w *worker) lastState() uint32 {
	if w.leaving() {
		return board.Graceful
	}
	return board.Closing
}

// complain writes to the log: a worker has no control socket.
func complain(text string) {
	app.WriteAll(2, []byte("forklore: "+WorkerRole+" "+itoa(syscall.Getpid())+": "+text+"\n"))
}
