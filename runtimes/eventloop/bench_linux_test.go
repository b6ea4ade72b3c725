package eventloop_test

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks start the peer beside the loop and load both in turn, with
// wrk on the same machine: only the ratios mean something. A round takes two
// to three seconds; -benchtime 3x takes the median of three.
//
//	go test -run XXX -bench . -benchtime 3x ./runtimes/eventloop

// peer is a server to be compared with.
type peer struct {
	addr string
	pid  int
}

func ours(b *testing.B) peer {
	s := start(b)
	return peer{s.addr, s.Pid}
}

// program starts a peer's process, which ends with the benchmark.
func program(b *testing.B, addr string, argv ...string) peer {
	b.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		b.Skipf("needs %s, which is not installed", argv[0])
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	b.Cleanup(runtime.UnlockOSThread)
	cmd := exec.Command(path, argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	// The loop is started at nice 5, as all roles are. So is its peer.
	syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, 5)
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	eventually(b, argv[0]+" listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return peer{addr, cmd.Process.Pid}
}

func freeAddr(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func nginx(b *testing.B) peer {
	dir, addr := b.TempDir(), freeAddr(b)
	conf := fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log /dev/null;
events { worker_connections 20000; }
http {
	access_log off; keepalive_requests 1000000000; default_type text/plain;
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	server { listen %[2]s; return 200 "hello\n"; }
}`, dir, addr)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		b.Fatal(err)
	}
	return program(b, addr, "nginx", "-c", file, "-p", dir, "-e", "/dev/null")
}

func node(b *testing.B) peer {
	addr := freeAddr(b)
	_, port, _ := net.SplitHostPort(addr)
	return program(b, addr, "node", "-e", `require("http").createServer((q, r) => {
		r.writeHead(200, {"Content-Type": "text/plain", "Content-Length": 6}); r.end("hello\n");
	}).listen(`+port+`, "127.0.0.1", 511)`)
}

var wrkRate = regexp.MustCompile(`(\d+) requests in`)

// load sends requests for a second, and returns what came of it.
func (p peer) load(b *testing.B, connections int) (rate, cpuUS float64) {
	b.Helper()
	path, err := exec.LookPath("wrk")
	if err != nil {
		b.Skip("needs wrk, which is not installed")
	}
	before, began := p.cpu(b), time.Now()
	out, err := exec.Command(path, "-t1", "-c"+strconv.Itoa(connections), "-d1s", "http://"+p.addr+"/").CombinedOutput()
	took := time.Since(began)
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	m := wrkRate.FindSubmatch(out)
	if m == nil || strings.Contains(string(out), "Non-2xx") {
		b.Fatalf("wrk says:\n%s", out)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n / took.Seconds(), float64((p.cpu(b) - before).Microseconds()) / n
}

// cpu is the process's time on a CPU, all threads, of a clock that counts in
// nanoseconds (clock_getcpuclockid(3)).
func (p peer) cpu(b *testing.B) time.Duration {
	b.Helper()
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.pid))
	var sum int64
	for _, path := range tasks {
		f, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		ns, _ := strconv.ParseInt(strings.Fields(string(f))[0], 10, 64)
		sum += ns
	}
	if sum == 0 {
		b.Skip("needs /proc/pid/task/*/schedstat")
	}
	return time.Duration(sum)
}

func BenchmarkAgainst(b *testing.B) {
	for name, peer := range map[string]func(*testing.B) peer{"nginx": nginx, "node": node} {
		for _, c := range []int{64, 1000} {
			b.Run(fmt.Sprintf("%s/c=%d", name, c), func(b *testing.B) {
				we, they := ours(b), peer(b)
				we.load(b, c) // both have been loaded once before it counts
				they.load(b, c)
				var rates, rateRatios, cpus, cpuRatios []float64
				for b.Loop() {
					rate, cpu := we.load(b, c)
					theirRate, theirCPU := they.load(b, c)
					rates, rateRatios = append(rates, rate), append(rateRatios, rate/theirRate)
					cpus, cpuRatios = append(cpus, cpu), append(cpuRatios, cpu/theirCPU)
				}
				b.ReportMetric(median(rates), "req/s")
				b.ReportMetric(median(rateRatios), "x-peer's-req/s")
				b.ReportMetric(median(cpus), "us-cpu/req")
				b.ReportMetric(median(cpuRatios), "x-peer's-cpu/req")
				b.ReportMetric(0, "ns/op") // a round's length says nothing
			})
		}
	}
}

// BenchmarkMemory: 10,000 connections, each of which has made a request.
func BenchmarkMemory(b *testing.B) {
	const n = 10_000
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); lim.Cur < n+200 {
		b.Skipf("needs RLIMIT_NOFILE of %d or more, it is %d", n+200, lim.Cur)
	}
	var mem [2]map[string]float64
	for b.Loop() {
		for i, p := range []peer{ours(b), nginx(b)} {
			conns := dialMany(b, p.addr, n)
			buf := make([]byte, 4096)
			for _, c := range conns {
				if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
			mem[i] = smaps(b, p.pid)
			for _, c := range conns {
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
		}
	}
	for _, kind := range []string{"Pss", "Rss"} {
		b.ReportMetric(mem[0][kind]/1024, kind+"-MiB")
		b.ReportMetric(mem[0][kind]/mem[1][kind], "x-nginx's-"+kind)
	}
	b.ReportMetric(0, "ns/op")
}

// smaps are the fields of /proc/pid/smaps_rollup, in KiB.
func smaps(b *testing.B, pid int) map[string]float64 {
	f, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Skip("needs smaps_rollup: ", err)
	}
	m := map[string]float64{}
	for line := range strings.Lines(string(f)) {
		if f := strings.Fields(line); len(f) == 3 {
			m[strings.TrimSuffix(f[0], ":")], _ = strconv.ParseFloat(f[1], 64)
		}
	}
	return m
}

func median[T cmp.Ordered](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}
