package wire

// Classes of bytes, as a bit set for each byte.
const (
	token   = 1 << iota // tchar: names of methods and fields (RFC 9110, 5.6.2)
	text                // field-value: VCHAR, obs-text, SP, HTAB (5.5)
	visible             // VCHAR, what a request-target consists of
	digit
	hex
	host // of a Host field: reg-name, addresses, port (RFC 3986, 3.2.2)
	name // of a host's name, in an absolute-form
)

var class = func() (t [256]uint8) {
	set := func(chars string, bits uint8) {
		for i := 0; i < len(chars); i++ {
			t[chars[i]] |= bits
		}
	}
	for c := 0x21; c < 256; c++ {
		if c < 0x7f {
			t[c] |= text | visible
		}
		if c >= 0x80 {
			t[c] |= text
		}
	}
	set(" \t", text)
	set("0123456789", token|digit|hex|host|name)
	set("abcdefABCDEF", hex)
	set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", token|host|name)
	set("-._", token|host|name)
	set("!#$%&'*+^`|~", token)
	set("~!$&'()*+,;=:[]%", host)
	return t
}()

// fold reports whether b is s without regard to case; s is in lower case.
func fold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := 0; i < len(b); i++ {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// trim takes optional white space off both ends (OWS, RFC 9110, 5.6.3).
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func index(b []byte, c byte) int {
	for i := range b {
		if b[i] == c {
			return i
		}
	}
	return -1
}
