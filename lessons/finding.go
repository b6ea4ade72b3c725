package lessons

import (
	"cmp"
	"fmt"
	"slices"
)

// Finding is one thing that is wrong with a lesson.
type Finding struct {
	File    string
	Line    int
	Message string
	Warning bool // an error only at a release
}

func (f Finding) String() string {
	if f.Warning {
		return fmt.Sprintf("%s:%d: warning: %s", f.File, f.Line, f.Message)
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message)
}

// findings are collected while a lesson is read.
type findings []Finding

// maxFindings bounds what one lesson can say of itself.
const maxFindings = 500

func (f *findings) add(file string, line int, format string, a ...any) {
	if len(*f) < maxFindings {
		*f = append(*f, Finding{File: file, Line: max(line, 1), Message: clip(fmt.Sprintf(format, a...))})
	}
}

func (f *findings) warn(file string, line int, format string, a ...any) {
	f.add(file, line, format, a...)
	(*f)[len(*f)-1].Warning = true
}

func (f findings) sorted() []Finding {
	slices.SortStableFunc(f, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return f
}

// ParseError is why lessons could not be loaded: the first finding, in one line.
type ParseError struct {
	First Finding
	More  int
}

func (e *ParseError) Error() string {
	if e.More == 0 {
		return e.First.String()
	}
	return fmt.Sprintf("%s (and %d more: forklore lessons lint)", e.First, e.More)
}

// maxMessage bounds a message, whatever a lesson has in it.
const maxMessage = 300

// clip makes text from a file harmless for a terminal, and short.
func clip(s string) string {
	clean := make([]rune, 0, len(s))
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
			r = ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd':
			r = '?'
		}
		if len(clean) == maxMessage {
			return string(clean) + "..."
		}
		clean = append(clean, r)
	}
	return string(clean)
}
