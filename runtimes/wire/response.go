package wire

// Continue tells a client that waits with its body to send it.
const Continue = "HTTP/1.1 100 Continue\r\n\r\n"

// AppendResponse appends the status line and the fields of a response to b.
// The body, bodyLen bytes, is the caller's to write, or not after HEAD. An id
// of 0 stands for a request without one.
//
// Connection is written either way: an HTTP/1.0 client that asked for
// keep-alive needs to be told (RFC 9112 section 9.3).
func AppendResponse(b []byte, status int, keepAlive bool, id uint64, bodyLen int64) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = appendUint(b, uint64(status))
	b = append(b, ' ')
	b = append(b, Reason(status)...)
	b = append(b, "\r\nContent-Type: text/plain\r\nContent-Length: "...)
	b = appendUint(b, uint64(bodyLen))
	if id != 0 {
		b = append(b, "\r\nForklore-Request: "...)
		b = appendUint(b, id)
	}
	if keepAlive {
		return append(b, "\r\nConnection: keep-alive\r\n\r\n"...)
	}
	return append(b, "\r\nConnection: close\r\n\r\n"...)
}

// Reason is the phrase of a status line.
func Reason(status int) string {
	switch status {
	case 200:
		return "OK"
	case 400:
		return "Bad Request"
	case 403:
		return "Forbidden"
	case 408:
		return "Request Timeout"
	case 413:
		return "Content Too Large"
	case 414:
		return "URI Too Long"
	case 417:
		return "Expectation Failed"
	case 429:
		return "Too Many Requests"
	case 431:
		return "Request Header Fields Too Large"
	case 500:
		return "Internal Server Error"
	case 501:
		return "Not Implemented"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Gateway Timeout"
	case 505:
		return "HTTP Version Not Supported"
	}
	return "Unknown" // the phrase has no meaning to a client (section 4)
}

func appendUint(b []byte, n uint64) []byte {
	var d [20]byte
	i := len(d)
	for {
		i--
		d[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return append(b, d[i:]...)
		}
	}
}
