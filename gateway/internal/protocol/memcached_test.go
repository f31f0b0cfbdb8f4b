package protocol

import (
	"strings"
	"testing"
)

// memcPacket returns a binary packet.
func memcPacket(magic, op byte, key, value string) string {
	size := len(key) + len(value)
	return string([]byte{magic, op, 0, byte(len(key)), 0, 0, 0, 0, 0, 0, byte(size >> 8), byte(size), 'o', 'p', 'q', '1', 0, 0, 0, 0, 0, 0, 0, 0}) + key + value
}

func TestMemcached(t *testing.T) {
	noop, said := memcPacket(0x80, 0x0a, "", ""), memcPacket(0x81, 0x0a, "", "")
	ask, get := memcPacket(0x80, 0x00, "key", ""), memcPacket(0x81, 0x00, "", "value")
	converseNamed(t, NewMemcached, []namedRow{
		{"text: data behind lines, replies of several values", Options{},
			conversation{
				client("set a 0 0 5\r\nhe\r\no\r\nget a b\r\ndelete a\r\nincr a 1 noreply\r\nstats\r\n"),
				upstream("STORED\r\nVALUE a 0 5\r\nhe\r\no\r\nVALUE b 0 0 77\r\n\r\nEND\r\nDELETED\r\nSTAT a 1\r\nSTAT b 2\r\nEND\r\n"),
			},
			transcript{Events: [2]string{
				"message of 20\nmessage of 9\nmessage of 10\nmessage of 18\nmessage of 7\n",
				"message of 8\nmessage of 43\nmessage of 9\nmessage of 25\n"}}},
		{"an error may be the reply to a request without one: then nothing is paired", Options{},
			conversation{client("get a\r\nset b 0 0 1 noreply\r\nx\r\n"), upstream("SERVER_ERROR out of memory\r\n"), client("get c\r\n")},
			transcript{Events: [2]string{"message of 7\nmessage of 24\nmessage of 7\n", "message of 28\n"}}},
		{"an error is the reply where all have one", Options{},
			conversation{client("get a\r\nget\r\n"), upstream("ERROR\r\n")},
			transcript{Events: [2]string{"message of 7\nmessage of 5\n", "message of 7\n"}, Owed: 1}},
		{"meta", Options{},
			conversation{client("ms a 2 T90\r\nhi\r\nmg a v\r\nmn\r\n"), upstream("HD\r\nVA 2 s2\r\nhi\r\nMN\r\n")},
			transcript{Events: [2]string{"message of 16\nmessage of 8\nheartbeat of 4\n", "message of 4\nmessage of 13\nheartbeat of 4\n"}}},
		{"meta: after a quiet one nothing is paired", Options{Answer: true},
			conversation{client("mg a v\r\nmg a v q\r\nmn\r\n"), upstream("EN\r\n"), client("mn\r\n")},
			transcript{Events: [2]string{"message of 8\nmessage of 10\nheartbeat of 4\nheartbeat of 4\n", "message of 4\n"}}},
		{"meta: a quiet one is one wherever its flag stands", Options{},
			conversation{client("mg a s v f t h l q k\r\n")}, transcript{Events: [2]string{"message of 22\n", ""}}},
		{"lists of keys are one reply", Options{},
			conversation{
				client("lru_crawler metadump all\r\nlru_crawler mgdump all\r\nlru_crawler metadump 1\r\nlru_crawler mgdump 1\r\nget a\r\n"),
				upstream("key=a exp=-1 la=1\nkey=b exp=-1\nEND\r\nmg a\r\nmg b\r\nEN\r\nEND\r\nEN\r\n"),
			},
			transcript{Events: [2]string{"message of 26\nmessage of 24\nmessage of 24\nmessage of 22\nmessage of 7\n", "message of 36\nmessage of 16\nmessage of 5\nmessage of 4\n"}, Owed: 1}},
		{"one that watches is paired no more", Options{}, conversation{client("watch mutations\r\n"), upstream("OK\r\nts=1 gid=1 type=item_store\n"), client("get a\r\n")},
			transcript{Events: [2]string{"message of 17\nmessage of 7\n", "message of 4\nmessage of 27\n"}}},
		{"a key that is called noreply, or q", Options{},
			conversation{client("get noreply\r\nmg q\r\nmg noreply\r\n")}, transcript{Events: [2]string{"message of 13\nmessage of 6\nmessage of 12\n", ""}, Owed: 3}},
		{"what is not answered is owed", Options{}, conversation{client("get a\r\nget b\r\nquit\r\n"), upstream("VALUE a 0 1\r\nx\r\n")},
			transcript{Events: [2]string{"message of 7\nmessage of 7\nmessage of 6\n", ""}, Owed: 2}},
		{"mn is answered where nothing is owed", Options{Answer: true},
			conversation{client("mn\r\n"), upstream("MN\r\n"), client("mn\r\nget a\r\nmn\r\n")},
			transcript{
				Events: [2]string{"heartbeat of 4\nanswer of 4\nmessage of 7\nheartbeat of 4\n", "heartbeat of 4\n"},
				Passed: [2][]byte{[]byte("mn\r\nget a\r\nmn\r\n"), []byte("MN\r\n")}, Answers: []byte("MN\r\n"), Owed: 2,
			}},
		{"binary", Options{Answer: true},
			conversation{client(ask), upstream(get), client(noop + ask + noop), upstream(get + said)},
			transcript{
				Events:  [2]string{"message of 27\nanswer of 24\nmessage of 27\nheartbeat of 24\n", "message of 29\nmessage of 29\nheartbeat of 24\n"},
				Passed:  [2][]byte{[]byte(ask + ask + noop), []byte(get + get + said)},
				Answers: []byte("\x81\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00opq1\x00\x00\x00\x00\x00\x00\x00\x00"),
			}},
		{"binary: statistics end with an empty one, and quiet ones are not paired", Options{},
			conversation{client(memcPacket(0x80, 0x10, "", "")), upstream(memcPacket(0x81, 0x10, "pid", "1") + memcPacket(0x81, 0x10, "", "")), client(memcPacket(0x80, 0x09, "a", "") + noop)},
			transcript{Events: [2]string{"message of 24\nmessage of 25\nheartbeat of 24\n", "message of 52\n"}}},
	})
	breakNamed(t, NewMemcached, []brokenRow{
		{"a server that speaks first", Options{}, conversation{upstream("x")}, FaultMemcachedFirst},
		{"a line without end", Options{}, conversation{client("get " + strings.Repeat("x", memcLine-4))}, FaultMemcachedLine},
		{"a size that is none", Options{}, conversation{client("set a 0 0 x\r\n")}, FaultMemcachedSize},
		{"no size", Options{}, conversation{client("ms a\r\n")}, FaultMemcachedSize},
		{"a value without a size", Options{}, conversation{client("get a\r\n"), upstream("VALUE a 0\r\n")}, FaultMemcachedSize},
		{"data that is longer", Options{}, conversation{client("set a 0 0 1\r\nxx")}, FaultMemcachedData},
		{"data larger than the limit", Options{Limit: 100}, conversation{client("set a 0 0 90\r\n")}, FaultTooLarge},
		{"values larger than the limit", Options{Limit: 100}, conversation{client("get a\r\n"), upstream("VALUE a 0 60\r\n" + strings.Repeat("x", 60) + "\r\nVALUE b 0 60\r\n")}, FaultTooLarge},
		{"binary, then text", Options{}, conversation{client(ask + "g")}, FaultMemcachedMagic},
		{"a key longer than the body", Options{}, conversation{client("\x80\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x04" + strings.Repeat("\x00", 12))}, FaultMemcachedSize},
	})
}

func TestMemcachedFarewell(t *testing.T) {
	rule := NewMemcached(Options{})
	parts(t, rule, nil, TimedOut, "")
	parts(t, rule, conversation{client("get a\r\n")}, TimedOut, "")
	parts(t, rule, conversation{client("get a\r\n"), upstream("END\r\n")}, TimedOut, "SERVER_ERROR idle timeout\r\n")
}

func FuzzMemcached(f *testing.F) {
	fuzzNamed(f, NewMemcached(Options{Limit: 300, Answer: true}),
		conversation{client("mn\r\nset a 0 0 5\r\nhello\r\nget a\r\n"), upstream("MN\r\nSTORED\r\nVALUE a 0 5\r\nhello\r\nEND\r\n"), client("mn\r\nmg a v q\r\n")},
		conversation{client(memcPacket(0x80, 0x00, "key", "")), upstream(memcPacket(0x81, 0x00, "", "value")), client(memcPacket(0x80, 0x0a, "", ""))})
}

func BenchmarkMemcached(b *testing.B) {
	benchNamed(b, NewMemcached(Options{}), nil, "mg a v\r\n", "EN\r\n")
}
