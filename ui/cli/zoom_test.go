//go:build linux

package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A page's processes are there, with those names: what the screen says of them
// is what ps would say.
func TestPageHasTheNamesOfPs(t *testing.T) {
	s := play(t, 120, 36, nil, "--rate", "12")
	s.sees("LIVE", "3 EVENT LOOP             = OK")
	row := regexp.MustCompile(`(?m)^ *(forklore: [a-z ]+?) ([0-9]+)( [A-Z_*z])?\b`)
	for _, page := range []struct{ press, want string }{
		{"1\r", "forklore: cgi host"}, {"2", "forklore: prefork worker"}, {"3", "forklore: event loop"},
		{"4", "forklore: container host"}, {"m", "CONTAINER, READY"}, {"m", "CONTAINER, WARM"},
	} {
		s.press(page.press)
		if page.press == "m" && !strings.Contains(s.text(), "CONTAINER") {
			continue // no sandboxes here, so no modes
		}
		checked := 0
		s.sees(page.want, "TIMES in ms")
		time.Sleep(2 * time.Second) // processes of the mode before have ended
		for _, m := range row.FindAllStringSubmatch(s.text(), -1) {
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
