package lessons

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed [0-9]*-*
var embedded embed.FS

// maxLessons bounds a folder of lessons.
const maxLessons = 99

// Set is a curriculum: lessons in their order.
type Set struct {
	Lessons []*Lesson
	// Dir is where they were read from; "": they are embedded.
	Dir string
}

// Find looks a lesson up by its id, or by its folder's name.
func (s *Set) Find(id string) (*Lesson, error) {
	for _, l := range s.Lessons {
		if l.ID == id || l.Folder == id {
			return l, nil
		}
	}
	ids := make([]string, len(s.Lessons))
	for i, l := range s.Lessons {
		ids[i] = l.ID
	}
	return nil, fmt.Errorf("no lesson %q; there are %s", clip(id), strings.Join(ids, ", "))
}

// Load reads the embedded lessons, or those of a folder. Its error is a
// [ParseError], or about the folder itself.
func Load(dir string) (*Set, error) {
	set, f, err := read(dir)
	if err != nil {
		return nil, err
	}
	if len(f) > 0 {
		f.sorted()
		return nil, &ParseError{First: f[0], More: len(f) - 1}
	}
	return set, nil
}

// read reads all that there is, and what is wrong with it.
func read(dir string) (*Set, findings, error) {
	fsys, name := fs.FS(embedded), "lessons"
	if dir != "" {
		st, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil, fmt.Errorf("--lessons %s: no such folder", clip(dir))
		case err != nil:
			return nil, nil, fmt.Errorf("--lessons %s: %w", clip(dir), errors.Unwrap(err))
		case !st.IsDir():
			return nil, nil, fmt.Errorf("--lessons %s: not a folder", clip(dir))
		}
		fsys, name = os.DirFS(dir), strings.TrimSuffix(dir, "/")
	}
	set, f := readFS(fsys, name)
	set.Dir = dir
	if dir != "" && len(set.Lessons) == 0 && len(f) == 0 {
		return nil, nil, fmt.Errorf("--lessons %s: no lesson in it (a folder like 14-backlog; forklore lessons new lays one)", clip(dir))
	}
	return set, f, nil
}

var folderForm = regexp.MustCompile(`^[0-9]{2}-[a-z0-9-]+$`)

// readFS reads every lesson's folder of a file system. name is what stands
// before the files' names in messages.
func readFS(fsys fs.FS, name string) (*Set, findings) {
	set := &Set{}
	var f findings
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		f.add(name, 1, "%v", err)
		return set, f
	}
	for _, e := range entries {
		if !e.IsDir() || !folderForm.MatchString(e.Name()) {
			continue
		}
		if len(set.Lessons) == maxLessons {
			f.add(name, 1, "more than %d lessons", maxLessons)
			break
		}
		set.Lessons = append(set.Lessons, readLesson(fsys, name, e.Name(), &f))
	}
	slices.SortStableFunc(set.Lessons, func(a, b *Lesson) int { return a.Order - b.Order })
	return set, f
}

// readLesson reads one folder.
func readLesson(fsys fs.FS, name, folder string, f *findings) *Lesson {
	full := name + "/" + folder
	data, err := readFile(fsys, folder+"/lesson.toml", maxToml)
	if err != nil {
		f.add(full+"/lesson.toml", 1, "%v", err)
		return &Lesson{path: full, Folder: folder}
	}
	l := parseLesson(full, folder, data, f)
	l.Texts = map[string]*Text{}
	for _, lang := range Languages {
		file := "text." + lang + ".md"
		data, err := readFile(fsys, folder+"/"+file, maxText)
		switch {
		case err == nil:
			l.Texts[lang] = parseText(full+"/"+file, lang, data, f)
		case !errors.Is(err, fs.ErrNotExist) || lang == Languages[0]:
			f.add(full+"/"+file, 1, "%v", err)
		}
	}
	data, err = readFile(fsys, folder+"/golden.json", maxGolden)
	switch {
	case err == nil:
		l.Golden = parseGolden(full+"/golden.json", data, f)
		if len(l.Golden.Evidence) > 0 {
			var unknown []string
			l.recorded, unknown = l.Golden.Evidence.environment(l.models)
			for _, name := range unknown {
				f.add(full+"/golden.json", 1, "evidence: %s is no figure of the lesson's models", name)
			}
		}
	case !errors.Is(err, fs.ErrNotExist): // a new lesson has none yet: the lint's
		f.add(full+"/golden.json", 1, "%v", err)
	}
	entries, err := fs.ReadDir(fsys, folder)
	if err != nil {
		f.add(full, 1, "%v", err)
	}
	for _, e := range entries {
		l.files = append(l.files, e.Name())
	}
	return l
}

// readFile reads at most one byte more than the limit, whatever the file is.
func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	st, err := fs.Stat(fsys, name)
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("not a file")
	}
	if err != nil {
		return nil, plain(err, name)
	}
	file, err := fsys.Open(name)
	if err != nil {
		return nil, plain(err, name)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	return data, plain(err, name)
}

// plain is an error without the path that stands before it in a finding anyway.
func plain(err error, name string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %w", path.Base(name), errMissing)
	}
	return err
}

var errMissing = fmt.Errorf("is missing: %w", fs.ErrNotExist)
