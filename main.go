// Command forklore runs four ways to serve a request, for real, side by side
// on this machine, and shows how far a failure spreads in each.
//
// The same binary is also every process of the lab: a role of runtimes/... is
// entered before main, by the package's init function (see runtimes/role). All
// else is the command line's, ui/cli.
package main

import (
	"os"

	"forklore/ui/cli"
)

func main() { os.Exit(cli.Run()) }
