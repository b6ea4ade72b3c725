package lessons

import (
	"crypto/rand"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed template
var template embed.FS

// New lays the files of a new lesson into a folder of lessons: one that works,
// to be changed piece by piece. It returns the lesson's folder.
func New(dir, slug string) (string, error) {
	if !isID(slug) {
		return "", fmt.Errorf("%q is no id: small letters, digits and -, at most %d", clip(slug), maxID)
	}
	order := 0
	for _, where := range []string{"", dir} {
		set, _, err := read(where)
		if err != nil {
			continue // an empty folder, or one that is not there yet
		}
		for _, l := range set.Lessons {
			if l.ID == slug {
				return "", fmt.Errorf("there is a lesson %q already, in %s", slug, l.path)
			}
			number, _ := strconv.Atoi(l.Folder[:2])
			order = max(order, l.Order, number)
		}
	}
	if order++; order > maxLessons {
		return "", fmt.Errorf("there are %d lessons already", maxLessons)
	}
	folder := filepath.Join(dir, fmt.Sprintf("%02d-%s", order, slug))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	fill := strings.NewReplacer("SLUG", slug, "UUID", newUUID(), "ORDER", strconv.Itoa(order))
	text := map[string]string{}
	for _, name := range []string{"lesson.toml", "text.en.md", "text.ja.md"} {
		data, err := template.ReadFile("template/" + name)
		if err != nil {
			return "", err
		}
		text[name] = fill.Replace(string(data))
	}
	var f findings // the templates' own, which a test looks at
	english := parseText("text.en.md", "en", []byte(text["text.en.md"]), &f)
	japanese := parseText("text.ja.md", "ja", []byte(text["text.ja.md"]), &f)
	text["text.ja.md"] = stamped(japanese, english, text["text.ja.md"])
	for name, data := range text {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(data), 0o644); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// newUUID is a random one (RFC 9562, section 5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
