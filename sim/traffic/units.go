package traffic

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unit is one name of a quantity and how many of the smallest it has.
type unit struct {
	name string
	n    int64
}

// units are the names of one quantity, smallest first. Sizes are powers of two
// and say so: 4MB would leave open which million is meant.
type units []unit

var (
	times = units{{"us", 1}, {"ms", 1000}, {"s", 1_000_000}}
	sizes = units{{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}
)

func (u units) String() string {
	names := make([]string, len(u))
	for i, x := range u {
		names[i] = x.name
	}
	return strings.Join(names, ", ")
}

// text writes n with the largest unit that leaves no fraction.
func (u units) text(n int64) string {
	for i := len(u) - 1; i > 0; i-- {
		if n >= u[i].n && n%u[i].n == 0 {
			return strconv.FormatInt(n/u[i].n, 10) + u[i].name
		}
	}
	return strconv.FormatInt(n, 10) + u[0].name
}

// parse reads a decimal number with a unit, "2ms" or "0.5KiB".
func (u units) parse(s string, most int64) (int64, error) {
	end := 0
	for end < len(s) && strings.IndexByte("+-.0123456789", s[end]) >= 0 {
		end++
	}
	number, name := s[:end], strings.TrimSpace(s[end:])
	if number == "" {
		return 0, fmt.Errorf("%q is not a number with a unit, like %s", s, u.text(2*u[1].n))
	}
	if number[0] == '-' {
		return 0, fmt.Errorf("%q is negative", s)
	}
	if name == "" {
		return 0, fmt.Errorf("%q has no unit: write %s%s (units: %v)", s, number, u[1].name, u)
	}
	for _, x := range u {
		if x.name == name {
			return scale(s, number, x.n, u, most)
		}
	}
	return 0, fmt.Errorf("%q has the unknown unit %q (units: %v)", s, name, u)
}

// scale is number x factor, exactly, or the reason why not. 2^53 is far above
// every bound of a step, so float64 is exact where it matters.
func scale(s, number string, factor int64, u units, most int64) (int64, error) {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil && !math.IsInf(f, 1) {
		return 0, fmt.Errorf("%q is not a number", number)
	}
	n := f * float64(factor)
	if n > float64(most) {
		return 0, fmt.Errorf("%q is over the bound of %s", s, u.text(most))
	}
	// 0.3 has no exact float64, so 0.3 x 1000 may miss 300 by an ulp.
	if math.Abs(n-math.Round(n)) > 1e-6 {
		return 0, fmt.Errorf("%q is finer than 1%s", s, u[0].name)
	}
	return int64(math.Round(n)), nil
}

// ParseSize reads a size with its unit, "128MiB".
func ParseSize(s string) (bytes int64, err error) { return sizes.parse(s, math.MaxInt64>>10) }
