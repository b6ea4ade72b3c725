package trace

import (
	"reflect"
	"strings"
	"unicode"
)

// Whoever made a file may have written anything into it. These bounds are far
// beyond what a lab measures, and within what can be counted with.
const (
	mostFloat = 1e15
	mostInt   = 1 << 60
)

// tame makes a value one that can be shown: no text moves the cursor or is
// endless, no number overflows when it is added to another.
func tame(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			tame(v.Field(i))
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.Uint8 {
			return // the cells of a tape
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			tame(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			tame(v.Elem())
		}
	case reflect.String:
		v.SetString(tameText(v.String()))
	case reflect.Float64:
		v.SetFloat(min(max(v.Float(), -mostFloat), mostFloat))
	case reflect.Int, reflect.Int64:
		v.SetInt(min(max(v.Int(), -mostInt), mostInt))
	case reflect.Uint64:
		v.SetUint(min(v.Uint(), mostInt))
	}
}

// mostText is more than any message has.
const mostText = 4 << 10

func tameText(s string) string {
	if len(s) > mostText {
		s = s[:mostText]
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.In(r, unicode.Zl, unicode.Zp) {
			return ' '
		}
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			return -1
		}
		return r
	}, s)
}
