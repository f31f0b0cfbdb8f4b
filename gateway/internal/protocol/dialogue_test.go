package protocol

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// pairedLines is a small protocol in which the directions depend on each other. A line is a message. A client's line is a
// request, and owes a line of the upstream; "?" is a heartbeat, which the gateway answers by "!", and so are both sides'
// "!"; it probes by "?". After the upstream's "opaque" nothing is understood.
type pairedLines struct{ limit uint64 }

func (p pairedLines) Limited(limit uint64) Protocol { return pairedLines{limit} }

func (p pairedLines) Skip(d *Dialogue, from Direction, n uint64) Event {
	return d.streams[from].Skip(n)
}

func (p pairedLines) Scan(d *Dialogue, from Direction, b []byte) (int, Event) {
	s := &d.streams[from]
	if len(b) == 0 {
		return 0, None
	}
	if s.phase == between && (b[0] == '?' || b[0] == '!') {
		if len(b) == 1 && !d.flags.has(released.of(from)) {
			return d.withhold(from)
		}
		if len(b) > 1 && b[1] == '\n' {
			event := p.heartbeat(d, from, b[0])
			d.took(from)
			return 2, event
		}
		d.took(from)
	}
	for i, c := range b {
		if s.n++; s.n > p.limit {
			return s.breaks(FaultTooLarge)
		}
		if c == 'o' && s.n == 1 {
			s.kind = 'o'
		}
		s.phase = endUnknown
		if c == '\n' {
			return i + 1, p.end(d, from)
		}
	}
	return len(b), None
}

func (p pairedLines) heartbeat(d *Dialogue, from Direction, c byte) Event {
	switch {
	case c == '?' && from == FromClient && d.MayInsert(FromUpstream):
		return Answer
	case c == '!' && d.awaitsAnswer(from):
		d.clear(probed)
		return ProbeAnswer
	}
	return Heartbeat
}

func (p pairedLines) end(d *Dialogue, from Direction) Event {
	s := &d.streams[from]
	s.next()
	switch {
	case from == FromClient:
		d.owed++
	case d.owed > 0:
		d.owed--
	}
	if s.kind == 'o' && from == FromUpstream {
		d.set(opaque)
	}
	s.kind = 0
	return Message
}

func (pairedLines) Answer(dst, _ []byte) []byte { return append(dst, "!\n"...) }

func (pairedLines) Probe(d *Dialogue, dst []byte) []byte {
	if !d.MayInsert(FromUpstream) {
		return dst
	}
	d.set(probed)
	return append(dst, "?\n"...)
}

func client(s string) turn   { return turn{from: FromClient, bytes: []byte(s)} }
func upstream(s string) turn { return turn{from: FromUpstream, bytes: []byte(s)} }
func probe(t turn) turn      { t.probe = true; return t }

func heartbeats(t testing.TB, framer Framer, h HeartbeatRule) Protocol {
	t.Helper()
	p, err := NewHeartbeatFraming([2]Framer{framer, framer}, h)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func pingPong(t testing.TB, framer Framer, byUs bool) Protocol {
	t.Helper()
	return heartbeats(t, framer, HeartbeatRule{Match: []byte("ping"), Answer: []byte("pong"), ByUs: byUs})
}

// conversations are those whose transcripts are known, each with its rule.
func conversations(t testing.TB) []struct {
	name string
	rule Protocol
	said conversation
	want transcript
} {
	headers := lengthFieldRule(t, "", LengthField{Magic: []byte("Headers"), Offset: 8, Size: 2, Adjustment: -10}).framer
	gap := lengthFieldRule(t, "", LengthField{Size: 1, Adjustment: 2}).framer
	line := delimiterRule(t, "\r\n", 64).framer
	fixed := fixedRule(t, 4, 0).framer
	return []struct {
		name string
		rule Protocol
		said conversation
		want transcript
	}{
		{"a heartbeat is answered while nothing is owed, and else passed on", pairedLines{64},
			conversation{client("?\n"), client("a\n?\n"), upstream("b\n!\n"), client("?\n?")},
			transcript{
				Events: [2]string{"answer of 2\nmessage of 2\nheartbeat of 2\nanswer of 2\n", "message of 2\nheartbeat of 2\n"},
				Passed: [2][]byte{[]byte("a\n?\n?"), []byte("b\n!\n")}, Answers: []byte("!\n!\n"),
			}},
		{"the first answer after a probe is swallowed, others are passed on", pairedLines{64},
			conversation{client("a\n"), upstream("b\n"), probe(client("!!\n!\n!\n"))},
			transcript{
				Events: [2]string{"message of 2\nmessage of 3\nprobe answer of 2\nheartbeat of 2\n", "message of 2\n"},
				Passed: [2][]byte{[]byte("a\n!!\n!\n"), []byte("b\n")}, Answers: []byte("?\n"), Owed: 1,
			}},
		{"no probe while a reply is owed", pairedLines{64},
			conversation{client("a\n"), probe(client("!\n"))},
			transcript{Events: [2]string{"message of 2\nheartbeat of 2\n"}, Passed: [2][]byte{[]byte("a\n!\n")}, Owed: 1}},
		{"what follows is not understood", pairedLines{64},
			conversation{client("a\n"), upstream("opaque\n\x00\x01"), client("?\n")},
			transcript{
				Events: [2]string{"message of 2\n", "message of 7\n"},
				Passed: [2][]byte{[]byte("a\n?\n"), []byte("opaque\n\x00\x01")}, Opaque: true,
			}},
		{"a line that is too long", pairedLines{3},
			conversation{client("abc?\n")},
			transcript{Events: [2]string{"too large: the message is larger than message_size\n"}}},
		{"delimiter: forwarded heartbeats are told apart", pingPong(t, line, false),
			conversation{client("ping\r\npint\r\nping\rx\r\n"), upstream("pong\r\nping\r\npong"), client("pong\r\np")},
			transcript{
				Events: [2]string{"heartbeat of 6\nmessage of 6\nmessage of 8\nheartbeat of 6\n", "heartbeat of 6\nheartbeat of 6\n"},
				Passed: [2][]byte{[]byte("ping\r\npint\r\nping\rx\r\npong\r\np"), []byte("pong\r\nping\r\npong")},
			}},
		{"delimiter: answered, but for the one that comes amid a message of the upstream", pingPong(t, line, true),
			conversation{client("ping\r\n"), upstream("a"), client("ping\r\n"), upstream("\r\n"), client("ping\r\nb\r\n")},
			transcript{
				Events: [2]string{"answer of 6\nheartbeat of 6\nanswer of 6\nmessage of 3\n", "message of 3\n"},
				Passed: [2][]byte{[]byte("ping\r\nb\r\n"), []byte("a\r\n")}, Answers: []byte("pong\r\npong\r\n"),
			}},
		{"length_field: the heartbeat's header is the answer's", pingPong(t, headers, true),
			conversation{client("Headersx\x00\x0epingHeadersx\x00\x0fpinggHeadersx\x00\x0epong"), probe(client("Headersy\x00\x0epong"))},
			transcript{
				Events:  [2]string{"answer of 14\nmessage of 15\nheartbeat of 14\nprobe answer of 14\n"},
				Passed:  [2][]byte{[]byte("Headersx\x00\x0fpinggHeadersx\x00\x0epong")},
				Answers: []byte("Headersx\x00\x0epongHeaders\x00\x00\x0eping"),
			}},
		{"length_field: the gap between length and body may be anything", pingPong(t, gap, true),
			conversation{client("\x04ABping\x04ABpinX\x03ABpin")},
			transcript{
				Events: [2]string{"answer of 7\nmessage of 7\nmessage of 6\n"},
				Passed: [2][]byte{[]byte("\x04ABpinX\x03ABpin")}, Answers: []byte("\x04ABpong"),
			}},
		{"length_field: a stream that breaks behind a heartbeat", pingPong(t, headers, true),
			conversation{client("Headersx\x00\x0epingHeadexs")},
			transcript{
				Events:  [2]string{"answer of 14\nviolation: the message does not begin with the magic of length_field\n"},
				Answers: []byte("Headersx\x00\x0epong"),
			}},
		{"varint: its length may be written longer", pingPong(t, NewVarint(0), true),
			conversation{client("\x04ping\x84\x00ping\x05pingg\x84\x80")},
			transcript{
				Events: [2]string{"answer of 5\nanswer of 6\nmessage of 6\n"},
				Passed: [2][]byte{[]byte("\x05pingg\x84\x80")}, Answers: []byte("\x04pong\x04pong"),
			}},
		{"fixed", pingPong(t, fixed, true),
			conversation{client("pingpinXpi")},
			transcript{
				Events: [2]string{"answer of 4\nmessage of 4\n"}, Passed: [2][]byte{[]byte("pinXpi")}, Answers: []byte("pong"),
			}},
	}
}

func TestConversations(t *testing.T) {
	for _, row := range conversations(t) {
		t.Run(row.name, func(t *testing.T) { everyCut(t, row.rule, row.said, row.want) })
	}
}

// everyCut wants the same transcript however the conversation is cut: whole, byte by byte, in small reads of all sizes, and
// with one cut at every byte.
func everyCut(t *testing.T, rule Protocol, said conversation, want transcript) {
	t.Helper()
	length := 0
	want.Owes = want.Owes || want.Owed > 0
	for _, turn := range said {
		length = max(length, len(turn.bytes))
	}
	ways := map[string]func() func() int{"whole": func() func() int { return whole }, "bytewise": func() func() int { return bytewise }}
	for size := range min(length, 16) {
		ways["reads of "+string(rune('0'+size))] = func() func() int { return func() int { return size + 1 } }
	}
	for _, skip := range []bool{false, true} {
		for name, way := range ways {
			sameTranscript(t, name, rule, said, skip, way(), want)
		}
		for cut := range length {
			sameTranscript(t, "one cut", rule, said, skip, cutAt(cut), want)
		}
	}
}

func sameTranscript(t *testing.T, how string, rule Protocol, said conversation, skip bool, next func() int, want transcript) {
	t.Helper()
	got, err := converse(rule, said, skip, next)
	if err != nil {
		t.Fatalf("%s, skip %t: %v", how, skip, err)
	}
	if got.equal(want) {
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s, skip %t (-want +got):\n%s", how, skip, diff)
	}
}

func TestHeartbeatsThatCannotBe(t *testing.T) {
	line, fixed := delimiterRule(t, "aa", 0).framer, fixedRule(t, 4, 0).framer
	field := lengthFieldRule(t, "", LengthField{Size: 1}).framer
	for _, row := range []struct {
		name   string
		framer Framer
		h      HeartbeatRule
	}{
		{"raw has none", NewRaw(), HeartbeatRule{Match: []byte("x")}},
		{"empty", line, HeartbeatRule{}},
		{"answered without an answer", line, HeartbeatRule{Match: []byte("x"), ByUs: true}},
		{"the delimiter in it", line, HeartbeatRule{Match: []byte("xaax")}},
		{"it begins the delimiter", line, HeartbeatRule{Match: []byte("xa")}},
		{"the answer, too", line, HeartbeatRule{Match: []byte("x"), Answer: []byte("aa")}},
		{"not of the fixed size", fixed, HeartbeatRule{Match: []byte("xyz")}},
		{"longer than the length field can say", field, HeartbeatRule{Match: make([]byte, 256)}},
		{"too long to withhold", NewVarint(0), HeartbeatRule{Match: make([]byte, MaxAgain)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := NewHeartbeatFraming([2]Framer{row.framer, row.framer}, row.h); err == nil {
				t.Error("no error")
			} else {
				t.Log(err)
			}
		})
	}
}

func TestDialogueIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Dialogue{}); size > 64 {
		t.Errorf("%d bytes a connection, want at most 64", size)
	}
}

func TestFaultsHaveTexts(t *testing.T) {
	for f := range faults {
		if f.String() == "" {
			t.Errorf("fault %d has no text", f)
		}
	}
}
