package lessons

import (
	"strconv"
	"strings"
)

// lines knows in which line of a TOML file a key stands: "check.2.expr" is the
// key expr of the third [[check]]. The TOML library tells it of errors only.
type lines map[string]int

// linesOf reads a file that the TOML library has accepted. It understands the
// headers, the keys and the strings of several lines; keys of an inline table
// are found at its line, by [lines.of].
func linesOf(text string) lines {
	at := lines{}
	count := map[string]int{}
	table, closing := "", ""
	for i, line := range strings.Split(text, "\n") {
		if closing != "" {
			if strings.Contains(line, closing) {
				closing = ""
			}
			continue
		}
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "[["):
			name, _, _ := strings.Cut(line[2:], "]]")
			name = indexed(keyOf(name), count)
			table = name + "." + strconv.Itoa(count[name])
			count[name]++
			at[table] = i + 1
		case strings.HasPrefix(line, "["):
			name, _, _ := strings.Cut(line[1:], "]")
			table = indexed(keyOf(name), count)
			at[table] = i + 1
		case line == "" || line[0] == '#':
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				continue // an array goes on
			}
			at[join(table, keyOf(key))] = i + 1
			for _, q := range []string{`"""`, `'''`} {
				if strings.Count(value, q) == 1 {
					closing = q
				}
			}
		}
	}
	return at
}

// indexed puts the index of the newest element behind each array in a header's
// path: [[predict.option]] belongs to the predict before it.
func indexed(name string, count map[string]int) string {
	path := ""
	parts := strings.Split(name, ".")
	for i, part := range parts {
		path = join(path, part)
		if n := count[path]; n > 0 && i < len(parts)-1 {
			path += "." + strconv.Itoa(n-1)
		}
	}
	return path
}

func keyOf(s string) string {
	parts := strings.Split(s, ".")
	for i := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(parts[i]), `"'`)
	}
	return strings.Join(parts, ".")
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "." + b
}

// of is the line of a key, or of what it stands in.
func (l lines) of(path string) int {
	for path != "" {
		if n, ok := l[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return 1
}
