package lessons

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"forklore/sim"
)

// Evidence is what a run had to show when its last check was judged, under the
// names that expressions use: "cgi.incident.lost". What was 0 is left out. Where a
// machine can't do the experiment, the lesson falls back to it.
type Evidence map[string]float64

// evidence is what the environment says of these models.
func (e *environment) evidence(models sim.Models) Evidence {
	out := Evidence{}
	e.fields(models, func(name string, v reflect.Value) {
		x := 0.0
		switch {
		case v.Kind() == reflect.Float64:
			x = math.Round(v.Float()*1000) / 1000
		case v.Bool():
			x = 1
		}
		// Of an incident something is always named: else there was none.
		if x != 0 && !math.IsNaN(x) && !math.IsInf(x, 0) || x == 0 && strings.HasSuffix(name, ".incident.age_ms") {
			out[name] = x
		}
	})
	for name, x := range e.Noted {
		out["noted."+name] = math.Round(x*1000) / 1000
	}
	if e.Drawn != "" {
		out["drawn."+e.Drawn] = 1
	}
	return out
}

// environment is what expressions see of it. unknown are the names that no
// figure of these models has.
func (ev Evidence) environment(models sim.Models) (e *environment, unknown []string) {
	e = &environment{Noted: map[string]float64{}}
	left := maps.Clone(ev)
	for name, x := range ev {
		if noted, ok := strings.CutPrefix(name, "noted."); ok {
			e.Noted[noted] = x
			delete(left, name)
		}
		if drawn, ok := strings.CutPrefix(name, "drawn."); ok {
			e.Drawn = drawn
			delete(left, name)
		}
	}
	for m := range sim.NModels {
		e.column(m).Incident = incidentOf(nil, 0)
		for name := range ev {
			if strings.HasPrefix(name, m.String()+".incident.") {
				e.column(m).Incident = incident{known: true}
				break
			}
		}
	}
	e.fields(models, func(name string, v reflect.Value) {
		x, ok := ev[name]
		switch {
		case !ok:
		case v.Kind() == reflect.Float64:
			v.SetFloat(x)
		default:
			v.SetBool(x != 0)
		}
		delete(left, name)
	})
	for m := range sim.NModels {
		e.column(m).Incident.settle()
		if models.Has(m) {
			e.Models = append(e.Models, *e.column(m))
		}
	}
	return e, slices.Sorted(maps.Keys(left))
}

// fields calls do for each figure of these models, and for those of none.
func (e *environment) fields(models sim.Models, do func(name string, v reflect.Value)) {
	for m := range sim.NModels {
		if models.Has(m) {
			fieldsOf(reflect.ValueOf(e.column(m)).Elem(), m.String()+".", do)
		}
	}
	fieldsOf(reflect.ValueOf(e).Elem(), "", do)
}

func fieldsOf(v reflect.Value, prefix string, do func(string, reflect.Value)) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("expr")
		switch f := v.Field(i); {
		case name == "": // known
		case f.Kind() == reflect.Float64, f.Kind() == reflect.Bool:
			do(prefix+name, f)
		case f.Type() == reflect.TypeFor[incident]():
			fieldsOf(f, prefix+name+".", do)
		}
	}
}
