package lessons

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"forklore/sim"
)

// maxExpr and maxNodes bound an expression; expr itself bounds its memory.
const (
	maxExpr  = 500
	maxNodes = 200
)

// program is an expression that has been checked.
type program struct {
	text    string
	code    *vm.Program
	figures []figureRef
	models  sim.Models // whose figures it reads
	hit     sim.Models // whose incidents it reads
	noted   []string
}

// figureRef is a figure that an expression reads.
type figureRef struct {
	name string
	read *vm.Program
}

// compile checks an expression. all are the models that `models` has. A bool is
// wanted of a condition, else a number.
func compile(text string, condition bool, all sim.Models) (*program, error) {
	if len(text) > maxExpr {
		return nil, fmt.Errorf("the expression has %d characters; at most %d are read", len(text), maxExpr)
	}
	p := &program{text: text}
	want := expr.AsFloat64()
	if condition {
		want = expr.AsBool()
	}
	v := &reads{all: all, program: p, names: map[string]bool{}}
	// Not folded before it has been visited: what it reads is told as it was written.
	code, err := expr.Compile(text, expr.Env(environment{}), want, expr.MaxNodes(maxNodes), expr.Optimize(false), expr.Patch(v))
	if err != nil {
		return nil, fmt.Errorf("%q: %s", text, oneLine(err))
	}
	p.code = code
	for _, name := range slices.Sorted(maps.Keys(v.names)) {
		read, err := expr.Compile(name, expr.Env(environment{}))
		if err == nil {
			p.figures = append(p.figures, figureRef{name, read})
		}
	}
	return p, nil
}

// oneLine is an error of expr without its drawing of the place.
func oneLine(err error) string {
	if e, ok := err.(*file.Error); ok {
		return fmt.Sprintf("%s (at character %d)", e.Message, e.Column+1)
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// reads notes what an expression reads.
type reads struct {
	all     sim.Models
	program *program
	names   map[string]bool
}

// Visit implements expr's visitor; it changes nothing.
func (v *reads) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.IdentifierNode:
		if m, ok := sim.ParseModel(n.Value); ok {
			v.program.models = v.program.models.With(m)
		}
		if n.Value == "models" {
			v.program.models |= v.all
		}
	case *ast.MemberNode:
		path := memberPath(n)
		switch {
		case path == nil:
		case path[0] == "noted" && len(path) == 2:
			v.program.noted = append(v.program.noted, path[1])
			v.names[strings.Join(path, ".")] = true
		case path[0] == "" && path[1] == "incident": // all(models, .incident.lost > 0)
			v.program.hit |= v.all
		case len(path) >= 2 && path[0] != "":
			if m, ok := sim.ParseModel(path[0]); ok && path[1] == "incident" {
				v.program.hit = v.program.hit.With(m)
			}
			if path[len(path)-1] != "incident" {
				v.names[strings.Join(path, ".")] = true
			}
		}
	}
}

// memberPath is a.b.c as its names; "" stands for the element of a closure. It
// is nil for what is no such path.
func memberPath(n *ast.MemberNode) []string {
	prop, ok := n.Property.(*ast.StringNode)
	if !ok {
		return nil
	}
	switch of := n.Node.(type) {
	case *ast.IdentifierNode:
		return []string{of.Value, prop.Value}
	case *ast.PointerNode:
		return []string{"", prop.Value}
	case *ast.MemberNode:
		if path := memberPath(of); path != nil {
			return append(path, prop.Value)
		}
	}
	return nil
}

// missing says why the expression can't be judged: an incident that it reads
// was not there, or a figure has not been noted.
func (p *program) missing(e *environment) string {
	for m := range sim.NModels {
		if p.hit.Has(m) && !e.column(m).Incident.known {
			return "no incident in " + m.String()
		}
	}
	for _, name := range p.noted {
		if _, ok := e.Noted[name]; !ok {
			return "noted." + name + " has not been measured"
		}
	}
	return ""
}

// holds evaluates a condition. What can't be judged does not hold.
func (p *program) holds(e *environment) (bool, string) {
	if why := p.missing(e); why != "" {
		return false, why
	}
	out, err := expr.Run(p.code, *e)
	if err != nil {
		return false, oneLine(err)
	}
	ok, _ := out.(bool)
	return ok, ""
}

// value evaluates a number; ok is false if there is none.
func (p *program) value(e *environment) (v float64, ok bool) {
	if p.missing(e) != "" {
		return 0, false
	}
	out, err := expr.Run(p.code, *e)
	if err != nil {
		return 0, false
	}
	v, ok = out.(float64)
	return v, ok && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// Figure is a figure that was judged.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// judged are the figures that the expression reads, as they are.
func (p *program) judged(e *environment) (list []Figure) {
	for _, f := range p.figures {
		out, err := expr.Run(f.read, *e)
		if err != nil {
			continue
		}
		switch v := out.(type) {
		case float64:
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				list = append(list, Figure{f.name, v})
			}
		case bool:
			n := 0.0
			if v {
				n = 1
			}
			list = append(list, Figure{f.name, n})
		}
	}
	return list
}
