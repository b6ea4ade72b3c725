package container

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// limits of one call.
type limits struct {
	memBytes, pids int64
	cpuQuotaUS     int64 // of each cpuPeriodUS; 0: none
}

// cpuPeriodUS is the kernel's default period (sched-bwc.rst).
const cpuPeriodUS = 100_000

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

// spec is the same sandbox as the native engine's, in OCI's words.
//
// JSON is text: a byte of the environment that is no UTF-8 arrives as U+FFFD.
func (b *bundle) spec() *specs.Spec {
	ask := func(n int64) *int64 { return &n }
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
				{Type: "RLIMIT_CORE"},
				{Type: "RLIMIT_NOFILE", Soft: 1024, Hard: 1024},
			},
			OOMScoreAdj: sacrificed(),
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			// The runtime makes null zero full random urandom tty in it.
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "mode=755", "size=64k"}},
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", "size=16m", "nr_inodes=1024"}},
		},
		Linux: &specs.Linux{
			CgroupsPath: b.group,
			Resources: &specs.LinuxResources{
				// In OCI's words swap is memory and swap together, so this is none.
				Memory: &specs.LinuxMemory{Limit: ask(b.limits.memBytes), Swap: ask(b.limits.memBytes)},
				Pids:   &specs.LinuxPids{Limit: ask(b.limits.pids)},
			},
			// What moby masks; /sys isn't there at all.
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	if b.limits.cpuQuotaUS > 0 {
		period := uint64(cpuPeriodUS)
		s.Linux.Resources.CPU = &specs.LinuxCPU{Quota: ask(b.limits.cpuQuotaUS), Period: &period}
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
