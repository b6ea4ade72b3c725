// Package cgi is a host of CGI scripts: a process for each request, thrown
// away at its end (RFC 3875).
package cgi
