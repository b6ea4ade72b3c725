package traffic

import (
	"time"

	"forklore/runtimes/app"
)

// Outcome is how a request ended for the client.
type Outcome uint8

// The outcomes. Local is the only one that is not the model's doing: the
// request never left the lab, so it is not part of what was sent.
const (
	OK          Outcome = iota // a complete answer with a 2xx status
	ErrorStatus                // an answer with another status, or one that is not HTTP: Err says so
	Reset                      // the connection ended, by FIN or RST, before the answer was complete
	Refused                    // nobody listens on the port
	Timeout                    // no complete answer in time
	Local                      // no descriptor, no port, no memory, or over the client's own limit
	nOutcomes
)

var outcomeNames = [nOutcomes]string{"ok", "error_status", "reset", "refused", "timeout", "local"}

func (o Outcome) String() string { return outcomeNames[o] }

// Kinds is a set of kinds of steps.
type Kinds uint32

// Has reports whether the kind is in the set.
func (k Kinds) Has(kind app.Kind) bool { return k&(1<<kind) != 0 }

// faultsOf is the set of faults that a request carries.
func faultsOf(s *app.Steps) (k Kinds) {
	for _, st := range s.All() {
		if st.Kind.Fault() {
			k |= 1 << st.Kind
		}
	}
	return k
}

// Result is the end of one request in one model.
type Result struct {
	ID        uint64
	Model     int
	Intended  time.Time // when it should have been sent
	Sent      time.Time // when the client began; zero if it never did
	Opened    time.Time // when its connection was made: before Sent if Reused, zero if never
	End       time.Time
	Outcome   Outcome
	Status    int    // 0: none came
	LocalPort uint16 // the client's port, as the server's board has it
	// AnsweredAs is the request that the answer says it is for, 0 if it
	// doesn't say. Another's than ID: another's data.
	AnsweredAs uint64
	BodyBytes  int64
	Faults     Kinds // the faults that it carried
	Reused     bool  // on a connection that had served another request
	Err        string
}

// Latency counts from the intended time. A client that was held up, by an
// earlier request or by a busy machine, must not make the server look faster
// than it was for whoever would have come in then.
func (r *Result) Latency() time.Duration { return r.End.Sub(r.Intended) }

// Wrong reports an answer with another's data.
func (r *Result) Wrong() bool { return r.AnsweredAs != 0 && r.AnsweredAs != r.ID }

// Stats are the counts of one model, retries among them. They add up at every
// moment: Sent = OK + ErrorStatus + Reset + Refused + Timeout + InFlight.
type Stats struct {
	Sent, OK, ErrorStatus, Reset, Refused, Timeout, InFlight uint64
	// Local counts arrivals that never left the lab. They aren't in Sent.
	Local uint64
}
