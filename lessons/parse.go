package lessons

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// Bounds of a lesson's files.
const (
	maxToml   = 64 << 10
	maxText   = 128 << 10
	maxGolden = 64 << 10
	maxList   = 32
	maxString = 500
)

func (l *Lesson) toml() string { return l.path + "/lesson.toml" }

// parseLesson reads lesson.toml. Where it adds to f the lesson can't be played.
func parseLesson(path, folder string, data []byte, f *findings) *Lesson {
	l := &Lesson{path: path, Folder: folder, noted: map[string]bool{}}
	if len(data) > maxToml {
		f.add(l.toml(), 1, "%d bytes; at most %d are read", len(data), maxToml)
		return l
	}
	if !utf8.Valid(data) {
		f.add(l.toml(), 1, "not UTF-8")
		return l
	}
	// The version first: a newer format may have keys that we can't judge.
	var version struct {
		FormatVersion int `toml:"format_version"`
	}
	if _, err := toml.Decode(string(data), &version); err == nil && version.FormatVersion > FormatVersion {
		l.lines = linesOf(string(data))
		f.add(l.toml(), l.lines.of("format_version"), "format_version %d is newer than this program, which reads %d: a newer forklore does", version.FormatVersion, FormatVersion)
		return l
	}
	meta, err := decode(string(data), l)
	if err != nil {
		line, message := 1, strings.TrimPrefix(err.Error(), "toml: ")
		if m := tomlPlace.FindStringSubmatch(message); m != nil {
			line, _ = strconv.Atoi(m[1])
			message = strings.TrimPrefix(m[2]+": "+m[3], ": ")
		}
		f.add(l.toml(), line, "%s", message)
		return l
	}
	l.lines = linesOf(string(data))
	for _, key := range meta.Undecoded() {
		if key[0] == "setup" || len(key) > 1 && key[1] == "setup" {
			continue // its own check names the flags
		}
		f.add(l.toml(), l.lines.anyOf(key.String()), "unknown key %s", key)
	}
	if len(*f) > 0 && (*f)[len(*f)-1].File == l.toml() {
		return l // what a misspelt key would have said is missing too
	}
	before := len(*f)
	l.checkFields(f)
	if len(*f) == before { // else the models may be unknown
		l.compile(f)
	}
	return l
}

// tomlPlace is how the TOML library says where.
var tomlPlace = regexp.MustCompile(`(?s)^line (\d+)(?: \(last key "(.*?)"\))?: (.*)$`)

// decode is toml.Decode, whose mistakes on odd input must not be ours.
func decode(text string, l *Lesson) (meta toml.MetaData, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("can't be read: %v", p)
		}
	}()
	return toml.Decode(text, l)
}

// anyOf is the line of a key whose arrays' indices aren't told.
func (l lines) anyOf(key string) int {
	best := 0
	for path, line := range l {
		if withoutIndices(path) == key && (best == 0 || line < best) {
			best = line
		}
	}
	if best == 0 {
		if i := strings.LastIndexByte(key, '.'); i > 0 {
			return l.anyOf(key[:i])
		}
		return 1
	}
	return best
}

var indices = regexp.MustCompile(`\.\d+(\.|$)`)

func withoutIndices(path string) string { return indices.ReplaceAllString(path, "$1") }

var (
	idForm   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	claimID  = regexp.MustCompile(`^(T([1-9]|1[0-3])|[a-z][a-z0-9]*(-[a-z0-9]+)*)$`)
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	urlForm  = regexp.MustCompile(`^https?://[^\s]+$`)
)

const maxID = 48

func isID(s string) bool { return len(s) <= maxID && idForm.MatchString(s) }
