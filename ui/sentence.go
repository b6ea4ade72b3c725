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
	id := "say."
	switch in.Fault {
	case sim.FaultOutside:
		id += "outside." + deathKind(in.Proof)
	case sim.FaultCrash, sim.FaultSegv, sim.FaultExit:
		id += "crash." + in.Model.String()
	case sim.FaultLeak:
		id += "leak."
		if in.Model == sim.Container && in.Mode == sim.ModeWarm {
			id += in.Mode
			break
		}
		id += in.Model.String()
	default:
		return f.made(in)
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
	down := f.downFor(in)
	downText := span(down)
	if in.Open() {
		downText = seconds(down)
	}
	died := "died.some"
	dies := [...]string{"end.dies", "end.die", "end.died", "end.died_and"}
	if in.Fault == sim.FaultExit {
		dies = [...]string{"end.exits", "end.exit", "end.exited", "end.exited_and"}
	}
	if strings.Contains(in.Proof, "oom_kill") {
		died = "died.oom"
	}
	return map[string]any{
		"Carrier": plainNumber(in.Carrier),
		"Pid":     strconv.Itoa(in.Pid),
		"Proc":    f.t("proc." + in.Model.String()),
		"Others":  f.tn("others", others),
		"Parts":   f.parts(in),
		"Left":    f.tn("workers", max(ms.Workers-in.Deaths, 0)),
		"Refill":  f.units(span(in.Lacking)),
		"Down":    f.units(downText),
		"Leaks":   f.tn("requests", in.Leaks),
		"Bytes":   mib(in.LeakB),
		"Slope":   slope(in.SlopeBPS),
		"Died":    f.tn(died, in.Deaths),
		"Ends":    f.t(dies[0]), "End": f.t(dies[1]), "Ended": f.t(dies[2]), "EndedAnd": f.t(dies[3]),
		"Signal": signalName(in.Proof),
		"Proof":  clipDots(clean(in.Proof), 18),
	}
}

// parts says how the others were lost: the ends of the carriers themselves are
// taken off, first from where they are most likely. A host answers for the
// dead; whoever was held up has timed out; a process that can't have another
// descriptor says so.
func (f *frame) parts(in *sim.Incident) string {
	cut, refused, failed := in.Reset, in.Refused, in.Errors
	late := max(in.Lost-cut-refused-failed, 0)
	own := []*int{&cut, &failed, &late, &refused}
	switch {
	case in.Fault.Occupies():
		own = []*int{&late, &failed, &cut, &refused}
	case in.Fault == sim.FaultFDLeak || in.Model == sim.CGI || in.Model == sim.Container:
		own = []*int{&failed, &cut, &late, &refused}
	}
	left := in.Carriers
	for _, n := range own {
		took := min(left, *n)
		*n -= took
		left -= took
	}
	var parts []string
	for _, p := range []struct {
		id string
		n  int
	}{
		{"part.cut", cut}, {"part.refused", refused}, {"part.failed", failed}, {"part.late", late},
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
