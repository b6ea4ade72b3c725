// Package lessons is what is taught with the lab: lessons as data, and what
// loads, checks and plays them.
//
//	NN-slug/lesson.toml, text.en.md, text.ja.md, golden.json   (README.md)
//	      │ Load, Lint
//	      v
//	    Lesson ──> Session <── Observe ── sim.Snapshot
//	                  │  └───> Do: sim.Command, or a new lab
//	                  v
//	    View (player on the screen)  Result (lesson --check)  Note (forklore notes)
//
// A Session decides everything and does nothing: it has no clock but the
// snapshots', no goroutine and no source. [Play] joins it to one for a run
// without a screen; the player on the screen does the same with keys.
//
// Costs: a lesson is parsed and its expressions are compiled when it is loaded
// (a few milliseconds); a snapshot costs the evaluation of what is open.
// May not enter: runtimes, ui, the terminal; whatever makes a figure that a
// snapshot doesn't have.
package lessons
