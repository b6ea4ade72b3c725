// Package matrix puts every fault into every model, and holds what happened
// against what should have.
//
//	fault.Catalogue x Columns
//	      |
//	    Run ── steady? ── Inject ── the incidents close ── Renew ── the next fault
//	      |                  sim.Source                  |
//	      v                                              v
//	 Expectations: a text such as "collateral == 0"   Figures, of the incident
//	                          \                         /
//	                           Cell: it holds, or not  ──> JSON, table
//
// An expectation is written once, in a language that a program can check: the
// text that is printed is the check. It is about figures of the ledger, by
// their names in the JSON, and it can fail. With each stands a sentence that
// says what happens and why, and who says so.
//
// A fault strikes all models at once; the lab itself takes those one by one
// that press on the machine. The container has two columns, fresh and warm, so
// all faults are put in twice: the second time into its warm sandboxes alone.
// Between two faults all processes are made new.
//
// Cost: some minutes of a whole machine; in here, a look at each snapshot.
// May not enter: runtimes; it reads a source and sends it commands, as the
// screen does. Nor clocks: the time is the source's.
package matrix
