package app

import (
	"syscall"

	"forklore/runtimes/role"
)

// sink keeps the compiler from leaving the work out.
var sink uint64

// Spin does a fixed amount of work. It is never a wait for the clock: twenty
// of those would all "burn" 2 ms in 2 ms on two cores.
func Spin(iterations int64) {
	x := sink | 1
	for range iterations {
		x ^= x << 13 // xorshift64, Marsaglia 2003
		x ^= x >> 7
		x ^= x << 17
	}
	sink = x
}

// Calibrate measures how many iterations of Spin an idle core does in a
// millisecond. The lab does it once, and tells every role.
func Calibrate() (itersPerMS int64) {
	const n = 200_000
	best := int64(1 << 62)
	for range 8 { // the fastest: what disturbs can only slow it
		t := role.Nanotime()
		Spin(n)
		best = min(best, role.Nanotime()-t)
	}
	return max(n*1_000_000/max(best, 1), 1)
}

// pageBytes is the stride of Touch. A larger page of the machine is touched
// more than once, which costs nothing.
const pageBytes = 4096

// Touch maps that many bytes outside the garbage-collected heap and writes to
// each page, so that the memory is really there. nil: the kernel refused.
func Touch(bytes int64) []byte {
	if bytes <= 0 {
		return nil
	}
	m, err := syscall.Mmap(-1, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	for i := 0; i < len(m); i += pageBytes {
		m[i] = 1
	}
	return m
}

// Free gives a mapping of Touch back.
func Free(m []byte) {
	if m != nil {
		syscall.Munmap(m)
	}
}

// Weight is what the application costs to start, held while its process lives.
type Weight struct {
	CPUUS    int64
	MemBytes int64
}

// Pay is the start: what a framework, a class path, a warm-up cost.
func (w Weight) Pay(itersPerMS int64) {
	Touch(w.MemBytes)
	Spin(w.CPUUS * itersPerMS / 1000)
}

// WeightFromEnv is the weight that the lab has set for this role.
func WeightFromEnv() Weight {
	return Weight{CPUUS: role.Int("WEIGHT_CPU_US", 0), MemBytes: role.Int("WEIGHT_MEM_BYTES", 0)}
}

// user is the global of the bleed fault: who was here last. A program that
// starts anew for each request can't have it.
var user uint64

// Identify returns whose request the application believes to answer.
func Identify(id uint64) uint64 {
	if user != 0 {
		id, user = user, 0
	}
	return id
}

// Remember is the fault step Bleed.
func Remember(id uint64) { user = id }

// Panic is the fault step Crash. Nobody recovers it, here or in any server of
// the lab: the process ends with exit status 2 and its trace goes to the log.
func Panic(id uint64) {
	panic("forklore: injected crash, request " + string(role.AppendInt(nil, int64(id))))
}
