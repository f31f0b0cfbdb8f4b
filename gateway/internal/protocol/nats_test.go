package protocol

import (
	"strings"
	"testing"
)

const (
	natsInfo    = "INFO {\"server_id\":\"x\"}\r\n"
	natsConnect = "CONNECT {\"verbose\":false}\r\n"
)

func TestNATS(t *testing.T) {
	answer := Options{Answer: true}
	converseNamed(t, NewNATS, []namedRow{
		{"lines and payloads", Options{},
			conversation{upstream(natsInfo), client(natsConnect + "sub a 1\r\nPUB a\tb  5\r\nhe\r\no\r\nHPUB a 2 4\r\nhhpp\r\nPUB a 0\r\n\r\nPONG\n"), upstream("+OK\r\nMSG a 1 3\r\nabc\r\n-ERR 'x'\r\n")},
			transcript{Events: [2]string{
				"message of 27\nmessage of 9\nmessage of 19\nmessage of 18\nmessage of 11\nheartbeat of 5\n",
				"message of 24\nmessage of 5\nmessage of 16\nmessage of 10\n"}}},
		{"an INFO as long as it likes", Options{},
			conversation{upstream("INFO " + strings.Repeat("x", 5000) + "\r\n")},
			transcript{Events: [2]string{"", "message of 5007\n"}}},
		{"a PING is owed until its PONG", Options{},
			conversation{upstream(natsInfo), client("PING\r\nPING\r\n"), upstream("PONG\r\n")},
			transcript{Events: [2]string{"heartbeat of 6\nheartbeat of 6\n", "message of 24\nheartbeat of 6\n"}, Owed: 1}},
		{"answered, but not where the client wants to know whether the server has it all", answer,
			conversation{upstream(natsInfo), client(natsConnect + "PING\r\n"), upstream("PONG\r\n"), client("PING\r\nPING\r\nSUB a 1\r\nPING\r\nPING\r\n"), upstream("PONG\r\nPONG\r\nMSG"), client("PING\r\n")},
			transcript{
				Events: [2]string{
					"message of 27\nheartbeat of 6\nanswer of 6\nanswer of 6\nmessage of 9\nheartbeat of 6\nheartbeat of 6\nheartbeat of 6\n",
					"message of 24\nheartbeat of 6\nheartbeat of 6\nheartbeat of 6\n"},
				Passed:  [2][]byte{[]byte(natsConnect + "PING\r\nSUB a 1\r\nPING\r\nPING\r\nPING\r\n"), []byte(natsInfo + "PONG\r\nPONG\r\nPONG\r\nMSG")},
				Answers: []byte("PONG\r\nPONG\r\n"), Owed: 1,
			}},
		{"the PONG for the gateway's probe is swallowed", Options{},
			conversation{upstream(natsInfo), client(natsConnect), probe(client("PUB a 4\r\nPONG\r\nPONG\r\nPONG\r\n"))},
			transcript{
				Events:  [2]string{"message of 27\nmessage of 15\nprobe answer of 6\nheartbeat of 6\n", "message of 24\n"},
				Passed:  [2][]byte{[]byte(natsConnect + "PUB a 4\r\nPONG\r\nPONG\r\n"), []byte(natsInfo)},
				Answers: []byte("PING\r\n"),
			}},
		{"one that has begun before the probe is not", Options{},
			conversation{upstream(natsInfo), client("PO"), probe(client("NG\r\n"))},
			transcript{
				Events: [2]string{"heartbeat of 6\n", "message of 24\n"},
				Passed: [2][]byte{[]byte("PONG\r\n"), []byte(natsInfo)}, Answers: []byte("PING\r\n"),
			}},
	})
	breakNamed(t, NewNATS, []brokenRow{
		{"no verb", Options{}, conversation{client("PUX")}, FaultNATSVerb},
		{"a verb that goes on", Options{}, conversation{client("SUBX")}, FaultNATSVerb},
		{"the server's verb", Options{}, conversation{client("M")}, FaultNATSVerb},
		{"a line that is too long", Options{}, conversation{client("SUB " + strings.Repeat("a", natsLine-4))}, FaultNATSLine},
		{"no size", Options{}, conversation{client("PUB a x\r\n")}, FaultNATSSize},
		{"a size of ten digits", Options{}, conversation{client("PUB a 1000000000\r\n")}, FaultNATSSize},
		{"a payload that is longer", Options{}, conversation{client("PUB a 1\r\nxx")}, FaultNATSEnd},
		{"a payload that ends with CR alone", Options{}, conversation{client("PUB a 1\r\nx\rx")}, FaultNATSEnd},
		{"larger than the limit", Options{Limit: 100}, conversation{client("PUB a 90\r\n")}, FaultTooLarge},
		{"an INFO larger than the limit", Options{Limit: 100}, conversation{upstream("INFO " + strings.Repeat("x", 96))}, FaultTooLarge},
	})
}

func TestNATSFarewell(t *testing.T) {
	rule := NewNATS(Options{})
	parts(t, rule, nil, TimedOut, "")
	parts(t, rule, conversation{upstream(natsInfo)}, TimedOut, "-ERR 'Stale Connection'\r\n")
	parts(t, rule, conversation{upstream(natsInfo + "MSG a 1 3\r\nab")}, TimedOut, "")
	parts(t, rule, conversation{upstream(natsInfo), client("PING\r\n")}, TimedOut, "")
}

func FuzzNATS(f *testing.F) {
	fuzzNamed(f, NewNATS(Options{Limit: 200, Answer: true}),
		conversation{upstream(natsInfo), client(natsConnect + "PING\r\n"), upstream("PONG\r\n"), client("PING\r\nPUB a 5\r\nhello\r\n"), upstream("MSG a 1 2\r\nhi\r\n")})
}

func BenchmarkNATS(b *testing.B) {
	benchNamed(b, NewNATS(Options{}), conversation{upstream(natsInfo)}, "PUB subject 16\r\n0123456789abcdef\r\n", "MSG subject 1 16\r\n0123456789abcdef\r\n")
}
