package cgi

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"forklore/runtimes/role"
	"forklore/runtimes/spawn"
)

// Throughput with the same script as other hosts, side by side in one run: the
// ratios are what counts (ours/theirs, in requests a second).
//
//	go test -run xxx -bench . -benchtime 1x ./runtimes/cgi

const (
	benchRounds  = 9
	benchRound   = 400 * time.Millisecond
	benchClients = 4
)

const cScript = `#include <unistd.h>
int main(void) {
	static const char s[] = "Content-Type: text/plain\n\nhello\n";
	return write(1, s, sizeof s - 1) != sizeof s - 1;
}
`

const goScript = `package main

import "os"

func main() { os.Stdout.WriteString("Content-Type: text/plain\n\nhello\n") }
`

func BenchmarkStaticC(b *testing.B) {
	compareHosts(b, build(b, cScript, "script.c", "gcc", "-O2", "-static", "-o", "script.cgi", "script.c"))
}

func BenchmarkGo(b *testing.B) {
	compareHosts(b, build(b, goScript, "script.go", "go", "build", "-o", "script.cgi", "script.go"))
}

// build compiles a script, in a folder that every server may enter.
func build(b *testing.B, source, file string, cmd ...string) (script string) {
	b.Helper()
	if _, err := exec.LookPath(cmd[0]); err != nil {
		b.Skip("not installed: ", cmd[0])
	}
	dir := b.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(source), 0o644); err != nil {
		b.Fatal(err)
	}
	c := exec.Command(cmd[0], cmd[1:]...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return filepath.Join(dir, "script.cgi")
}

func compareHosts(b *testing.B, script string) {
	hosts := []struct {
		name  string
		start func(*testing.B, string) (url string, missing string)
	}{
		{"forklore", startOurs}, {"net/http/cgi", startNetHTTP}, {"apache", startApache},
		{"nginx+fcgiwrap", startNginx}, {"lighttpd", startLighttpd},
	}
	urls := make([]string, len(hosts))
	for i, h := range hosts {
		var missing string
		if urls[i], missing = h.start(b, script); missing != "" {
			b.Logf("%s is left out: %s", h.name, missing)
			continue
		}
		await(b, h.name, urls[i])
	}
	perSec := make([][]float64, len(hosts))
	for range benchRounds { // interleaved: what disturbs one round disturbs all hosts
		for i := range hosts {
			if urls[i] != "" {
				perSec[i] = append(perSec[i], load(b, urls[i]))
			}
		}
	}
	ours := median(perSec[0])
	b.ReportMetric(ours, "req/s")
	for i, h := range hosts[1:] {
		if f := perSec[i+1]; f != nil {
			b.Logf("%-15s %6.0f req/s, ours %.2fx", h.name, median(f), ours/median(f))
			b.ReportMetric(ours/median(f), "x/"+h.name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// load is a closed loop of benchClients for one round.
func load(b *testing.B, url string) (perSec float64) {
	b.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: benchClients}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Timeout: 10 * time.Second}
	var n atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range benchClients {
		wg.Go(func() {
			for time.Since(began) < benchRound {
				res, err := c.Get(url)
				if err != nil {
					b.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || string(body) != "hello\n" {
					b.Errorf("%s: %d %q, %v", url, res.StatusCode, body, err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(began).Seconds()
}

func await(b *testing.B, name, url string) {
	b.Helper()
	for range 100 {
		if res, err := http.Get(url); err == nil {
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode == 200 {
				return
			}
			b.Fatalf("%s: %d %s", name, res.StatusCode, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("%s doesn't answer at %s", name, url)
}

func startOurs(b *testing.B, script string) (string, string) {
	return run(b, script).url("/script.cgi"), ""
}

// Go's own host is a process of its own too.
func init() {
	role.Enter("bench net/http/cgi", func() {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		script := role.Env("CGI")
		go http.Serve(ln, &cgi.Handler{Path: script, Root: "/" + filepath.Base(script)})
		role.TellReady(ln.Addr().(*net.TCPAddr).Port)
		role.Commands(func(string) {})
	})
}

func startNetHTTP(b *testing.B, script string) (string, string) {
	p, err := spawn.Start(spawn.Cmd{Role: "bench net/http/cgi", Env: []string{role.Prefix + "CGI=" + script}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Stop(time.Second) })
	_, port, _ := strings.Cut(<-p.Lines(), " ")
	return "http://127.0.0.1:" + port + "/script.cgi", ""
}

func startApache(b *testing.B, script string) (string, string) {
	const modules = "/usr/lib/apache2/modules/"
	dir, port := b.TempDir(), freePort(b)
	conf := fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
Listen 127.0.0.1:%[2]d
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
DefaultRuntimeDir %[1]s
LoadModule mpm_prefork_module %[3]smod_mpm_prefork.so
LoadModule authz_core_module %[3]smod_authz_core.so
LoadModule alias_module %[3]smod_alias.so
LoadModule cgi_module %[3]smod_cgi.so
StartServers 8
KeepAlive On
MaxKeepAliveRequests 0
ScriptAlias /script.cgi %[4]s
<Directory />
Require all granted
</Directory>
`, dir, port, modules, script)
	if os.Getuid() == 0 {
		conf += "User www-data\nGroup www-data\n"
	}
	return peer(b, port, "httpd.conf", dir, conf, "/usr/sbin/apache2", "-D", "FOREGROUND", "-f")
}

func startNginx(b *testing.B, script string) (string, string) {
	dir, port := b.TempDir(), freePort(b)
	socket := filepath.Join(dir, "fcgi.sock")
	if _, missing := peer(b, 0, "none", dir, "", "/usr/sbin/fcgiwrap", "-c", "4", "-s", "unix:"+socket); missing != "" {
		return "", missing
	}
	conf := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes 2;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	keepalive_requests 1000000;
	server {
		listen 127.0.0.1:%[2]d;
		location / {
			fastcgi_pass unix:%[3]s;
			fastcgi_param SCRIPT_FILENAME %[4]s;
			fastcgi_param QUERY_STRING $query_string;
			fastcgi_param REQUEST_METHOD $request_method;
			fastcgi_param GATEWAY_INTERFACE CGI/1.1;
			fastcgi_param SERVER_PROTOCOL $server_protocol;
			fastcgi_param SERVER_PORT $server_port;
			fastcgi_param REMOTE_ADDR $remote_addr;
			fastcgi_param SCRIPT_NAME $uri;
		}
	}
}
`, dir, port, socket, script)
	if os.Getuid() == 0 {
		conf = "user root; " + conf
	}
	return peer(b, port, "nginx.conf", dir, conf, "/usr/sbin/nginx", "-p", dir, "-c")
}

func startLighttpd(b *testing.B, script string) (string, string) {
	dir, port := b.TempDir(), freePort(b)
	conf := fmt.Sprintf(`server.document-root = %q
server.port = %d
server.bind = "127.0.0.1"
server.modules = ("mod_cgi")
server.max-keep-alive-requests = 1000000
cgi.assign = (".cgi" => "")
`, filepath.Dir(script), port)
	return peer(b, port, "lighttpd.conf", dir, conf, "/usr/sbin/lighttpd", "-D", "-f")
}

// peer runs a server in the foreground until the benchmark ends. Its last
// argument is the configuration, if it has one.
func peer(b *testing.B, port int, file, dir, conf, program string, args ...string) (url, missing string) {
	b.Helper()
	if _, err := os.Stat(program); err != nil {
		return "", "not installed: " + program
	}
	if conf != "" {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, []byte(conf), 0o644); err != nil {
			b.Fatal(err)
		}
		args = append(args, path)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", err.Error()
	}
	b.Cleanup(func() { // the group: its workers too
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		ended := make(chan struct{})
		go func() { cmd.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(2 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	return fmt.Sprintf("http://127.0.0.1:%d/script.cgi", port), ""
}

func freePort(b *testing.B) int {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
