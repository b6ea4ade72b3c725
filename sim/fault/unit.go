package fault

import (
	"fmt"
	"strconv"
	"time"

	"forklore/sim/traffic"
)

// Unit is what a fault's strength counts.
type Unit string

// The units. A fault without one has no strength.
const (
	Requests  Unit = "requests"
	Processes Unit = "processes"
	Clients   Unit = "clients"
	Bytes     Unit = "bytes"   // 4MiB
	Percent   Unit = "percent" // of the process's descriptors
	Time      Unit = "time"    // 2s
	Factor    Unit = "factor"  // times the rate
	Backoff   Unit = "backoff" // a time; 0: at once
)

// Text writes a strength as [Kind.strength] reads it.
func (u Unit) Text(n int64) string {
	switch u {
	case "":
		return ""
	case Bytes:
		for _, x := range []struct {
			name string
			n    int64
		}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
			if n >= x.n && n%x.n == 0 {
				return strconv.FormatInt(n/x.n, 10) + x.name
			}
		}
		return strconv.FormatInt(n, 10) + "B"
	case Time, Backoff:
		return time.Duration(n).String()
	}
	return strconv.FormatInt(n, 10)
}

// strength reads what was written behind the fault's "=".
func (k Kind) strength(s string) (n int64, err error) {
	if k.Unit == "" {
		return 0, fmt.Errorf("%s has no strength", k.Fault)
	}
	switch k.Unit {
	case Bytes:
		n, err = traffic.ParseSize(s)
	case Time, Backoff:
		var d time.Duration
		d, err = time.ParseDuration(s)
		n = int64(d)
	default:
		n, err = strconv.ParseInt(s, 10, 64)
	}
	if err != nil || n < k.Least || n > k.Most {
		return 0, fmt.Errorf("%q is no strength of %s (%s, from %s to %s)", s, k.Fault, k.Unit, k.Unit.Text(k.Least), k.Unit.Text(k.Most))
	}
	return n, nil
}
