package cgi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
)

// spoolBytes bounds the files of all bodies together: where they are kept may
// be memory (tmpfs), and count against the host's own limit.
const spoolBytes = 64 << 20

var spooled atomic.Int64

var (
	errSpoolFull = errors.New("too many long request bodies at once")
	errTooLarge  = errors.New("request body is too large")
	errBody      = errors.New("request body could not be read")
)

// pipeBytes is what any pipe takes before it is read: one page at least
// (pipe(7)).
const pipeBytes = 4096

// body is the request's, received whole and counted before the script starts.
// So a chunked one has a length too (RFC 3875, 4.2), a slow client costs no
// process, and a script that reads none of it breaks nothing: nobody writes
// while it runs. Short ones are in a pipe, long ones in a file without a name.
type body struct {
	stdin *os.File // nil: none
	bytes int64
	file  int64 // bytes of a file, which count as spooled
}

// Write appends to the file.
func (b *body) Write(p []byte) (int, error) {
	if b.file += int64(len(p)); spooled.Add(int64(len(p))) > spoolBytes {
		return 0, errSpoolFull
	}
	n, err := b.stdin.Write(p)
	b.bytes += int64(n)
	return n, err
}

func (b *body) close() {
	spooled.Add(-b.file)
	if b.stdin != nil {
		b.stdin.Close()
	}
}

// receive reads the body of the request, at most that many bytes.
func receive(req *http.Request, most int64) (b body, err error) {
	if req.Body == nil || req.Body == http.NoBody || req.ContentLength == 0 {
		return body{}, nil
	}
	if req.ContentLength > most {
		return body{}, errTooLarge
	}
	first, err := io.ReadAll(io.LimitReader(req.Body, pipeBytes))
	switch {
	case err != nil:
		return body{}, fmt.Errorf("%w: %w", errBody, err)
	case len(first) == 0:
		return body{}, nil
	case len(first) < pipeBytes:
		b.bytes = int64(len(first))
		b.stdin, err = filledPipe(first)
		return b, err
	}
	if b.stdin, err = namelessFile(); err != nil {
		return body{}, fmt.Errorf("keep request body: %w", err)
	}
	if _, err = b.Write(first); err == nil {
		_, err = io.Copy(&b, io.LimitReader(req.Body, most+1-pipeBytes))
	}
	var file *os.PathError
	switch {
	case errors.Is(err, errSpoolFull):
	case errors.As(err, &file):
		err = fmt.Errorf("keep request body: %w", err)
	case err != nil:
		err = fmt.Errorf("%w: %w", errBody, err)
	case b.bytes > most:
		err = errTooLarge
	default:
		_, err = b.stdin.Seek(0, io.SeekStart)
	}
	if err != nil {
		b.close()
		return body{}, err
	}
	return b, nil
}

// filledPipe is the read end of a pipe that holds b and then ends.
func filledPipe(b []byte) (*os.File, error) {
	r, w, err := pipe()
	if err != nil {
		return nil, err
	}
	defer syscall.Close(w)
	f := os.NewFile(uintptr(r), "request body")
	if n, err := syscall.Write(w, b); err != nil || n < len(b) {
		f.Close()
		return nil, fmt.Errorf("write %d bytes into an empty pipe: wrote %d: %w", len(b), n, err)
	}
	return f, nil
}

func namelessFile() (*os.File, error) {
	f, err := os.CreateTemp("", "forklore-body-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
