package assets

import (
	"sync"

	"github.com/BurntSushi/toml"
)

// Step is one step of the live script.
type Step struct {
	ID string   // of its words
	Do []string // what happens when it is reached
}

// Script is the live script.
var Script = sync.OnceValue(func() []Step {
	var script struct{ Step []Step }
	text, err := files.ReadFile("scenarios/live.toml")
	if err == nil {
		err = toml.Unmarshal(text, &script)
	}
	if err != nil {
		panic("assets: " + err.Error()) // a mistake in the program, which the tests find
	}
	return script.Step
})
