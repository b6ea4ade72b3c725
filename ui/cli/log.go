package cli

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/adrg/xdg"
)

// maxLog is the size at which the log is begun anew; the old one is kept once
// from run to run. Within a run it is looked at this often.
const (
	maxLog   = 4 << 20
	lookAtIt = 10 * time.Second
)

// stateFolder is under the user's own, "" if the user has no home.
func stateFolder() string {
	if os.Getenv("HOME") == "" && os.Getenv("XDG_STATE_HOME") == "" {
		return ""
	}
	return filepath.Join(xdg.StateHome, "forklore")
}

func logPath() string {
	folder := stateFolder()
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "forklore.log")
}

// openLog sends the log to a file under the user's state folder, where the
// roles also write. Without such a file there is no log: the lab works all the
// same.
func openLog() *os.File {
	path := logPath()
	if path == "" {
		slog.SetDefault(slog.New(slog.DiscardHandler))
		return nil
	}
	os.MkdirAll(filepath.Dir(path), 0o700)
	if st, err := os.Stat(path); err == nil && st.Size() > maxLog {
		os.Rename(path, path+".1")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		slog.SetDefault(slog.New(slog.DiscardHandler))
		return nil
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(f, nil)))
	go func() { // ends with the program
		for range time.Tick(lookAtIt) {
			// Every writer appends (open(2), O_APPEND), the roles too, so it can
			// be cut under their hands.
			if st, err := f.Stat(); err == nil && st.Size() > maxLog && f.Truncate(0) == nil {
				slog.Warn("the log was full, and is begun anew", "bytes", st.Size())
			}
		}
	}()
	return f
}
