package traffic

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// runFor is how long each side of a comparison runs.
const runFor = 3 * time.Second

// BenchmarkAccuracy reports how late requests are sent at 2,000 a second, in
// all: 500 arrivals to four models, each on a connection of its own.
func BenchmarkAccuracy(b *testing.B) {
	addr := nginx(b)
	for _, kind := range []struct {
		name    string
		targets int
		rate    float64
	}{{"1x2000", 1, 2000}, {"4x500", 4, 500}} {
		b.Run(kind.name, func(b *testing.B) {
			var targets []Target
			for m := range kind.targets {
				targets = append(targets, Target{m, addr})
			}
			for b.Loop() {
				g := New(Config{Seed: 1, RatePerS: kind.rate, Timeout: time.Second, Targets: targets})
				ctx, cancel := context.WithTimeout(b.Context(), runFor)
				before := cpuTime(b)
				if err := g.Run(ctx); err != nil {
					b.Fatal(err)
				}
				cpu := cpuTime(b) - before
				cancel()
				g.Drain(b.Context())
				l := g.Lateness(0)
				b.ReportMetric(float64(l.P50.Microseconds()), "p50-late-us")
				b.ReportMetric(float64(l.P99.Microseconds()), "p99-late-us")
				b.ReportMetric(float64(l.Max.Microseconds()), "max-late-us")
				var ok float64
				for m := range targets {
					ok += float64(g.Stats(m).OK)
				}
				b.ReportMetric(ok/runFor.Seconds(), "ok/s")
				b.ReportMetric(float64(cpu.Microseconds())/ok, "cpu-us/req")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkAlarm compares how late the two alarms ring.
func BenchmarkAlarm(b *testing.B) {
	for name, make := range map[string]func() (alarm, error){
		"timerfd": newAlarm, "runtime": func() (alarm, error) { return newTimerAlarm(), nil },
	} {
		b.Run(name, func(b *testing.B) {
			a, err := make()
			if err != nil {
				b.Fatal(err)
			}
			defer a.close()
			late := newHistogram(2)
			for i := 0; b.Loop(); i++ {
				d := time.Duration(100+i%1900) * time.Microsecond
				due := time.Now().Add(d)
				a.set(d)
				if err := a.wait(); err != nil {
					b.Fatal(err)
				}
				record(late, time.Since(due))
			}
			f := figures(late)
			b.ReportMetric(float64(f.P50.Microseconds()), "p50-late-us")
			b.ReportMetric(float64(f.P99.Microseconds()), "p99-late-us")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkIdle reports what share of one core traffic costs at 16 a second
// to four models, in this process.
func BenchmarkIdle(b *testing.B) {
	addr := nginx(b)
	for b.Loop() {
		g := New(Config{Seed: 1, RatePerS: 16, Targets: []Target{{0, addr}, {1, addr}, {2, addr}, {3, addr}}})
		ctx, cancel := context.WithTimeout(b.Context(), runFor)
		before := cpuTime(b)
		if err := g.Run(ctx); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(100*(cpuTime(b)-before).Seconds()/runFor.Seconds(), "%core")
		cancel()
		g.Drain(b.Context())
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPeak compares the most that this client sends on 64 connections,
// with full accounting, with wrk on one thread against the same server.
func BenchmarkPeak(b *testing.B) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		b.Skip("the peer is missing: wrk")
	}
	addr := nginx(b)
	const connections = 64
	for b.Loop() {
		m := NewMeter()
		g := New(Config{KeepAlive: true, Timeout: 10 * time.Second, Targets: []Target{{0, addr}},
			OnResult: func(r Result) { m.Add(&r) }})
		ctx, cancel := context.WithTimeout(b.Context(), runFor)
		before := cpuTime(b)
		if err := g.Saturate(ctx, connections); err != nil {
			b.Fatal(err)
		}
		cpu := cpuTime(b) - before
		cancel()
		s := g.Stats(0)
		if s.OK != s.Sent-s.InFlight {
			b.Fatalf("%+v", s)
		}
		ours := float64(s.OK) / runFor.Seconds()
		out, err := exec.Command(wrk, "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%v", runFor), "http://"+addr+"/").CombinedOutput()
		if err != nil {
			b.Fatalf("wrk: %v\n%s", err, out)
		}
		found := regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`).FindSubmatch(out)
		if found == nil {
			b.Fatalf("wrk says no rate:\n%s", out)
		}
		theirs, _ := strconv.ParseFloat(string(found[1]), 64)
		b.ReportMetric(ours, "req/s")
		b.ReportMetric(theirs, "wrk-req/s")
		b.ReportMetric(ours/theirs, "ratio")
		b.ReportMetric(float64(cpu.Microseconds())/float64(s.OK), "cpu-us/req")
	}
	b.ReportMetric(0, "ns/op")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// nginx starts one that answers a few bytes from one worker.
func nginx(b *testing.B) string {
	path, err := exec.LookPath("nginx")
	if err != nil {
		b.Skip("the server of the comparison is missing: nginx")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := b.TempDir()
	conf := fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; server { listen %[2]s backlog=511; location / { return 200 "hello\n"; } } }`, dir, addr)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(path, "-p", dir, "-e", filepath.Join(dir, "error"), "-c", file)
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp4", addr); err == nil {
			c.Close()
			return addr
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("nginx doesn't listen after 2 s")
	return ""
}
