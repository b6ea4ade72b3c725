package assets

import (
	"os"
	"strings"
)

// Languages are those that the words are in, the default first.
var Languages = []string{"en", "ja"}

// Lang is the language to speak: the flag's if it is set, else the locale's.
// What is unknown is English.
func Lang(flag string) string {
	if flag != "" {
		return language2(flag)
	}
	// The first that is set and not empty decides, whatever it says
	// (POSIX.1-2017, XBD 8.2 Internationalization Variables).
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return language2(v)
		}
	}
	return Languages[0]
}

// language2 reads the two letters of a locale's name,
// language[_territory][.codeset][@modifier].
func language2(locale string) string {
	name, _, _ := strings.Cut(locale, "@")
	name, codeset, _ := strings.Cut(name, ".")
	// All that is written here is UTF-8: on a terminal that isn't, Japanese
	// would be noise, and English is not.
	if codeset != "" && !strings.EqualFold(strings.ReplaceAll(codeset, "-", ""), "utf8") {
		return Languages[0]
	}
	if i := strings.IndexAny(name, "_-"); i >= 0 {
		name = name[:i]
	}
	for _, lang := range Languages {
		if strings.EqualFold(name, lang) {
			return lang
		}
	}
	return Languages[0]
}
