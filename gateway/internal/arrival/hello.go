package arrival

import (
	"slices"
	"strings"
)

// MaxHello is how many bytes of a stream are looked at for a ClientHello. Those of clients have 200 to 2,000 bytes.
const MaxHello = 16 << 10

// Hello is what a ClientHello says without a key. Behind an encrypted one (ECH) it is what the outer one says, which is meant for
// who only passes it on.
type Hello struct {
	ServerName string   // in lower case and without a final dot; "" where it has none, or one that is no name
	ALPN       []string // the protocols that the client offers, in its order
}

// A ClientHello is the first message of a TLS stream (RFC 8446, 4.1.2 and 5.1). The message may be spread over records:
//
//	record   type 22 | version 3 x | length 2 B | fragment
//	message  type 1 | length 3 B | version 2 B | random 32 B | session id 1 B + | cipher suites 2 B + | compression 1 B + | extensions 2 B +
const (
	recordHeader    = 5
	recordHandshake = 22
	maxFragment     = 1 << 14
	messageHeader   = 4
	clientHello     = 1
	randomLength    = 32

	extensionServerName = 0
	extensionALPN       = 16
	nameTypeHost        = 0
)

// ParseHello looks for a ClientHello at the start of b.
func ParseHello(b []byte) (Hello, Position) {
	message, at := firstMessage(b)
	if at.Stage != Complete {
		return Hello{}, at
	}
	hello, ok := parseHello(message)
	if !ok {
		return Hello{}, malformed
	}
	return hello, at
}

// firstMessage joins the fragments of the first message.
func firstMessage(b []byte) (message []byte, at Position) {
	records := 0
	for start := 0; start < MaxHello; records++ {
		record := b[start:]
		if !mayBeHandshake(record) {
			return nil, malformed
		}
		if len(record) < recordHeader {
			return nil, needs(start + recordHeader)
		}
		length := int(record[3])<<8 | int(record[4])
		if length == 0 || length > maxFragment {
			return nil, malformed
		}
		fragment := record[recordHeader:min(len(record), recordHeader+length)]
		before := len(message)
		switch records {
		case 0:
			message = fragment
		case 1:
			message = slices.Concat(message, fragment) // b is not written to
		default:
			message = append(message, fragment...)
		}
		size, ok := messageSize(message)
		if !ok {
			return nil, malformed
		}
		if len(message) >= size {
			return checked(message[:size], start+recordHeader+size-before)
		}
		if missing := size - len(message); len(fragment) < length {
			return nil, within(len(b) + min(missing, length-len(fragment)))
		}
		start += recordHeader + length
		if start >= len(b) {
			return nil, within(start + recordHeader)
		}
	}
	return nil, malformed
}

// checked is a whole message that ends end bytes behind the start of its stream.
func checked(message []byte, end int) ([]byte, Position) {
	if end > MaxHello {
		return nil, malformed
	}
	return message, Position{Stage: Complete, Length: end}
}

// within says how many bytes are needed, unless that is more than is looked at.
func within(bytes int) Position {
	if bytes > MaxHello {
		return malformed
	}
	return needs(bytes)
}

// mayBeHandshake reports whether b may be, or begin, a record with a handshake message.
func mayBeHandshake(b []byte) bool {
	return (len(b) < 1 || b[0] == recordHandshake) && (len(b) < 2 || b[1] == 3)
}

// messageSize is how many bytes the message has whose beginning is b; of one of whose header not all is there, the least that it has
// as the header has.
func messageSize(b []byte) (size int, ok bool) {
	if len(b) > 0 && b[0] != clientHello {
		return 0, false
	}
	if len(b) < messageHeader {
		return messageHeader, true
	}
	size = messageHeader + int(b[1])<<16 + int(b[2])<<8 + int(b[3])
	return size, size > messageHeader && size <= MaxHello
}

// parseHello parses a whole message.
func parseHello(message []byte) (hello Hello, ok bool) {
	r := fields{message[messageHeader:]}
	_, _ = r.take(2 + randomLength)
	_, _ = r.prefixed(1)      // session id
	_, _ = r.prefixed(2)      // cipher suites
	_, known := r.prefixed(1) // compression
	if !known {
		return hello, false
	}
	if len(r.rest) == 0 { // before TLS 1.2 there need be no extensions
		return hello, true
	}
	extensions, known := r.prefixed(2)
	if !known || len(r.rest) > 0 {
		return hello, false
	}
	return hello, hello.parseExtensions(fields{extensions})
}

func (h *Hello) parseExtensions(r fields) bool {
	seen := [2]bool{} // RFC 8446, 4.2: no two of the same type; only these matter here
	for len(r.rest) > 0 {
		kind, _ := r.number(2)
		body, ok := r.prefixed(2)
		if !ok {
			return false
		}
		switch kind {
		case extensionServerName:
			ok = !seen[0] && h.parseServerName(fields{body})
			seen[0] = true
		case extensionALPN:
			ok = !seen[1] && h.parseALPN(fields{body})
			seen[1] = true
		}
		if !ok {
			return false
		}
	}
	return true
}

// parseServerName takes the first host name (RFC 6066, 3).
func (h *Hello) parseServerName(r fields) bool {
	list, ok := r.prefixed(2)
	if !ok || len(list) == 0 || len(r.rest) > 0 {
		return false
	}
	for names := (fields{list}); len(names.rest) > 0; {
		kind, _ := names.number(1)
		name, ok := names.prefixed(2)
		if !ok {
			return false
		}
		if kind == nameTypeHost && h.ServerName == "" {
			h.ServerName = NormalName(string(name))
		}
	}
	return true
}

// parseALPN takes the protocols on offer (RFC 7301, 3.1).
func (h *Hello) parseALPN(r fields) bool {
	list, ok := r.prefixed(2)
	if !ok || len(r.rest) > 0 {
		return false
	}
	for names := (fields{list}); len(names.rest) > 0; {
		name, ok := names.prefixed(1)
		if !ok || len(name) == 0 {
			return false
		}
		h.ALPN = append(h.ALPN, string(name))
	}
	return true
}

const maxName = 253 // RFC 1035, 2.3.4, written out

// NormalName returns a server name as it is compared: in lower case and without a final dot. It is "" where name has characters
// that no host name has, so that none gets into logs, metrics or headers.
func NormalName(name string) string {
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxName || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return ""
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return ""
		}
	}
	return strings.ToLower(name)
}

// isNameByte allows the underscore, which service discovery uses, and the colon of an IPv6 address, which is no name but is sent.
func isNameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("-_.:", b) >= 0
}

// fields reads what lies one behind the other. Reading past the end fails, and so does all that follows.
type fields struct{ rest []byte }

func (r *fields) take(n int) ([]byte, bool) {
	if n > len(r.rest) || r.rest == nil {
		r.rest = nil
		return nil, false
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken, true
}

// number reads a number of size bytes, the highest first.
func (r *fields) number(size int) (n int, ok bool) {
	b, ok := r.take(size)
	for _, one := range b {
		n = n<<8 | int(one)
	}
	return n, ok
}

// prefixed reads what comes behind its length, which has size bytes.
func (r *fields) prefixed(size int) ([]byte, bool) {
	n, ok := r.number(size)
	if !ok {
		return nil, false
	}
	return r.take(n)
}
