package protocol

import "bytes"

// The client asks for the upgrade, and the server's 101 grants it (RFC 6455, section 4). Each of these is a message, and so are interim
// responses before it. Any other answer, or an upgrade to something else, leaves a stream that is not understood.
//
//	client                                        server
//	  │ GET /path HTTP/1.1 … Upgrade: websocket      │
//	  ├─────────────────────────────────────────────►│
//	  │ HTTP/1.1 101 … Upgrade: websocket            │
//	  │◄─────────────────────────────────────────────┤
//	  │ frames                                       │

// request reads on in the client's request: State.pos is how much of the empty line at its end has been seen, n its size.
func (p *websocket) request(d *Dialogue, b []byte) (int, Event) {
	s := &d.streams[FromClient]
	const get = "GET "
	for i, c := range b {
		switch {
		case s.n < uint64(len(get)) && c != get[s.n]:
			return s.breaks(FaultWebSocketRequest)
		case s.n == min(wsHTTPSize, p.limit):
			return s.breaks(FaultWebSocketSize)
		}
		s.n++
		s.phase = endUnknown
		if s.pos = emptyLine(s.pos, c); s.pos == 4 {
			s.next()
			d.stage = wsResponse
			d.owe()
			return i + 1, Message
		}
	}
	return len(b), None
}

// emptyLine returns how much of CR LF CR LF a stream ends with after c. A bare LF counts as CR LF, as in most servers.
func emptyLine(seen uint32, c byte) uint32 {
	switch {
	case c == '\n' && seen >= 2:
		return 4
	case c == '\n':
		return 2
	case c == '\r' && seen == 2:
		return 3
	case c == '\r':
		return 1
	}
	return 0
}

// response reads the server's response.
func (p *websocket) response(d *Dialogue, b []byte) (int, Event) {
	s := &d.streams[FromUpstream]
	const http = "HTTP/1."
	_, m := compare(b, []byte(http))
	if m == differs {
		return s.breaks(FaultWebSocketResponse)
	}
	n := 0
	for seen := uint32(0); n < len(b) && seen < 4; n++ {
		switch uint64(n) {
		case p.limit:
			return s.breaks(FaultTooLarge)
		case wsHTTPSize - s.more:
			return s.breaks(FaultWebSocketInterim)
		}
		if seen = emptyLine(seen, b[n]); seen == 4 {
			d.took(FromUpstream)
			if wsIsInterim(b) {
				s.more += uint64(n) + 1
				return n + 1, Message
			}
			s.more = 0
			d.pay()
			if d.stage = wsOpen; !wsGranted(b[:n+1]) {
				d.set(opaque)
			}
			return n + 1, Message
		}
	}
	if len(b) >= MaxAgain-1 {
		d.took(FromUpstream)
		d.set(opaque)
		return len(b), Message
	}
	return d.partial(FromUpstream)
}

// wsIsInterim reports whether b begins with a response behind which another one comes: 1xx, but for the 101 that ends HTTP (RFC 9110,
// section 15.2).
func wsIsInterim(b []byte) bool {
	return len(b) >= 12 && string(b[8:10]) == " 1" && string(b[8:12]) != " 101"
}

// wsGranted reports whether a response switches to WebSocket.
func wsGranted(response []byte) bool {
	line, headers, _ := bytes.Cut(response, []byte("\n"))
	if len(line) < 12 || string(line[8:12]) != " 101" {
		return false
	}
	for len(headers) > 0 {
		line, headers, _ = bytes.Cut(headers, []byte("\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(bytes.TrimSpace(name), []byte("upgrade")) {
			return bytes.EqualFold(bytes.TrimSpace(value), []byte("websocket"))
		}
	}
	return false
}
