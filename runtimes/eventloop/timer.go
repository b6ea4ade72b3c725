package eventloop

// timers is a binary heap, earliest first. A slot of the connection table has
// at most one timer: a connection waits for one thing at a time.
//
// Most timers never fire. On a kept connection each request puts the time-out
// off by a little, so that has to cost next to nothing: [timers.set] only
// notes a later time in the slot, and when the heap's older entry comes up it
// is found to be too early, and sinks. nginx spares its tree the same way (it
// leaves a timer alone that changes by less than 300 ms).
type timers struct {
	slots []slot
	heap  []timer
}

type timer struct {
	at int64 // not later than the slot's due
	fd int32
}

// never is the time of a timer that isn't set.
const never = 1<<63 - 1

// set makes the slot's timer fire at that time instead of whenever it was to.
func (t *timers) set(s *slot, due int64) {
	s.due = due
	if s.place == 0 {
		if due == never {
			return
		}
		t.heap = append(t.heap, timer{due, s.fd})
		t.up(len(t.heap) - 1)
	} else if i := int(s.place) - 1; due < t.heap[i].at {
		t.heap[i].at = due
		t.up(i)
	}
}

// next is when the first one may be due.
func (t *timers) next() int64 {
	if len(t.heap) == 0 {
		return never
	}
	return t.heap[0].at
}

// due takes a timer whose time has come, nil if there is none.
func (t *timers) due(now int64) *slot {
	for len(t.heap) > 0 && t.heap[0].at <= now {
		s := &t.slots[t.heap[0].fd]
		if s.due > now && s.due != never {
			t.heap[0].at = s.due
			t.down(0)
			continue
		}
		fires := s.due != never
		s.due = never
		t.removeFirst()
		if fires {
			return s
		}
	}
	return nil
}

func (t *timers) removeFirst() {
	last := len(t.heap) - 1
	t.slots[t.heap[0].fd].place = 0
	if last > 0 {
		t.put(0, t.heap[last])
	}
	t.heap = t.heap[:last]
	if last > 1 {
		t.down(0)
	}
}

// up moves an entry towards the root until its parent is not later.
func (t *timers) up(i int) {
	e := t.heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if t.heap[parent].at <= e.at {
			break
		}
		t.put(i, t.heap[parent])
		i = parent
	}
	t.put(i, e)
}

// down moves an entry away from the root until no child is earlier.
func (t *timers) down(i int) {
	e := t.heap[i]
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			break
		}
		if r := child + 1; r < len(t.heap) && t.heap[r].at < t.heap[child].at {
			child = r
		}
		if e.at <= t.heap[child].at {
			break
		}
		t.put(i, t.heap[child])
		i = child
	}
	t.put(i, e)
}

func (t *timers) put(i int, e timer) {
	t.heap[i] = e
	t.slots[e.fd].place = int32(i) + 1
}
