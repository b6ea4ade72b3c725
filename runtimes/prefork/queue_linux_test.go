package prefork_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// acceptQueue reads rx_queue of the listening socket, which is the length of
// its accept queue (proc_net_tcp in the kernel's documentation).
func acceptQueue(t *testing.T, port int) (n int) {
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip("no /proc/net/tcp:", err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) > 4 && f[1] == fmt.Sprintf("0100007F:%04X", port) && f[3] == "0A" {
			_, rx, _ := strings.Cut(f[4], ":")
			fmt.Sscanf(rx, "%x", &n)
		}
	}
	return n
}
