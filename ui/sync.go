package ui

import (
	"io"
	"os"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"
)

// Bubble Tea v1 writes each frame at once, but a terminal may draw in the
// middle of it. Synchronized output (DEC private mode 2026) has it wait for the
// end; a terminal that doesn't know the mode ignores it (ECMA-48 leaves unknown
// private modes without effect).
//
// https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036

// synchronized is a terminal whose writes are drawn as a whole. It stays a
// term.File: Bubble Tea asks its descriptor for the window's size.
type synchronized struct {
	*os.File
	buf []byte
}

// Write brackets a frame. What Bubble Tea writes as a string, the sequences at
// its start and end, needs no brackets and doesn't come here: io.WriteString
// finds the file's own method.
func (s *synchronized) Write(frame []byte) (int, error) {
	s.buf = append(s.buf[:0], ansi.SetSynchronizedOutputMode...)
	s.buf = append(s.buf, frame...)
	s.buf = append(s.buf, ansi.ResetSynchronizedOutputMode...)
	n, err := s.File.Write(s.buf)
	return min(max(n-len(ansi.SetSynchronizedOutputMode), 0), len(frame)), err
}

// inSync has a terminal draw whole frames, where it is one that can.
func inSync(out io.Writer) io.Writer {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) || dumb() {
		return out
	}
	return &synchronized{File: f}
}

// dumb reports whether the terminal says that it can do nothing.
func dumb() bool {
	t := os.Getenv("TERM")
	return t == "dumb" || t == ""
}
