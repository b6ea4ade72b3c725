package ui

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// savedMsg is where the picture has been saved, or why it hasn't.
type savedMsg struct {
	path string
	err  error
}

// save writes the picture that is to be seen into two files, apart from the
// screen's own work.
func (p *program) save(string) tea.Cmd {
	picture, name := p.View(), "forklore-"+p.clock().Format("20060102-150405")
	folders := append([]string{"."}, p.opt.Folders...)
	return func() tea.Msg {
		var errs []error
		for _, folder := range folders {
			path, err := saveIn(folder, name, picture)
			if err == nil {
				return savedMsg{path: path}
			}
			errs = append(errs, err)
		}
		return savedMsg{err: errors.Join(errs...)}
	}
}

// saveIn writes name.txt and name.ansi, or neither.
func saveIn(folder, name, picture string) (string, error) {
	if folder != "." { // the user's own is there
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return "", err
		}
	}
	path := filepath.Join(folder, name)
	if err := writeNew(path+".txt", ansi.Strip(picture)+"\n"); err != nil {
		return "", err
	}
	if err := writeNew(path+".ansi", picture+sgrReset+"\n"); err != nil {
		os.Remove(path + ".txt")
		return "", err
	}
	return path + ".txt", nil
}

// writeNew never overwrites anything but a picture of the same second.
func writeNew(path, text string) error {
	if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() {
		return &fs.PathError{Op: "save", Path: path, Err: fs.ErrExist}
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func (p *program) saved(msg savedMsg) {
	if msg.err != nil {
		p.st.say(p.word.T("said.save.failed", map[string]any{"Why": msg.err.Error()}))
		return
	}
	p.st.say(p.word.T("said.save.done", map[string]any{"Path": msg.path}))
}
