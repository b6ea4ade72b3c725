//go:build linux

package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A page's processes are there, with those names: what the screen says of them
// is what ps would say.
func TestPageHasTheNamesOfPs(t *testing.T) {
	s := play(t, 120, 36, nil, "--rate", "12")
	s.sees("LIVE", "3 EVENT LOOP             = OK")
	row := regexp.MustCompile(`(?m)^ *(forklore: [a-z ]+?) ([0-9]+)( [A-Z_*z])?\b`)
	for key, want := range []string{"forklore: cgi host", "forklore: prefork worker", "forklore: event loop", "forklore: container host"} {
		s.press(fmt.Sprint(key + 1))
		if key == 0 {
			s.press("\r")
		}
		checked := 0
		for _, m := range row.FindAllStringSubmatch(s.sees(want, "TIMES in ms"), -1) {
			line, err := os.ReadFile("/proc/" + m[2] + "/cmdline")
			if err != nil || len(line) == 0 {
				continue // a call that has ended since
			}
			checked++
			if name, _, _ := strings.Cut(string(line), "\x00"); name != m[1] {
				t.Errorf("pid %s is %q, the page says %q", m[2], name, m[1])
			}
		}
		if checked == 0 {
			t.Errorf("none of the page's processes is there:\n%s", s.text())
		}
	}
	s.press("\x03")
	s.ends(0)
}
