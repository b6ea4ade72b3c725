package lessons

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// ErrNoLab is that there is nothing to follow.
var ErrNoLab = errors.New("no lab with a lesson is running here; start forklore lesson in another terminal")

// maxNote bounds a line from a lab.
const maxNote = 256 << 10

// DialNotes connects to the newest lab that serves notes in the first of the
// folders that has one. A folder that another user could have laid is none.
func DialNotes(dirs ...string) (net.Conn, error) {
	for _, dir := range dirs {
		if err := ofThisUser(dir); err != nil {
			continue
		}
		for _, path := range sockets(dir) {
			if c, err := net.Dial("unix", path); err == nil {
				return c, nil
			}
		}
	}
	return nil, ErrNoLab
}

// Follow shows a lab's notes on a terminal until the lab ends, which it says, or
// ctx does. size is the terminal's, asked for at each note.
func Follow(ctx context.Context, c net.Conn, out io.Writer, size func() (width, height int)) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer c.Close()
	lang := Languages[0]
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, maxNote)
	for lines.Scan() {
		var n Note
		if err := json.Unmarshal(lines.Bytes(), &n); err != nil {
			return fmt.Errorf("the lab sent what is no note: %w", err)
		}
		if n.Schema != NoteSchema {
			return fmt.Errorf("the lab sends %q, this program reads %s: use the same forklore in both terminals", clip(n.Schema), NoteSchema)
		}
		if n.Lang != "" {
			lang = n.Lang
		}
		width, height := size()
		var b strings.Builder
		b.WriteString("\x1b[H")
		for i, line := range n.Lines(width, height-1) { // the last line is the cursor's
			if i > 0 {
				b.WriteString("\r\n")
			}
			b.WriteString(line + "\x1b[K")
		}
		b.WriteString("\x1b[J")
		if _, err := io.WriteString(out, b.String()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		_, err := io.WriteString(out, "\r\n")
		return err
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("the lab sent a note of more than %d bytes", maxNote)
	}
	_, err := io.WriteString(out, "\r\n"+wordsOf(lang).ended+"\r\n")
	return err
}
