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
	folders := p.opt.Folders
	return func() tea.Msg {
		path, err := InFirst(folders, func(folder string) (string, error) { return saveIn(folder, name, picture) })
		return savedMsg{path, err}
	}
}

// InFirst makes a file in the current folder or, where that can't be, in the first
// of the others where it can: these are made if they are not there.
func InFirst[T any](folders []string, try func(folder string) (T, error)) (made T, err error) {
	var errs []error
	for _, folder := range append([]string{"."}, folders...) {
		if folder != "." {
			err = os.MkdirAll(folder, 0o700)
		}
		if err == nil {
			if made, err = try(folder); err == nil {
				return made, nil
			}
		}
		errs = append(errs, err)
		err = nil
	}
	return made, errors.Join(errs...)
}

// saveIn writes name.txt and name.ansi, or neither.
func saveIn(folder, name, picture string) (string, error) {
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
