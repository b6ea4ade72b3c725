package container

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// limits of one call; 0 is none.
type limits struct {
	memBytes, pids int64
	cpuQuotaUS     int64 // of each cpuPeriodUS
}

// cpuPeriodUS is the kernel's default period (sched-bwc.rst).
const cpuPeriodUS = 100_000

// forget takes out the limits of controllers that there aren't.
func (l *limits) forget(controllers []string) {
	for _, c := range controllers {
		switch c {
		case "memory":
			l.memBytes = 0
		case "pids":
			l.pids = 0
		case "cpu":
			l.cpuQuotaUS = 0
		}
	}
}

func (l *limits) resources() *specs.LinuxResources {
	r := &specs.LinuxResources{}
	if l.memBytes > 0 {
		// In OCI's words swap is memory and swap together, so this is none.
		r.Memory = &specs.LinuxMemory{Limit: &l.memBytes, Swap: &l.memBytes}
	}
	if l.pids > 0 {
		r.Pids = &specs.LinuxPids{Limit: &l.pids}
	}
	if l.cpuQuotaUS > 0 {
		period := uint64(cpuPeriodUS)
		r.CPU = &specs.LinuxCPU{Quota: &l.cpuQuotaUS, Period: &period}
	}
	return r
}

// bundle is what an OCI runtime wants to know about a container (OCI runtime
// specification, "Filesystem Bundle"): a folder with the file config.json in
// it, which names the root filesystem.
type bundle struct {
	root      string // path of the root filesystem
	group     string // path of its cgroup, below the mount of each hierarchy
	hostname  string
	args, env []string
	limits    limits
}

// write makes the folder.
func (b *bundle) write(dir string) error {
	text, err := json.Marshal(b.spec())
	if err != nil {
		return fmt.Errorf("write the bundle %s: %w", dir, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make the bundle: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// spec is the native engine's sandbox in OCI's words, with two differences. The
// function's user is root, though without any of root's rights: for another
// user runc and crun change the owner of the standard descriptors, and those
// are the lab's log, and /dev/null. And there's no filter of system calls.
//
// JSON is text: a byte of the environment that is no UTF-8 arrives as U+FFFD.
func (b *bundle) spec() *specs.Spec {
	s := &specs.Spec{
		// What runc 1.1 and crun 1.8 know; nothing here is newer.
		Version:  "1.0.2",
		Root:     &specs.Root{Path: b.root, Readonly: true},
		Hostname: b.hostname,
		Process: &specs.Process{
			Args: b.args, Env: b.env, Cwd: "/",
			Capabilities:    &specs.LinuxCapabilities{}, // five empty sets
			NoNewPrivileges: true,
			Rlimits: []specs.POSIXRlimit{
				{Type: "RLIMIT_NOFILE", Soft: 1024, Hard: 1024},
				{Type: "RLIMIT_CORE"},
				{Type: "RLIMIT_FSIZE", Soft: tmpBytes, Hard: tmpBytes},
				{Type: "RLIMIT_MEMLOCK", Soft: 64 << 10, Hard: 64 << 10},
				{Type: "RLIMIT_MSGQUEUE"},
			},
			OOMScoreAdj: sacrificed(),
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			// The runtime makes null zero full random urandom tty in it.
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "mode=755", "size=64k"}},
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: append([]string{"nosuid", "nodev"}, strings.Split(tmpOptions, ",")...)},
		},
		Linux: &specs.Linux{
			CgroupsPath: b.group,
			Resources:   b.limits.resources(),
			// What moby masks; /sys isn't there at all.
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	for _, kind := range []specs.LinuxNamespaceType{
		specs.MountNamespace, specs.PIDNamespace, specs.NetworkNamespace, // with lo, which the runtime brings up
		specs.IPCNamespace, specs.UTSNamespace, specs.CgroupNamespace,
	} {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind})
	}
	return s
}

// sacrificed is the OOM killer's first choice.
func sacrificed() *int {
	score := 1000
	return &score
}

// sandboxName is the hostname inside.
func sandboxName(id uint64) string { return "sandbox-" + strconv.FormatUint(id, 10) }
