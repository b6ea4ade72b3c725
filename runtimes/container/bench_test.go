//go:build linux

package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// benchPrograms are a role of this binary, and the smallest program there is.
func benchPrograms(b *testing.B) map[string]string {
	programs := map[string]string{"Go": "/proc/self/exe"}
	cc, err := exec.LookPath("cc")
	if err != nil {
		b.Log("no static C program: ", err)
		return programs
	}
	dir := b.TempDir()
	source, program := filepath.Join(dir, "nothing.c"), filepath.Join(dir, "nothing")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command(cc, "-O2", "-static", "-o", program, source).CombinedOutput(); err != nil {
		b.Logf("no static C program: %v\n%s", err, out)
		return programs
	}
	programs["C"] = program
	return programs
}

func report(b *testing.B, bare, boxed []int64) {
	slices.Sort(bare)
	slices.Sort(boxed)
	at := func(ns []int64, percent int) float64 { return float64(ns[(len(ns)-1)*percent/100]) / 1e3 }
	b.ReportMetric(at(bare, 50), "bare-p50-us")
	b.ReportMetric(at(boxed, 50), "sandbox-p50-us")
	b.ReportMetric(at(boxed, 99), "sandbox-p99-us")
	b.ReportMetric(at(boxed, 50)/at(bare, 50), "ratio")
}
