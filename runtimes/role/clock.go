package role

import _ "unsafe" // for go:linkname

// Nanotime reads CLOCK_MONOTONIC through the vDSO. Unlike time.Now, whose
// monotonic reading counts from the start of each process, its value means
// the same in every process of the machine, so one process can note when a
// thing began and another when it ended.
//
//go:linkname Nanotime runtime.nanotime
func Nanotime() int64
