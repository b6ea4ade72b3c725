package report

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"

	"forklore/sim"
)

// WriteTable writes the run for people.
func (r *Run) WriteTable(out io.Writer) error {
	w := &bytes.Buffer{}
	s := r.Final
	d := r.Document()
	fmt.Fprintf(w, "%s  %.4g requests/s, the same to all models, for %.1f s  workload: %s  weight: %s  seed: %d\n",
		string(s.Kind), d.RatePerS, r.Duration.Seconds(), d.Workload, d.Weight, d.Seed)
	fmt.Fprintf(w, "%s %s, %d CPUs, %d MiB, cgroup %s\n\n", d.Machine.OS, d.Machine.Kernel, d.Machine.CPUs,
		d.Machine.MemBytes>>20, d.Machine.Cgroup)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tsent\tok\terror\treset\trefused\ttimeout\tin flight\tp50 ms\tp99 ms\tprocesses\tstarted\tMiB\tpeak\tlimit\tstart ms\tCPU ms\trestarts\t")
	for m := range sim.NModels {
		v, ok := d.Models[m.String()]
		if !ok || v.Unavailable != "" {
			continue
		}
		q := v.Requests
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\t%.1f\t%d\t%d\t%.1f\t%.1f\t%d\t%.1f\t%.0f\t%d\t\n", m,
			q.Sent, q.OK, q.ErrorStatus, q.Reset, q.Refused, q.Timeout, q.InFlight, v.Latency.P50, v.Latency.P99,
			v.Processes.Now, v.Processes.Started, mib(v.Memory.Now), mib(v.Memory.Peak), v.Memory.Limit>>20,
			v.Start.P50, v.CPUMS, v.Restarts)
	}
	t.Flush()
	if v := d.Models[sim.Container.String()]; v.Sandboxes != nil && v.Unavailable == "" {
		fmt.Fprintf(w, "container, %s: %.0f%% cold starts, p50 %.1f ms; warm %.1f ms; call %.1f ms; destroy %.1f ms\n",
			v.Mode, 100*v.ColdShare, v.Start.P50, v.WarmStart.P50, v.Call.P50, v.Destroy.P50)
	}
	for m := range sim.NModels {
		if v, ok := d.Models[m.String()]; ok && v.Unavailable != "" {
			fmt.Fprintf(w, "%s: %s\n", m, v.Unavailable)
		}
	}
	if len(d.Incidents) > 0 {
		fmt.Fprintln(w)
		t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "at s\tfault\tmodel\tin flight\tlost\tcarriers\tcollateral\tcut off\trefused\terrors\tdelayed\twrong\tdowntime s\trecovered\tproof")
		for _, i := range d.Incidents {
			fmt.Fprintf(t, "%.1f\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.2f\t%v\t%s\n", i.AtMS/1000, i.Fault, i.Model, i.InFlight,
				i.Lost, i.Carriers, i.Collateral, i.Reset, i.Refused, i.Errors, i.Delayed, i.Wrong, i.DowntimeMS/1000, i.Recovered, i.Proof)
		}
		t.Flush()
	}
	fmt.Fprintf(w, "\nunattributed failures: %d\n", d.Unattributed)
	for _, why := range r.Refused {
		fmt.Fprintf(w, "refused injection: %s\n", why)
	}
	_, err := w.WriteTo(out)
	return err
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
