package protocol

import "bytes"

// What a client asks for, as far as it decides how the conversation goes on. The names of commands are looked at where
// they lie; one that is cut is given again.

// respWords are the first words of a request, at most three.
type respWords struct {
	words [3][]byte
	count int
	whole bool // all of the first count words are there
	size  int  // of a request that is whole within what was looked at; 0: it goes on
}

// request looks at a request at its start. It returns 0 and None where it is to be read like any other.
func (p *resp) request(d *Dialogue, b []byte) (int, Event) {
	s := &d.streams[FromClient]
	if b[0] != '*' {
		return p.inline(d, b)
	}
	words, fault := respReadWords(b)
	switch {
	case fault != NoFault:
		return s.breaks(fault)
	case !words.whole && p.mayAnswerPing(d) && respMayBePing(b):
		return d.withhold(FromClient)
	case !words.whole:
		return d.partial(FromClient)
	case words.count == 0:
		d.took(FromClient)
		return words.size, Message // an empty array is no request
	case words.isPing() && words.size > 0 && p.mayAnswerPing(d):
		d.took(FromClient)
		return words.size, Answer
	}
	s.kind = p.learn(d, &words)
	return 0, None
}

// mayAnswerPing reports whether the gateway answers a PING that comes now.
func (p *resp) mayAnswerPing(d *Dialogue) bool {
	return p.mayAnswer(d, FromClient) && !d.Unpaired() && d.facts&(respReplied|respInMulti) == respReplied
}

const respPingRequest = "*1\r\n$4\r\nPING\r\n"

func respMayBePing(b []byte) bool {
	return len(b) < len(respPingRequest) && bytes.EqualFold(b, []byte(respPingRequest[:len(b)]))
}

// respIsPingLine reports whether a line is the inline PING that is withheld until it is whole. One with spaces is passed on, as it would be if
// it came in pieces.
func respIsPingLine(line []byte) bool {
	return bytes.EqualFold(line, []byte("PING\r\n")) || bytes.EqualFold(line, []byte("PING\n"))
}

// inline reads a request that is a line of words.
func (p *resp) inline(d *Dialogue, b []byte) (int, Event) {
	s := &d.streams[FromClient]
	n := bytes.IndexByte(b, '\n') + 1
	switch {
	case n == 0 && uint64(len(b)) > p.limit || uint64(n) > p.limit:
		return s.breaks(FaultTooLarge)
	case n == 0 && len(b) >= MaxAgain-1: // too long to look at: what it asks for is not known
		d.took(FromClient)
		d.unpair()
		s.pos, s.more, s.stage, s.phase = 1, uint64(len(b)), respLine, endUnknown
		return len(b), None
	case n == 0 && p.mayAnswerPing(d) && len(b) < 6 && bytes.EqualFold(b, []byte("PING\r\n"[:len(b)])):
		return d.withhold(FromClient)
	case n == 0:
		return d.partial(FromClient)
	}
	words := respWords{whole: true, size: n}
	for _, word := range bytes.Fields(b[:n]) {
		if words.count == len(words.words) {
			break
		}
		words.words[words.count] = word
		words.count++
	}
	if words.count == 0 {
		d.took(FromClient)
		return n, Message
	}
	if respIsPingLine(b[:n]) && p.mayAnswerPing(d) {
		d.took(FromClient)
		return n, Answer
	}
	d.took(FromClient)
	s.kind = p.learn(d, &words)
	return n, p.ended(d, FromClient)
}

// respReadWords reads the start of an array of bodies, as far as its words decide.
func respReadWords(b []byte) (words respWords, fault Fault) {
	count, at, fault := respCount(b)
	if fault != NoFault || at == 0 {
		return words, fault
	}
	if count <= 0 {
		words.whole, words.size = true, at
		return words, NoFault
	}
	for words.count < int(min(count, int64(len(words.words)))) {
		if at == len(b) {
			return words, NoFault
		}
		if b[at] != '$' {
			return words, FaultRESPRequest
		}
		size, n, fault := respCount(b[at:])
		if fault != NoFault || n == 0 {
			return words, fault
		}
		if size < 0 || size > respNameSize {
			words.whole = true // no word that decides anything
			words.count = max(words.count, 1)
			return words, NoFault
		}
		if len(b) < at+n+int(size)+2 {
			return words, NoFault
		}
		end := at + n + int(size)
		words.words[words.count] = b[at+n : end]
		words.count++
		at = end + 2
		if b[end] != '\r' || b[end+1] != '\n' {
			words.whole = true // it is no request: step names the fault where it lies
			return words, NoFault
		}
		if words.count == 1 && !words.is("CLIENT") {
			break
		}
	}
	words.whole = true
	if int64(words.count) == count {
		words.size = at
	}
	return words, NoFault
}

func (w *respWords) is(name string) bool { return bytes.EqualFold(w.words[0], []byte(name)) }

func (w *respWords) isPing() bool { return w.is("PING") && w.count == 1 && w.size > 0 }

// learn notes what a request means for what follows, and returns its kind.
func (p *resp) learn(d *Dialogue, w *respWords) uint8 {
	switch {
	case w.is("PING"):
		return respPing
	case w.is("MULTI"):
		p.multi(d)
	case w.is("EXEC"):
		p.exec(d)
	case w.is("DISCARD"):
		p.discard(d)
	case w.is("RESET"):
		p.discard(d)
		d.facts &^= respIs3
	case w.is("HELLO"):
		d.facts &^= respIs3 // its reply shows which version follows
	case w.is("SUBSCRIBE"), w.is("PSUBSCRIBE"), w.is("SSUBSCRIBE"), w.is("UNSUBSCRIBE"), w.is("PUNSUBSCRIBE"), w.is("SUNSUBSCRIBE"):
		switch {
		case d.facts&respIs3 == 0:
			d.unpair()
		case d.facts&respInMulti == 0:
			d.facts |= respMayErr
			if d.facts&respEnding != 0 {
				d.facts |= respRelied
			}
			return respSilent
		case d.facts >= respOneReply:
			d.facts |= respRelied
		}
	case w.is("MONITOR"), w.is("CLIENT") && bytes.EqualFold(w.words[1], []byte("REPLY")):
		d.unpair()
	case w.is("SYNC"), w.is("PSYNC"):
		return respSync
	}
	return respPlain
}
