package cgi

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/role"
)

const goNothing = `package main

import "os"

func main() { os.Stdout.WriteString("hello\n") }
`

// BenchmarkStart is a call of the built-in application, in the whole binary,
// beside a Go program that does nothing: fork to waited for.
func BenchmarkStart(b *testing.B) {
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	lab := filepath.Join(b.TempDir(), "forklore")
	cmd := exec.Command("go", "build", "-C", root, "-o", lab, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // libc's loader alone costs 40 page faults
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Skipf("the whole binary can't be built: %v\n%s", err, out)
	}
	small := build(b, goNothing, "script.go", "go", "build", "-o", "script.cgi", "script.go")

	const n = 100
	env := []string{"PATH=/bin", "GOMAXPROCS=1", "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "QUERY_STRING="}
	took := map[string][]time.Duration{}
	faults := map[string][]int64{}
	for range n { // interleaved
		for path, e := range map[string][]string{small: env, lab: append(env, "GOGC=off", role.Prefix+"ROLE=cgi call")} {
			d, f := start(b, path, e)
			took[path], faults[path] = append(took[path], d), append(faults[path], f)
		}
	}
	b.ReportMetric(float64(median(took[lab]).Microseconds()), "us")
	b.ReportMetric(float64(median(took[lab]))/float64(median(took[small])), "x/os")
	b.ReportMetric(float64(median(faults[lab])), "faults")
	b.ReportMetric(float64(median(faults[lab]))/float64(median(faults[small])), "faults-x/os")
	b.ReportMetric(0, "ns/op")
}

func median[T cmp.Ordered](s []T) T { slices.Sort(s); return s[len(s)/2] }

func start(b *testing.B, path string, env []string) (time.Duration, int64) {
	b.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	began := time.Now()
	pid, err := syscall.ForkExec(path, []string{path}, &syscall.ProcAttr{Env: env, Files: []uintptr{null.Fd(), null.Fd(), 2}})
	if err != nil {
		b.Fatal(err)
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		if _, err = syscall.Wait4(pid, &status, 0, &usage); err != syscall.EINTR {
			break
		}
	}
	if err != nil || status.ExitStatus() != 0 {
		b.Fatalf("%s: %v, status %d", path, err, status.ExitStatus())
	}
	return time.Since(began), int64(usage.Minflt)
}
