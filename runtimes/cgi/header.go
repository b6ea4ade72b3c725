package cgi

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// header is a script's response up to the blank line (RFC 3875, 6.2, 6.3).
type header struct {
	Status   int // 0: the script didn't say
	Location string
	Fields   []field // all but Status and Location, and but the connection's own
}

type field struct{ Name, Value string }

var (
	// errHeader: the script's fault, answered by 500.
	errHeader = errors.New("script sent no valid CGI header")
	// errTransfer: it meddles with the transfer, which is the server's (6.3.4); 502.
	errTransfer = errors.New("script sent Transfer-Encoding")
)

// headerEnd returns the length of the header including its blank line, or -1
// if there is none yet. Lines end with LF or CRLF (6.1).
func headerEnd(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		line := b[at : at+i]
		at += i + 1
		if len(line) == 0 || (len(line) == 1 && line[0] == '\r') {
			return at
		}
	}
}

// parseHeader reads a header that headerEnd has found.
func parseHeader(b []byte) (h header, err error) {
	seen := map[string]bool{} // fields that may come once
	for line := range bytes.Lines(b) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return h, fmt.Errorf("%w: no colon in %q", errHeader, clip(line))
		}
		if !isToken(name) {
			return h, fmt.Errorf("%w: name %q", errHeader, clip(name))
		}
		f := field{string(name), string(bytes.Trim(value, " \t"))}
		if strings.ContainsFunc(f.Value, isControl) {
			return h, fmt.Errorf("%w: control character in %s", errHeader, f.Name)
		}
		key := strings.ToLower(f.Name) // names know no case (6.3)
		switch key {
		case "status", "location", "content-type", "content-length":
			if seen[key] {
				return h, fmt.Errorf("%w: %s twice", errHeader, f.Name)
			}
			seen[key] = true
		}
		switch key {
		case "status":
			if h.Status, err = parseStatus(f.Value); err != nil {
				return h, err
			}
		case "location":
			if f.Value == "" {
				return h, fmt.Errorf("%w: empty Location", errHeader)
			}
			h.Location = f.Value
		case "transfer-encoding":
			return h, errTransfer
		case "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade":
			// between the server and its client, not the script's (6.3.4)
		case "content-length":
			if !isDigits(f.Value) {
				return h, fmt.Errorf("%w: Content-Length %q", errHeader, clip([]byte(f.Value)))
			}
			h.Fields = append(h.Fields, f)
		default:
			h.Fields = append(h.Fields, f)
		}
	}
	if !seen["status"] && !seen["location"] && !seen["content-type"] {
		return h, fmt.Errorf("%w: none of Content-Type, Location, Status", errHeader) // 6.3
	}
	return h, nil
}

// parseStatus reads "404 Not Found". Three digits are followed by nothing or
// a space and a reason (6.3.3), which HTTP has no use for. 1xx would announce another response, which a
// script can't give.
func parseStatus(s string) (int, error) {
	if len(s) < 3 || !isDigits(s[:3]) || s[0] < '2' || (len(s) > 3 && s[3] != ' ') {
		return 0, fmt.Errorf("%w: Status %q", errHeader, clip([]byte(s)))
	}
	return int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0'), nil
}

// take removes a field and returns its value.
func (h *header) take(name string) (value string) {
	for i, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			h.Fields = append(h.Fields[:i], h.Fields[i+1:]...)
			return f.Value
		}
	}
	return ""
}

// isToken is RFC 9110, 5.6.2.
func isToken(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return len(b) > 0
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 18
}

func isControl(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }

// clip keeps a script's binary output from filling the log.
func clip(b []byte) []byte { return b[:min(len(b), 80)] }
