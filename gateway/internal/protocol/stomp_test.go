package protocol

import (
	"strings"
	"testing"
)

const (
	stompConnect = "CONNECT\naccept-version:1.2\nheart-beat:1000,2000\n\n\x00"
	stompYes     = "CONNECTED\r\nversion:1.2\r\nheart-beat:500,3000\r\n\r\n\x00"
)

func TestSTOMP(t *testing.T) {
	converseNamed(t, NewSTOMP, []namedRow{
		{"frames with and without a length, and heartbeats between them", Options{},
			conversation{client(stompConnect + "\n"), upstream(stompYes + "\r\n"), client("SEND\ndestination:a\ncontent-length: 3\n\na\x00b\x00SEND\n\nhello\x00\n\r\n\n"), upstream("MESSAGE\ncontent-length:0\n\n\x00RECEIPT\n\n\x00")},
			transcript{
				Events: [2]string{
					"message of 50\nheartbeat of 1\nmessage of 42\nmessage of 12\nheartbeat of 1\nheartbeat of 2\nheartbeat of 1\n",
					"message of 48\nheartbeat of 2\nmessage of 27\nmessage of 10\n"},
				Keepalive: 6000,
			}},
		{"a client that sends no heartbeats", Options{},
			conversation{client("STOMP\nheart-beat:0,5\n\n\x00"), upstream(stompYes)},
			transcript{Events: [2]string{"message of 23\n", "message of 48\n"}}},
		{"a server that wants none", Options{},
			conversation{client(stompConnect), upstream("CONNECTED\nheart-beat:5,0\n\n\x00")},
			transcript{Events: [2]string{"message of 50\n", "message of 27\n"}}},
		{"1.0 has none", Options{},
			conversation{client("CONNECT\n\n\x00"), upstream("CONNECTED\n\n\x00")},
			transcript{Events: [2]string{"message of 10\n", "message of 12\n"}}},
	})
	breakNamed(t, NewSTOMP, []brokenRow{
		{"no command", Options{}, conversation{client("SENX")}, FaultSTOMPCommand},
		{"a command that goes on", Options{}, conversation{client("SENDX")}, FaultSTOMPCommand},
		{"the server's command", Options{}, conversation{client("M")}, FaultSTOMPCommand},
		{"a CR alone", Options{}, conversation{client("\rx")}, FaultSTOMPCommand},
		{"no number", Options{}, conversation{client("SEND\ncontent-length:3x\n\n")}, FaultSTOMPLength},
		{"a body that is longer", Options{}, conversation{client("SEND\ncontent-length:1\n\nxx")}, FaultSTOMPEnd},
		{"larger than the limit", Options{Limit: 100}, conversation{client("SEND\ncontent-length:80\n\n")}, FaultTooLarge},
		{"larger, without a length", Options{Limit: 20}, conversation{client("SEND\n\n" + strings.Repeat("x", 15))}, FaultTooLarge},
		{"headers without end", Options{}, conversation{client("SEND\n" + strings.Repeat("a:b\n", (MaxAgain-6)/4) + "ab")}, FaultSTOMPHeaders},
	})
}

func TestSTOMPFarewell(t *testing.T) {
	rule := NewSTOMP(Options{})
	parts(t, rule, conversation{client(stompConnect)}, TimedOut, "")
	parts(t, rule, conversation{client(stompConnect), upstream(stompYes)}, TimedOut, "ERROR\nmessage:idle timeout\n\n\x00")
	parts(t, rule, conversation{client(stompConnect), upstream(stompYes + "MESSAGE\n\n")}, Draining, "")
}

func FuzzSTOMP(f *testing.F) {
	fuzzNamed(f, NewSTOMP(Options{Limit: 200}), conversation{client(stompConnect + "\n"), upstream(stompYes), client("SEND\ncontent-length:3\n\na\x00b\x00SEND\n\nhello\x00\r\n")})
}

func BenchmarkSTOMP(b *testing.B) {
	benchNamed(b, NewSTOMP(Options{}), nil, "SEND\ndestination:a\ncontent-length:5\n\nhello\x00", "MESSAGE\ndestination:a\nmessage-id:1\n\nhello\x00")
}
