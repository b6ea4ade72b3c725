package cgi

import "forklore/runtimes/role"

func init() {
	role.Enter("cgi host", func() { Serve(Config{CallRole: "cgi call", Script: role.Env("CGI")}) })
}
