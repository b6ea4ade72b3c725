package matrix

import (
	"fmt"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"forklore/sim"
)

// Expectation is what should happen in a cell.
type Expectation struct {
	// Holds is the check, over [Figures] by their names, in the language of
	// expr-lang.org: arithmetic, comparisons, &&, ||, !. None of its functions.
	Holds string
	// Says what happens and why, whatever the figures are.
	Says   string
	Source Source
}

// Source is who says so.
type Source struct {
	Title string
	URL   string // "" where it is a book, or a judgement
}

func (s Source) String() string {
	if s.URL == "" {
		return s.Title
	}
	return s.Title + " <" + s.URL + ">"
}

// Of is what should happen when this fault is put into this column, as Run puts
// it in.
func Of(f sim.Fault, c Column) (Expectation, bool) {
	r, ok := rows[f]
	if !ok || c < 0 || c >= NColumns {
		return Expectation{}, false
	}
	return r.cells[c], true
}

// compile makes a check of the text. Unknown names, functions, and what is no
// truth value are errors here, and not when the cell has been measured.
func compile(text string) (*vm.Program, error) {
	p, err := expr.Compile(text, expr.Env((&Figures{}).env()), expr.AsBool(), expr.DisableAllBuiltins())
	if err != nil {
		return nil, fmt.Errorf("expectation %q: %w", text, err)
	}
	return p, nil
}

// programs are the compiled checks, by their text.
var programs = sync.OnceValues(func() (map[string]*vm.Program, error) {
	all := map[string]*vm.Program{}
	for _, r := range rows {
		for _, e := range r.cells {
			p, err := compile(e.Holds)
			if err != nil {
				return nil, err
			}
			all[e.Holds] = p
		}
	}
	return all, nil
})

// holds says whether the figures are as expected. A model that has not
// recovered is not, unless the expectation itself speaks of that.
func (e *Expectation) holds(f *Figures) (bool, error) {
	all, err := programs()
	if err != nil {
		return false, err
	}
	v, err := expr.Run(all[e.Holds], f.env())
	if err != nil {
		return false, fmt.Errorf("expectation %q: %w", e.Holds, err)
	}
	return v.(bool) && (f.Recovered || e.mentions("recovered")), nil
}

// names are the figures that it speaks of, each once, in the order of its text.
func (e *Expectation) names() []string {
	tree, err := parser.Parse(e.Holds)
	if err != nil {
		return nil // holds has said so
	}
	var n identifiers
	ast.Walk(&tree.Node, &n)
	return n.seen
}

func (e *Expectation) mentions(name string) bool {
	for _, n := range e.names() {
		if n == name {
			return true
		}
	}
	return false
}

// observed writes those figures: "collateral 19, in_flight 5".
func (e *Expectation) observed(f *Figures) string {
	env := f.env()
	var all []string
	for _, name := range e.names() {
		all = append(all, fmt.Sprintf("%s %v", name, env[name]))
	}
	return strings.Join(all, ", ")
}

// identifiers collects names from a parsed text.
type identifiers struct{ seen []string }

// Visit is called for each node, the operands of an operator before itself.
func (n *identifiers) Visit(node *ast.Node) {
	id, ok := (*node).(*ast.IdentifierNode)
	if !ok {
		return
	}
	for _, s := range n.seen {
		if s == id.Value {
			return
		}
	}
	n.seen = append(n.seen, id.Value)
}
