package cgi

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// software is SERVER_SOFTWARE: name/version (RFC 3875, 4.1.17).
const software = "forklore/1"

// defaultPath is PATH for the script when the host has none.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// split divides the path of a request into SCRIPT_NAME and PATH_INFO. ".." is
// resolved before, so that neither can climb (RFC 3875, 9.8).
//
//	name /env.cgi:  /env.cgi/a/b -> /env.cgi, /a/b
//	                /            -> /env.cgi, ""       as a folder's index
//	                /a/b         -> "",       /a/b     the script is the root
//
// The two joined are the path of the request again (4.1.13), but for "/".
func split(name, reqPath string) (scriptName, pathInfo string) {
	p := path.Clean("/" + reqPath)
	if p != "/" && strings.HasSuffix(reqPath, "/") {
		p += "/" // Clean takes it away; "/folder/" and "/folder" may differ to the script
	}
	if name == "" || name == "/" {
		return "", p
	}
	if p == "/" {
		return name, ""
	}
	if rest, ok := strings.CutPrefix(p, name); ok && (rest == "" || rest[0] == '/') {
		return name, rest
	}
	return "", p
}

// metaVariables is the environment of a call (RFC 3875, 4.1). bodyBytes is the
// length of the body as it was counted, not as it was announced.
func (h *Host) metaVariables(req *http.Request, bodyBytes int64) []string {
	scriptName, pathInfo := split(h.Name, req.URL.Path)
	serverName, _ := hostPort(req.Host)
	serverPort := "80"
	if a, ok := req.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		ip, port := hostPort(a.String())
		serverPort = port // of the socket: a client writes what it likes into Host (4.1.15)
		if serverName == "" {
			serverName = ip
		}
	}
	addr, port := hostPort(req.RemoteAddr)
	env := make([]string, 0, 24+len(req.Header))
	env = append(env,
		"GATEWAY_INTERFACE=CGI/1.1",
		"QUERY_STRING="+req.URL.RawQuery, // always, even if empty (4.1.7)
		"REMOTE_ADDR="+strings.Trim(addr, "[]"),
		"REMOTE_HOST="+strings.Trim(addr, "[]"), // no name is looked up: 4.1.9 allows the address
		"REQUEST_METHOD="+req.Method,
		"SCRIPT_NAME="+scriptName,
		"SERVER_NAME="+serverName,
		"SERVER_PORT="+serverPort,
		"SERVER_PROTOCOL="+req.Proto,
		"SERVER_SOFTWARE="+software,
		"PATH_INFO="+pathInfo,
		// Not the RFC's, but every server's:
		"REQUEST_URI="+req.URL.RequestURI(),
		"REQUEST_SCHEME=http",
		"SCRIPT_FILENAME="+h.Path,
		"DOCUMENT_ROOT="+h.root(),
	)
	if port != "" {
		env = append(env, "REMOTE_PORT="+port)
	}
	if pathInfo != "" {
		env = append(env, "PATH_TRANSLATED="+path.Join(h.root(), pathInfo))
	}
	if bodyBytes > 0 { // if and only if there is a body (4.1.2)
		env = append(env, "CONTENT_LENGTH="+strconv.FormatInt(bodyBytes, 10))
	}
	if t := req.Header.Get("Content-Type"); t != "" {
		env = append(env, "CONTENT_TYPE="+t)
	}
	env = h.appendFields(env, req)
	p := os.Getenv("PATH")
	if p == "" {
		p = defaultPath
	}
	env = append(env, "PATH="+p)
	if h.Env != nil {
		env = append(env, h.Env()...)
	}
	return env
}

// appendFields adds a variable for each field of the request's header, in the
// order of their names (RFC 3875, 4.1.18).
func (h *Host) appendFields(env []string, req *http.Request) []string {
	names := make([]string, 0, len(req.Header))
	for name := range req.Header {
		if passed(name) && !slices.Contains(h.Hide, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if req.Host != "" {
		env = append(env, "HTTP_HOST="+req.Host) // net/http takes it out of the header
	}
	for _, name := range names {
		sep := ", " // repeated fields are one (RFC 9110, 5.3)
		if name == "Cookie" {
			sep = "; " // but these (RFC 6265, 4.2.1)
		}
		env = append(env, "HTTP_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+
			strings.Join(req.Header[name], sep))
	}
	return env
}

// passed reports whether a field becomes a variable.
func passed(name string) bool {
	switch name {
	case "Authorization", "Proxy-Authorization": // the server's business (9.2)
		return false
	case "Content-Length", "Content-Type": // have variables of their own
		return false
	case "Proxy": // HTTP_PROXY would redirect the script's own requests (httpoxy, CVE-2016-5385)
		return false
	case "Host", "Transfer-Encoding": // given above; and the body is no longer chunked
		return false
	}
	// X_Y and X-Y would be one variable, so one could be forged by the other:
	// Apache drops such names too.
	for i := range len(name) {
		if c := name[i]; c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// words are the script's arguments: a query without "=" is a search string, of
// words joined by "+" (RFC 3875, 4.4).
func words(req *http.Request) []string {
	q := req.URL.RawQuery
	if (req.Method != http.MethodGet && req.Method != http.MethodHead) || q == "" || strings.Contains(q, "=") {
		return nil
	}
	var args []string
	for w := range strings.SplitSeq(q, "+") {
		a, err := url.PathUnescape(w)
		// All or none (4.4). None too when they'd start with an option: php-cgi
		// took "?-s" for one (CVE-2012-1823).
		if err != nil || strings.Contains(a, "\x00") || (len(args) == 0 && strings.HasPrefix(a, "-")) {
			return nil
		}
		args = append(args, a)
	}
	return args
}

// hostPort divides host:port and leaves the brackets of an IPv6 address, as
// SERVER_NAME wants them (4.1.14).
func hostPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}
