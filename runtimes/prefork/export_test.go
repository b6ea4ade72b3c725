package prefork

// Lifetime and Pauses are what the external tests see of the insides.
var Lifetime = lifetime

// Pauses are the guard's, in ms, after 1, 2, ... n young deaths in a row.
func Pauses(accidents, n int) (ms []int64) {
	g := guard{accidents: accidents}
	for range n {
		g.died(0, 0)
		ms = append(ms, g.pauseNS()/1_000_000)
	}
	return ms
}
