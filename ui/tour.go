package ui

import "time"

// The tour is a few captions in the notice row, for who has never seen this.
// Any key ends it, and acts at once.

// tourWords are its captions, each for tourPace.
var tourWords = [...]string{"tour.stage", "tour.press", "tour.look", "tour.keys"}

const tourPace = 5 * time.Second

// stroll goes on with the tour as the traffic flows: before there is any,
// nothing of what it says is to be seen.
func (s *state) stroll(at time.Duration) {
	if s.tour == 0 || at == 0 {
		return
	}
	if s.tourFrom == 0 {
		s.tourFrom = at
	}
	if s.tour = 1 + int((at-s.tourFrom)/tourPace); s.tour > len(tourWords) {
		s.tour = 0
	}
}
