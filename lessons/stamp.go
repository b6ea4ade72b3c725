package lessons

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Stamp writes into every translated section of a folder's lessons which English
// one it translates: said by whoever has read both. ids limits it to some
// lessons. It returns the files that it changed.
func Stamp(dir string, ids ...string) (changed []string, err error) {
	set, err := Load(dir)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, fmt.Errorf("the embedded lessons can't be changed; give their folder")
	}
	if len(ids) == 0 {
		for _, l := range set.Lessons {
			ids = append(ids, l.ID)
		}
	}
	for _, id := range ids {
		l, err := set.Find(id)
		if err != nil {
			return changed, err
		}
		for _, lang := range Languages[1:] {
			if l.Texts[lang] == nil {
				continue
			}
			path := filepath.Join(dir, l.Folder, "text."+lang+".md")
			old, err := os.ReadFile(path)
			if err != nil {
				return changed, err
			}
			text := stamped(l.Texts[lang], l.Texts[Languages[0]], string(old))
			if text == string(old) {
				continue
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				return changed, err
			}
			changed = append(changed, path)
		}
	}
	return changed, nil
}

// stamped is the text with a stamp behind each heading.
func stamped(t, english *Text, text string) string {
	lines := strings.Split(text, "\n")
	for key, s := range t.sections {
		if e := english.sections[key]; e != nil {
			lines[s.line-1] = "## @" + key + " en=" + e.hash()
		}
	}
	return strings.Join(lines, "\n")
}
