package assets

import _ "embed"

// Recording is the recording of the live script that the program brings along,
// as sim/trace writes it: what `forklore demo` shows without --live, and p in the
// place of a lab. It was made with v, walking `forklore demo --live` on a quiet
// machine; its header says which and when. It is made anew the same way when the
// script changes, or what a snapshot has in it.
func Recording() []byte { return recording }

//go:embed recordings/live.jsonl.gz
var recording []byte
