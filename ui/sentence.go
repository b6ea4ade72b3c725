package ui

import (
	"strconv"
	"strings"

	"forklore/sim"
)

// plainNumber writes a request's number: names have no commas.
func plainNumber(n uint64) string { return strconv.FormatUint(n, 10) }

// sentence says in at most 65 cells what the fault did to the model, in the
// present tense while the incident is open. Its figures are the ledger's.
func (f *frame) sentence(in *sim.Incident) string {
	id := "say." + string(in.Fault) + "."
	switch in.Fault {
	case sim.FaultOutside:
		id += deathKind(in.Proof)
	case sim.FaultLeak:
		if in.Model == sim.Container && in.Mode == sim.ModeWarm {
			id += in.Mode
			break
		}
		fallthrough
	default:
		id += in.Model.String()
	}
	if in.Open() {
		id += ".open"
	} else {
		id += ".closed"
	}
	if in.Collateral() > 0 || in.Fault == sim.FaultLeak && in.Deaths > 0 {
		id += "_hit"
	}
	if in.Fault == sim.FaultLeak && in.Leaks == 0 && in.Lost == 0 && in.Deaths == 0 {
		return f.t("say.no_leak")
	}
	data := f.figures(in)
	return fit(sentenceWidth, f.word.T(id, data), f.word.T(id+"_brief", data))
}

// figures are the words and numbers that sentences are made of.
func (f *frame) figures(in *sim.Incident) map[string]any {
	others := in.Collateral()
	ms := &f.snap.Model[in.Model]
	down := in.Downtime
	if in.Open() && down == 0 && ms.State == sim.Down {
		down = f.snap.At - in.At
	}
	downText := span(down)
	if in.Open() {
		downText = seconds(down)
	}
	died := "died.some"
	if strings.Contains(in.Proof, "oom_kill") {
		died = "died.oom"
	}
	return map[string]any{
		"Carrier": plainNumber(in.Carrier),
		"Pid":     strconv.Itoa(in.Pid),
		"Proc":    f.t("proc." + in.Model.String()),
		"Others":  f.tn("others", others),
		"Parts":   f.parts(in, others),
		"Left":    f.tn("workers", max(ms.Workers-in.Deaths, 0)),
		"Refill":  f.units(span(in.Lacking)),
		"Down":    f.units(downText),
		"Leaks":   f.tn("requests", in.Leaks),
		"Bytes":   mib(in.LeakB),
		"Slope":   slope(in.SlopeBPS),
		"Died":    f.tn(died, in.Deaths),
		"Signal":  signalName(in.Proof),
		"Proof":   clipDots(clean(in.Proof), 18),
	}
}

// parts says how the others were lost. The carrier's own end is one of the
// resets, or of the error statuses where a host answers for the dead.
func (f *frame) parts(in *sim.Incident, others int) string {
	cut, failed := in.Reset, in.Errors
	if failed >= in.Carriers && cut+failed+in.Refused >= in.Lost && (in.Model == sim.CGI || in.Model == sim.Container) {
		failed -= in.Carriers
	} else {
		cut = max(cut-in.Carriers, 0)
	}
	var parts []string
	for _, p := range []struct {
		id string
		n  int
	}{
		{"part.cut", cut}, {"part.refused", in.Refused}, {"part.failed", failed},
		{"part.late", max(others-cut-in.Refused-failed, 0)},
	} {
		if p.n > 0 {
			parts = append(parts, f.tn(p.id, p.n))
		}
	}
	return strings.Join(parts, f.t("part.and"))
}

// deathKind is what ended a process that nobody here touched, by the proof.
func deathKind(proof string) string {
	switch {
	case strings.Contains(proof, "oom_kill"):
		return "oom"
	case signalName(proof) != "":
		return "signal"
	}
	return "exit"
}

// signalNames are those that a process dies of in practice (signal(7)).
var signalNames = map[string]string{
	"1": "SIGHUP", "2": "SIGINT", "3": "SIGQUIT", "4": "SIGILL", "6": "SIGABRT", "7": "SIGBUS",
	"8": "SIGFPE", "9": "SIGKILL", "11": "SIGSEGV", "13": "SIGPIPE", "14": "SIGALRM",
	"15": "SIGTERM", "24": "SIGXCPU", "31": "SIGSYS",
}

// signalName finds "signal 9" in a proof, and gives "SIGKILL".
func signalName(proof string) string {
	_, rest, ok := strings.Cut(proof, "signal ")
	if !ok {
		return ""
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	if name := signalNames[rest[:end]]; name != "" {
		return name
	}
	if end == 0 {
		return ""
	}
	return "signal " + rest[:end]
}
