package lessons

import "time"

// Deed is an action of the plan, as far as it has come.
type Deed struct {
	Action *Action
	N, Of  int           // which of the plan's it is, from 1
	Left   time.Duration // of its time; 0 if it hasn't begun, or is over
}

// Deed is the action at hand, or the last one once all are done.
func (s *Session) Deed() Deed {
	at := min(s.at, len(s.plan)-1)
	d := Deed{Action: s.plan[at].Action, N: at + 1, Of: len(s.plan)}
	if s.at == at && s.phase == Running && s.last != nil {
		d.Left = max(s.begun+d.Action.Duration-s.last.At, 0)
	}
	return d
}

// Told is the action whose text the learner should have before him: the one at
// hand if it acts, else the last one before it that does, else the first.
func (s *Session) Told() *Action {
	at := min(s.at, len(s.plan)-1)
	for i := at; i >= 0; i-- {
		if s.plan[i].Do.Acts() {
			return s.plan[i].Action
		}
	}
	for _, p := range s.plan {
		if p.Do.Acts() {
			return p.Action
		}
	}
	return nil
}

// Acts are the plan's actions that act.
func (s *Session) Acts() (list []*Action) {
	for _, p := range s.plan {
		if p.Do.Acts() {
			list = append(list, p.Action)
		}
	}
	return list
}

// Text is a verdict's figures in one line: "cgi.incident.lost 1, ...".
func (v *Verdict) Text() string { return listed(v.Figures) }

// Begun: the first action that acts has been started, and predictions stand.
func (s *Session) Begun() bool { return s.acted >= 0 }
