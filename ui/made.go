package ui

import (
	"strconv"
	"strings"
	"time"

	"forklore/sim"
)

// Sentences that are made of a cause and its effects. The cause is a word of
// the fault and the model; which effects are told, and whether there were any,
// only the figures decide: the machine may contradict what was expected of it.

// concern is what a fault threatens, and what is denied when nothing came of it.
type concern int

const (
	life  concern = iota // requests are lost
	delay                // requests wait
	truth                // requests get another's answer
)

// concernOf is it for each fault whose sentence is made here. All others are a
// matter of life.
var concernOf = map[sim.Fault]concern{
	sim.FaultOOM: life, sim.FaultKill: life, sim.FaultFDLeak: life, sim.FaultDeadBackend: life,
	sim.FaultBleed: truth,
	sim.FaultSpin:  delay, sim.FaultHang: delay, sim.FaultForkBomb: delay, sim.FaultSlowClient: delay,
	sim.FaultSlowBackend: delay, sim.FaultBurst: delay, sim.FaultRetryStorm: delay,
}

// made puts a sentence together: as many of the effects as there is room for,
// the full cause before the brief one, and at last no cause.
func (f *frame) made(in *sim.Incident) string {
	effects, brief, harm := f.effects(in)
	causes := f.causes(in)
	for _, told := range [][]string{effects, brief} {
		for n := len(told); n > 0; n-- {
			for _, cause := range causes {
				if s := f.join(cause, told[:n], harm); cells(s) <= sentenceWidth {
					return s
				}
			}
		}
	}
	return fit(sentenceWidth, f.join("", brief, harm), f.join("", brief[:1], harm))
}

func (f *frame) join(cause string, effects []string, harm bool) string {
	id := "say.made.calm"
	switch {
	case cause == "":
		id = "say.made.bare"
	case harm:
		id = "say.made.harm"
	}
	return f.word.T(id, map[string]any{"Cause": cause, "Effect": strings.Join(effects, f.t("say.made.and"))})
}

// causes are the words for what the fault is doing to the model, the best
// first. None of them fits a figure that contradicts it: then there is none.
func (f *frame) causes(in *sim.Incident) []string {
	id := "cause." + string(in.Fault)
	place := "." + in.Model.String()
	warm := in.Model == sim.Container && in.Mode == sim.ModeWarm
	clean := in.Model == sim.CGI || in.Model == sim.Container && !warm
	if warm {
		place = "." + in.Mode
	}
	brief := false
	switch in.Fault {
	case sim.FaultKill:
		brief = true
	case sim.FaultOOM:
		brief = true
		switch {
		case in.OOMKills == 0:
			id += ".none"
		case in.OOMKills == 1 && in.Carriers == 1:
			id += ".alone"
		default: // the kernel took a neighbour, or several
			id += ".some"
		}
	case sim.FaultDeadBackend:
	case sim.FaultRetryStorm:
		if in.Retries > 0 {
			id += ".some"
		} else {
			id += ".none"
		}
	case sim.FaultBleed:
		if clean && in.Wrong > 0 {
			return nil
		}
		id += place
	case sim.FaultFDLeak:
		if !clean && in.Collateral() > 0 {
			place = ".short"
		}
		id += place
	default:
		if grew(in) {
			id = "cause.grew"
		}
		id += "." + in.Model.String()
	}
	data := f.causeData(in)
	tense := ".closed"
	if in.Open() {
		tense = ".open"
	}
	all := []string{f.word.T(id+tense, data)}
	if brief {
		all = append(all, f.word.T(id+".brief", data))
	}
	return all
}

// causeData are the words and figures that causes are made of.
func (f *frame) causeData(in *sim.Incident) map[string]any {
	who := f.t("say.made.one_request")
	if in.Carrier != 0 {
		who = "#" + plainNumber(in.Carrier)
	}
	proc := f.t("proc." + in.Model.String())
	victim := f.word.T("victims.single", map[string]any{"Proc": proc, "Pid": strconv.Itoa(in.Pid)})
	if in.Deaths > 1 {
		victim = f.tn("victims."+in.Model.String(), in.Deaths)
	}
	requests, started := in.Arrivals, ""
	if in.Fault == sim.FaultRetryStorm {
		requests -= in.Retries
	}
	if in.Model == sim.CGI || in.Model == sim.Container {
		started = f.tn("started."+in.Model.String(), in.Started)
	}
	return map[string]any{
		"Who": who, "Proc": proc, "Victim": victim, "Kills": f.tn("died.oom", in.OOMKills),
		"Before": count(in.Before.Procs), "Peak": count(in.ProcsPeak),
		"Requests": f.tn("requests", requests), "Tries": count(in.Arrivals), "Started": started,
	}
}

// effects are what came of it, the gravest first, and the same in fewer words.
// No harm: that is the first of them.
func (f *frame) effects(in *sim.Incident) (full, brief []string, harm bool) {
	add := func(s string) { full, brief = append(full, s), append(brief, s) }
	model := in.Model.String()
	dies := in.Fault == sim.FaultOOM || in.Fault == sim.FaultKill
	others := in.Collateral()
	wrong := ""
	if in.Wrong > 0 {
		wrong = f.tn("effect.wrong", in.Wrong)
	}
	if wrong != "" && in.Fault == sim.FaultBleed {
		add(wrong)
	}
	if others > 0 {
		full, brief = append(full, f.lost(in, others)), append(brief, f.tn("effect.lost", others))
	}
	if wrong != "" && in.Fault != sim.FaultBleed {
		add(wrong)
	}
	if in.Deaths > 0 && !dies { // these the cause has told of
		if in.OOMKills > 0 {
			add(f.tn("died.oom", in.OOMKills))
		} else {
			add(f.tn("effect.died."+model, in.Deaths))
		}
	}
	if d := f.downFor(in); d > 0 {
		text := span(d)
		if in.Open() {
			text = seconds(d)
		}
		add(f.word.T("effect.down", map[string]any{"Down": f.units(text)}))
	}
	harm = len(full) > 0
	if in.Delayed > 0 {
		harm = true
		late := f.tn("effect.late", in.Delayed)
		full = append(full, late+f.t("say.made.and")+f.word.T("effect.worst", map[string]any{"Worst": f.millisText(in.WorstMS)}))
		brief = append(brief, late)
	}
	if !harm {
		add(f.nobody(in))
	}
	if in.Lacking > 0 && !in.Open() && in.Fault == sim.FaultKill && in.Model == sim.Prefork {
		add(f.word.T("effect.refilled", map[string]any{"Refill": f.units(span(in.Lacking))}))
	}
	if concernOf[in.Fault] != delay {
		return full, brief, harm
	}
	if in.QueuePeak > 0 {
		add(f.word.T("effect.queue", map[string]any{"Count": count(in.QueuePeak)}))
	}
	flood := in.Fault == sim.FaultBurst || in.Fault == sim.FaultRetryStorm
	if flood && in.Model == sim.EventLoop && in.LagPeakMS >= tellLagMS {
		add(f.word.T("effect.lag", map[string]any{"Lag": f.millisText(in.LagPeakMS)}))
	}
	return full, brief, harm
}

// tellLagMS is a lag that somebody might notice.
const tellLagMS = 50

// lost says how the others were lost. Without a backend, an error status is the
// application's own word for that.
func (f *frame) lost(in *sim.Incident, others int) string {
	if in.Fault == sim.FaultDeadBackend && in.Errors >= others {
		return f.tn("effect.unanswered", others)
	}
	if s := f.parts(in); s != "" {
		return s
	}
	return f.tn("effect.lost", others)
}

// grew: processes have piled up, of requests that wait in one each.
func grew(in *sim.Incident) bool {
	before := in.Before.Procs
	return (in.Model == sim.CGI || in.Model == sim.Container) &&
		(in.Fault == sim.FaultHang || in.Fault == sim.FaultSlowBackend) &&
		in.ProcsPeak > before+before/2+1
}

// nobody denies what the fault threatens. Without a steady p99 of before, none
// can be said to be late or not: then only that nobody was lost.
func (f *frame) nobody(in *sim.Incident) string {
	id := "another"
	switch {
	case in.Fault == sim.FaultBleed:
		id = "name"
	case in.Fault == sim.FaultKill || in.Fault == sim.FaultDeadBackend:
		id = "lost"
	case in.Before.P99MS == 0:
	case in.Fault == sim.FaultOOM || in.Fault == sim.FaultFDLeak || in.Fault == sim.FaultForkBomb:
		id = "noticed"
	case in.Fault == sim.FaultSpin || in.Fault == sim.FaultHang:
		id = "else"
	default:
		id = "late"
	}
	if !in.Open() {
		id += "_past"
	}
	return f.t("effect.nobody." + id)
}

// downFor is how long nobody who was innocent got an answer. While nothing has
// failed yet, a model that is down has been so since the fault.
func (f *frame) downFor(in *sim.Incident) time.Duration {
	if in.Open() && in.Downtime == 0 && f.snap.Model[in.Model].State == sim.Down {
		return f.snap.At - in.At
	}
	return in.Downtime
}

// millisText writes milliseconds as a duration in the screen's language.
func (f *frame) millisText(ms float64) string {
	return f.units(span(time.Duration(ms * float64(time.Millisecond))))
}
