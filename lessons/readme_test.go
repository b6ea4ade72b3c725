package lessons

import "reflect"

// tagged are the names that lesson.toml and expressions may use.
func tagged() (names []string) {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			for _, tag := range []string{"toml", "expr"} {
				if name := f.Tag.Get(tag); name != "" && name != "-" {
					names = append(names, name)
					walk(f.Type)
				}
			}
		}
	}
	walk(reflect.TypeFor[Lesson]())
	walk(reflect.TypeFor[environment]())
	return names
}
