package protocol

import (
	"strings"
	"testing"
)

const (
	connect5   = "\x10\x13\x00\x04MQTT\x05\x02\x00\x05\x05\x11\x00\x00\x00\x0a\x00\x01a"
	connect311 = "\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"
	connect31  = "\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01a"
	connack311 = "\x20\x02\x00\x00"
	connack5   = "\x20\x12\x00\x00\x0f\x22\x00\x0a\x26\x00\x01k\x00\x01v\x13\x00\x04\x25\x01"
)

func publish(size int) string {
	rest := 3 + size
	return "\x30" + string([]byte{byte(rest&0x7f | 0x80), byte(rest >> 7)}) + "\x00\x01t" + strings.Repeat("x", size)
}

func TestMQTT(t *testing.T) {
	converseNamed(t, NewMQTT, []namedRow{
		{"3.1.1: one and a half times the keepalive of CONNECT", Options{},
			conversation{client(connect311), upstream(connack311), client(publish(200) + "\xc0\x00"), upstream("\xd0\x00\x40\x02\x00\x01")},
			transcript{
				Events:    [2]string{"message of 15\nmessage of 206\nheartbeat of 2\n", "message of 4\nheartbeat of 2\nmessage of 4\n"},
				Keepalive: 90_000,
			}},
		{"3.1: a keepalive of 0 is none", Options{},
			conversation{client(connect31), upstream(connack311), client("\xc0\x00\x82\x06\x00\x01\x00\x01t\x00")},
			transcript{Events: [2]string{"message of 17\nheartbeat of 2\nmessage of 8\n", "message of 4\n"}}},
		{"5: the server's keepalive overrides the client's", Options{},
			conversation{client(connect5), upstream(connack5)},
			transcript{Events: [2]string{"message of 21\n", "message of 20\n"}, Keepalive: 6000}},
		{"5: properties that are not known leave the client's", Options{},
			conversation{client(connect5), upstream("\x20\x08\x00\x00\x05\x7f\x00\x13\x00\x04")},
			transcript{Events: [2]string{"message of 21\n", "message of 10\n"}, Keepalive: 7500}},
		{"answered where the keepalive is 0", Options{Answer: true},
			conversation{client(connect31), upstream(connack311), client("\xc0\x00" + publish(128) + "\xc0\x00"), upstream("\x30"), client("\xc0\x00")},
			transcript{
				Events:  [2]string{"message of 17\nanswer of 2\nmessage of 134\nanswer of 2\nheartbeat of 2\n", "message of 4\n"},
				Passed:  [2][]byte{[]byte(connect31 + publish(128) + "\xc0\x00"), []byte(connack311 + "\x30")},
				Answers: []byte("\xd0\x00\xd0\x00"),
			}},
		{"not answered where the server counts them", Options{Answer: true},
			conversation{client(connect311), upstream(connack311), client("\xc0\x00")},
			transcript{Events: [2]string{"message of 15\nheartbeat of 2\n", "message of 4\n"}, Keepalive: 90_000}},
	})
}

func TestMQTTBroken(t *testing.T) {
	breakNamed(t, NewMQTT, []brokenRow{
		{"type 0", Options{}, conversation{client("\x00")}, FaultMQTTType},
		{"a client's CONNACK", Options{}, conversation{client("\x20")}, FaultMQTTType},
		{"a server's CONNECT", Options{}, conversation{upstream("\x10")}, FaultMQTTType},
		{"PUBLISH before CONNECT", Options{}, conversation{client("\x30")}, FaultMQTTFirst},
		{"CONNECT twice", Options{}, conversation{client(connect311 + "\x10")}, FaultMQTTFirst},
		{"QoS 3", Options{}, conversation{client(connect311 + "\x36")}, FaultMQTTFlags},
		{"SUBSCRIBE without its flags", Options{}, conversation{client(connect311 + "\x80")}, FaultMQTTFlags},
		{"a fifth byte of length", Options{}, conversation{client("\x10\xff\xff\xff\xff")}, FaultMQTTLength},
		{"larger than the limit", Options{Limit: 100}, conversation{client(connect311 + "\x30\x63")}, FaultTooLarge},
		{"PINGREQ with a payload", Options{}, conversation{client(connect311 + "\xc0\x01")}, FaultMQTTPing},
		{"another name", Options{}, conversation{client("\x10\x0d\x00\x04MQTX")}, FaultMQTTConnect},
		{"another level", Options{}, conversation{client("\x10\x0d\x00\x04MQTT\x06")}, FaultMQTTConnect},
		{"a reserved flag", Options{}, conversation{client("\x10\x0d\x00\x04MQTT\x04\x03\x00\x3c")}, FaultMQTTConnect},
		{"CONNECT that ends in its header", Options{}, conversation{client("\x10\x05\x00\x04MQT")}, FaultMQTTConnect},
	})
}

func TestMQTTFarewell(t *testing.T) {
	for _, row := range []struct {
		name string
		said conversation
		why  Parting
		want string
	}{
		{"5: the keepalive has run out", conversation{client(connect5), upstream(connack5)}, TimedOut, "\xe0\x02\x8d\x00"},
		{"5: the server shuts down", conversation{client(connect5), upstream(connack5)}, Draining, "\xe0\x02\x8b\x00"},
		{"5, amid a packet", conversation{client(connect5), upstream(connack5 + "\x30")}, TimedOut, ""},
		{"5, before CONNACK", conversation{client(connect5)}, TimedOut, ""},
		{"3.1.1 has none", conversation{client(connect311), upstream(connack311)}, TimedOut, ""},
	} {
		t.Run(row.name, func(t *testing.T) { parts(t, NewMQTT(Options{}), row.said, row.why, row.want) })
	}
}

// parts wants a farewell after a conversation.
func parts(t *testing.T, rule Protocol, said conversation, why Parting, want string) {
	t.Helper()
	v := &converser{rule: rule}
	for _, turn := range said {
		if err := v.read(turn.from, turn.bytes); err != nil || v.broken {
			t.Fatal(err, v.got)
		}
	}
	if got := rule.(Farewell).Farewell(&v.dialogue, why, nil); string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzMQTT(f *testing.F) {
	fuzzNamed(f, NewMQTT(Options{Limit: 200, Answer: true}),
		conversation{client(connect31), upstream(connack311), client("\xc0\x00" + publish(128) + "\xc0\x00")},
		conversation{client(connect5), upstream(connack5), client("\xc0\x00" + publish(128) + "\xc0\x00")})
}

func BenchmarkMQTT(b *testing.B) {
	benchNamed(b, NewMQTT(Options{}), conversation{client(connect5), upstream(connack5)}, publish(128), "\x40\x02\x00\x01")
}
