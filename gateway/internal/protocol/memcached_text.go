package protocol

import "bytes"

// The text protocol and its meta commands (memcached's doc/protocol.txt).
//
//	text     set KEY FLAGS EXPTIME SIZE [noreply] CRLF data CRLF      STORED CRLF
//	         get KEY … CRLF                                           VALUE KEY FLAGS SIZE [CAS] CRLF data CRLF … END CRLF
//	meta     ms KEY SIZE FLAGS* CRLF data CRLF                        HD CRLF
//	         mg KEY FLAGS* CRLF                                       VA SIZE FLAGS* CRLF data CRLF

// memcWords are the words of a line: all, at most eight, and the last.
type memcWords struct {
	words [8][]byte
	count int
	last  []byte
	quiet bool // one behind the second is q, or begins so: in a meta command, a flag
}

func memcSplit(line []byte) (w memcWords) {
	for rest := line; ; {
		rest = bytes.TrimLeft(rest, " \r\n")
		if len(rest) == 0 {
			return w
		}
		end := bytes.IndexAny(rest, " \r\n")
		w.last = rest[:end]
		w.quiet = w.quiet || w.count >= 2 && w.last[0] == 'q'
		if w.count < len(w.words) {
			w.words[w.count] = w.last
			w.count++
		}
		rest = rest[end:]
	}
}

func (w *memcWords) is(word string) bool { return string(w.words[0]) == word }

// number returns a word that is a number of 9 digits at most.
func (w *memcWords) number(i int) (n uint64, ok bool) {
	if i >= w.count {
		return 0, false
	}
	n, rest := readDigits(w.words[i])
	return n, len(rest) == 0 && len(w.words[i]) > 0
}

// request reads a line of the client.
func (p *memcached) request(d *Dialogue, b []byte, n int) (int, Event) {
	s := &d.streams[FromClient]
	w := memcSplit(b[:n])
	size, data := -1, 0
	switch string(w.words[0]) {
	case "set", "add", "replace", "append", "prepend", "cas":
		data = 4
	case "ms":
		data = 2
	}
	if data > 0 {
		number, ok := w.number(data)
		if !ok { // the server refuses the line, and takes what follows for commands
			return s.breaks(FaultMemcachedSize)
		}
		size = int(number)
	}
	answer := w.is("mn") && w.count == 1 && p.answersNoop(d, FromClient)
	d.took(FromClient)
	s.kind = p.learn(d, &w)
	switch {
	case uint64(n+max(size, -2)+2) > p.limit:
		return s.breaks(FaultTooLarge)
	case answer:
		return n, Answer
	case size < 0:
		return n, p.ended(d, FromClient)
	}
	s.stage = memcDataEnd
	s.pass(uint64(size))
	return p.data(d, FromClient, b, n)
}

// learn notes what a request means for what follows, and returns its kind.
func (p *memcached) learn(d *Dialogue, w *memcWords) uint8 {
	switch string(w.words[0]) {
	case "mn":
		return memcNoop
	case "quit":
		return memcSilent
	case "":
		d.facts |= memcErrs
		return memcSilent
	case "watch": // what the server logs follows the reply
		d.unpair()
		return memcPlain
	case "ms", "mg", "md", "ma":
		if w.quiet {
			d.unpair()
		}
		return memcPlain
	case "get", "gets", "gat", "gats", "me": // their last word is a key
		return memcPlain
	}
	if string(w.last) == "noreply" {
		d.facts |= memcErrs
		return memcSilent
	}
	return memcPlain
}

// reply reads a line of the server.
func (p *memcached) reply(d *Dialogue, b []byte, n int) (int, Event) {
	s := &d.streams[FromUpstream]
	if s.phase == between {
		s.more = 0
	}
	w := memcSplit(b[:n])
	size, goesOn := -1, false
	var ok bool
	switch string(w.words[0]) {
	case "VALUE", "VA":
		at := 1
		if goesOn = w.is("VALUE"); goesOn {
			at = 3
		}
		number, sound := w.number(at)
		size, ok = int(number), sound
	case "ERROR", "CLIENT_ERROR", "SERVER_ERROR":
		if ok = true; d.facts&memcErrs != 0 { // it cannot be told to which of them
			d.unpair()
		}
	case "STAT", "ITEM", "PREFIX", "mg": // the last is mgdump's
		goesOn, ok = true, true
	default:
		goesOn, ok = bytes.HasPrefix(w.words[0], []byte("key=")), true // metadump's
	}
	if !ok {
		return s.breaks(FaultMemcachedSize)
	}
	d.took(FromUpstream)
	if s.more += uint64(n + max(size, -2) + 2); s.more > p.limit {
		return s.breaks(FaultTooLarge)
	}
	if s.kind = memcPlain; goesOn {
		s.kind = memcParts
	} else if w.is("MN") {
		s.kind = memcNoop
	}
	if size < 0 {
		return n, p.ended(d, FromUpstream)
	}
	s.stage = memcDataEnd
	s.pass(uint64(size))
	return p.data(d, FromUpstream, b, n)
}

// data goes on in data, or in the body of a packet.
func (p *memcached) data(d *Dialogue, from Direction, b []byte, at int) (int, Event) {
	s := &d.streams[from]
	if here := uint64(len(b) - at); s.n > here {
		s.n -= here
		return len(b), None
	}
	at += int(s.n)
	if s.phase == endKnown {
		return at, p.ended(d, from)
	}
	s.n, s.phase = 0, endUnknown
	return at, None
}

// dataEnd reads the CR LF behind data.
func (p *memcached) dataEnd(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	n, m := compare(b, []byte("\r\n"))
	switch m {
	case agrees:
		return d.partial(from)
	case differs:
		return s.breaks(FaultMemcachedData)
	}
	d.took(from)
	return n, p.ended(d, from)
}
