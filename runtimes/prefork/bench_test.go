package prefork_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks start the peers beside us, with as many workers, and load
// them in turn with wrk from the same machine. Only the ratios mean something;
// PERFORMANCE.md says what they have to be.
//
//	go test -bench . -benchtime 1x -run '^$' ./runtimes/prefork

const (
	benchWorkers = 8
	benchRounds  = 3
	benchSeconds = 1
)

func BenchmarkClose(b *testing.B) {
	compare(b, "Connection: close", 2*benchWorkers, forklore, apache, gunicorn)
}

// With keep-alive and more connections than workers the rest would starve.
func BenchmarkKeepAlive(b *testing.B) {
	compare(b, "Connection: keep-alive", benchWorkers, forklore, apache)
}

// BenchmarkMemory reports the PSS of an idle worker: its own memory and its
// share of what it shares.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		for _, start := range []func(testing.TB) *peer{forklore, apache, gunicorn} {
			p := start(b)
			if p == nil {
				continue
			}
			time.Sleep(300 * time.Millisecond)
			sum := 0
			workers := children(p.pid)
			for _, pid := range workers {
				sum += pssKiB(b, pid)
			}
			b.ReportMetric(float64(sum)/float64(len(workers))/1024, "MiB/worker-"+p.name)
			p.stop()
		}
	}
}

// compare reports requests a second, and the ratios of the medians.
func compare(b *testing.B, field string, connections int, servers ...func(testing.TB) *peer) {
	if _, err := exec.LookPath("wrk"); err != nil {
		b.Skip("wrk is not installed")
	}
	var peers []*peer
	for _, start := range servers {
		if p := start(b); p != nil {
			peers = append(peers, p)
			defer p.stop()
		}
	}
	rates := make([][]float64, len(peers))
	for b.Loop() {
		for range benchRounds {
			for i, p := range peers {
				rates[i] = append(rates[i], wrk(b, p.addr, field, connections))
			}
		}
	}
	for i, p := range peers {
		slices.Sort(rates[i])
		median := rates[i][len(rates[i])/2]
		b.ReportMetric(median, p.name+"/s")
		if i > 0 {
			b.ReportMetric(rates[0][len(rates[0])/2]/median, "x-"+p.name)
		}
	}
	b.ReportMetric(0, "ns/op") // the time of the benchmark itself says nothing
}

func wrk(b *testing.B, addr, field string, connections int) (perSecond float64) {
	out, err := exec.Command("wrk", "-t1", "-c", strconv.Itoa(connections), "-d", strconv.Itoa(benchSeconds),
		"-H", field, "http://"+addr+"/").CombinedOutput()
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	_, rest, _ := strings.Cut(string(out), "Requests/sec:")
	fmt.Sscan(rest, &perSecond)
	if strings.Contains(string(out), "Non-2xx") || perSecond == 0 {
		b.Fatalf("%s: %s", addr, out)
	}
	return perSecond
}

// peer is a server under load.
type peer struct {
	name, addr string
	pid        int
	stop       func()
}

func forklore(t testing.TB) *peer {
	p := start(t, "WORKERS="+strconv.Itoa(benchWorkers))
	return &peer{"forklore", p.addr, p.proc.Pid, func() {}} // its cleanup stops it
}

// apache is mpm_prefork without anything that a hello doesn't need.
func apache(t testing.TB) *peer {
	const modules = "/usr/lib/apache2/modules"
	bin, err := exec.LookPath("apache2")
	if err == nil {
		_, err = os.Stat(modules + "/mod_mpm_prefork.so")
	}
	if err != nil {
		t.Logf("without Apache: %v", err)
		return nil
	}
	dir, addr := folder(t), freeAddr(t)
	conf := fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
Listen %[2]s
PidFile %[1]s/pid
ErrorLog %[1]s/error
LoadModule mpm_prefork_module %[3]s/mod_mpm_prefork.so
LoadModule authz_core_module %[3]s/mod_authz_core.so
LoadModule dir_module %[3]s/mod_dir.so
StartServers %[4]d
MinSpareServers %[4]d
MaxSpareServers %[4]d
ServerLimit %[4]d
MaxRequestWorkers %[4]d
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
EnableMMAP Off
DirectoryIndex hello.txt
DocumentRoot %[1]s
`, dir, addr, modules, benchWorkers)
	if os.Geteuid() == 0 {
		if _, err := user.Lookup("www-data"); err != nil {
			t.Logf("without Apache: it doesn't serve as root, and %v", err)
			return nil
		}
		conf += "User www-data\nGroup www-data\n"
	}
	write(t, dir+"/conf", conf)
	write(t, dir+"/hello.txt", "hello\n")
	return serve(t, "apache", addr, bin, "-f", dir+"/conf", "-DFOREGROUND")
}

// gunicorn's sync workers close after each answer.
func gunicorn(t testing.TB) *peer {
	bin, err := exec.LookPath("gunicorn")
	if err != nil {
		t.Logf("without gunicorn: %v", err)
		return nil
	}
	dir, addr := folder(t), freeAddr(t)
	write(t, dir+"/hello.py", `def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\n"]
`)
	return serve(t, "gunicorn", addr, bin, "--chdir", dir, "--worker-class", "sync",
		"--workers", strconv.Itoa(benchWorkers), "--bind", addr, "--log-level", "error", "hello:app")
}

// serve runs a peer, in a process group that dies with the benchmark, and at
// the nice value that package spawn gives to roles.
func serve(t testing.TB, name, addr string, command ...string) *peer {
	cmd := exec.Command("nice", append([]string{"-n", "5"}, command...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := os.Create(filepath.Join(folder(t), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	p := &peer{name: name, addr: addr, pid: cmd.Process.Pid, stop: func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-done
	}}
	t.Cleanup(p.stop)
	eventually(t, name+" has its workers", func() bool {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		c.Close()
		return len(children(p.pid)) == benchWorkers
	})
	return p
}

func children(pid int) (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range tasks {
		text, _ := os.ReadFile(file)
		for _, f := range strings.Fields(string(text)) {
			n, _ := strconv.Atoi(f)
			pids = append(pids, n)
		}
	}
	return pids
}

func pssKiB(b *testing.B, pid int) (kib int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Skip("no smaps_rollup:", err)
	}
	_, rest, _ := strings.Cut(string(text), "\nPss:")
	fmt.Sscan(rest, &kib)
	return kib
}

// folder is a temporary one that another user may enter: Apache's workers
// aren't root.
func folder(t testing.TB) string {
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.Chmod(filepath.Dir(dir), 0o755)
	return dir
}

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
