// Package cgi is a host of CGI scripts: a process for each request, thrown
// away at its end (RFC 3875).
//
//	client ── net/http ── Host ── queue ──────── fork+exec ─────────────> script
//	             ^         │                                                │
//	             │         ├── header parsed, output passed on <── pipe ────┤ 1
//	             │         ├── log, 64 KiB a call <──────────────── pipe ───┤ 2
//	             └─ reply ─┴── reaper <──────────── wait4, exit status ─────┘
//
// The program is the lab's application (role "cgi call"), or any script, in
// Perl, Python, shell or C, that the setting CGI names. Its URI path is
// "/<name of its file>", what follows is PATH_INFO; "/" runs it too, as a
// folder's index; on any other path it is the root of the server, with an
// empty SCRIPT_NAME and the whole path in PATH_INFO. The application is always
// the root.
//
// What RFC 3875 leaves open, and what other hosts do differently:
//
//   - The body is received whole before the script starts, and counted: a
//     chunked one has a CONTENT_LENGTH, and a slow client costs no process.
//   - The header fields that become variables have names of letters, digits
//     and "-" (as Apache has it); Authorization, Proxy-Authorization and Proxy
//     don't, nor do Content-Length and Content-Type, which have their own.
//   - A script that ends with a status other than 0 has crashed. Before its
//     header is complete the client gets 500, after that the connection is
//     aborted: a short answer must not look like a whole one. (Go's own host
//     and most others don't look at the status.)
//   - A script ends with its process group. What it left in the background is
//     killed with it; a daemon has to make a session of its own, and lives as
//     long as the host.
//   - Output is sent on when the script pauses for 5 ms, so it streams.
//   - The time-out is one of silence, before the header (504) and after it
//     (the connection is aborted).
//
// Cost per request: a fork and exec, three to five descriptors, 36 KiB of
// buffers, and what the program costs to start.
// May not enter: what runs in the call. The application's side is in package
// app, which must stay light; this package may import what it likes, since it
// starts once.
package cgi
