package ui

import (
	"slices"
	"time"

	"forklore/sim"
)

const (
	holdTape    = 30 * time.Second // how long the tape stays after an incident
	noticeFor   = 5 * time.Second
	resetWithin = 2 * time.Second
	quitWithin  = 3 * time.Second
	keepEvents  = 200
)

// overlay is what lies over the screen.
type overlay int

const (
	noOverlay overlay = iota
	helpOverlay
	infoOverlay
	eventsOverlay
	catalogueOverlay
	compareOverlay
	zoomOverlay
	lessonsOverlay
	nOverlays
)

// state is what the screen knows besides the newest snapshot. Together with
// it, the window's size and the language, it decides the frame: nothing is
// drawn from a clock or from anything else.
type state struct {
	now    time.Time // of the last message
	target sim.Models
	shown  sim.Model // the last one whose number was pressed: zoom, and small windows

	notice      string
	noticeUntil time.Time
	confirm     string // "q" or "r", pressed once
	confirmBy   time.Time

	blank    bool          // nothing is drawn, until a key
	bare     bool          // the terminal has no colours
	step     int           // of the live script; 0: it hasn't begun
	tour     int           // its caption, from 1; 0: none
	tourFrom time.Duration // when it began

	canRecord, canJump bool // there is a Recorder to be had, and a recording for p
	recording          bool
	recorded           time.Duration // how much
	aloft              bool          // a recording is shown in the lab's place
	playedAt           time.Duration // where in it
	seeking            bool          // another moment of it has been asked for

	holding bool // the picture is an older one: z holds it

	over   overlay
	under  overlay // the page that it was opened on
	scroll int     // rows that are above the overlay's first
	cursor int     // the fault that the catalogue has chosen
	filter int     // whose events are listed: 0 all, 1 to 4 a model's, 5 the lab's
	lesson lessonView

	// What the strip tells of. It stays until the next one, or the reset.
	of    groupID
	group []sim.Incident
	// tape is the newest one that has the group's carrier in it. It is what
	// is held once the group is closed.
	tape     sim.Tape
	held     bool
	heldTill time.Duration
	at       time.Duration // of the newest snapshot
	resetAt  time.Duration // incidents up to then are forgotten

	// How many incidents there were, and up to when they are counted.
	incidents [sim.NModels]int
	counted   [sim.NModels]time.Duration

	events []sim.Event // the last ones, oldest first
	slots  int         // the most process slots that a model has had
	hist   *history    // the last minute's figures
}

// observe takes a new snapshot's incidents and events in.
func (s *state) observe(snap *sim.Snapshot) {
	s.follow(snap.Played)
	if len(snap.Events) > 0 {
		// A new slice: a held picture keeps the old one.
		all := append(slices.Clip(s.events), snap.Events...)
		s.events = all[max(len(all)-keepEvents, 0):]
		if s.over == eventsOverlay && s.scroll > 0 { // what is being read stays where it is
			for i := range snap.Events {
				if s.listed(&snap.Events[i]) {
					s.scroll++
				}
			}
		}
	}
	for m := range snap.Model {
		s.slots = max(s.slots, len(snap.Model[m].Procs))
	}
	if snap.At < s.at {
		s.forget(0) // the source's clock began anew
	}
	s.at = snap.At
	if s.hist == nil {
		s.hist = new(history)
	}
	s.hist.add(snap)
	s.tally(snap.Current)
	s.stroll(snap.At)
	was, wasOpen := s.of, anyOpen(s.group)
	s.of, s.group = pickGroup(s.of, s.group, snap.Current, s.resetAt, snap.At)
	open := anyOpen(s.group)
	if s.of != was {
		s.held, s.tape = false, sim.Tape{}
	}
	if len(s.group) == 0 {
		return
	}
	if open || s.tape.PerCell == 0 {
		carrier := groupCarrier(s.group)
		if carrier == 0 || tapeIndex(&snap.Tape, carrier) >= 0 || s.tape.PerCell == 0 {
			s.tape = snap.Tape
		}
	}
	if !open && (wasOpen || s.of != was) {
		s.held, s.heldTill = true, lastClosed(s.group)+holdTape
	}
	if s.held && (snap.At >= s.heldTill || snap.Armed != nil) {
		s.held = false
	}
}

// listed reports whether the filter lets an event through.
func (s *state) listed(e *sim.Event) bool { return s.filter == 0 || int(e.Model) == s.filter-1 }

// picture is what z holds: a snapshot, and the state that goes with it.
type picture struct {
	snap *sim.Snapshot
	st   state
}

// hold makes a picture.
func hold(snap *sim.Snapshot, st *state) *picture {
	p := &picture{snap, *st}
	p.st.hist = st.hist.clone()
	return p
}

// with is the picture's state, with what the user does while it is held.
func (p *picture) with(now *state) *state {
	st := p.st
	st.now, st.target, st.holding = now.now, now.target, true
	st.notice, st.noticeUntil = now.notice, now.noticeUntil
	st.under = now.under
	st.blank, st.step, st.tour = now.blank, now.step, now.tour
	st.over, st.scroll, st.cursor = now.over, now.scroll, now.cursor
	st.shown, st.filter = now.shown, now.filter
	st.lesson = now.lesson
	st.recording, st.recorded = now.recording, now.recorded
	return &st
}

// forget is for a reset: the figures are gone, and so is what was told of them.
// Snapshots that were made before the reset took effect don't bring it back.
func (s *state) forget(at time.Duration) {
	s.of, s.group, s.resetAt = groupID{}, nil, at
	s.tape, s.held = sim.Tape{}, false
	if s.hist != nil {
		s.hist.clear()
	}
	s.incidents = [sim.NModels]int{}
	if at == 0 {
		s.counted = [sim.NModels]time.Duration{}
	}
}

// tapeIndex is the request's cell, or -1.
func tapeIndex(t *sim.Tape, request uint64) int {
	if request < t.First || t.PerCell == 0 {
		return -1
	}
	i := (request - t.First) / t.PerCell
	if i >= uint64(tapeLen(t)) {
		return -1
	}
	return int(i)
}

func tapeLen(t *sim.Tape) int {
	n := 0
	for m := range t.Cell {
		n = max(n, len(t.Cell[m]))
	}
	return n
}

// say shows a message in the notice row.
func (s *state) say(text string) {
	s.notice, s.noticeUntil = text, s.now.Add(noticeFor)
}
